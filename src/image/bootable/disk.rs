//! The raw disk, of a tree.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use super::layout::{self, Identifiers};
use super::{BOOTABLE_SCRIPT, BootableRequest, boot_code, esp, manifest};
use crate::exec::Tool;
use crate::image::cache::{Inputs, Key};
use crate::image::{ImageError, mmdebstrap, space};

/// What is made in the folder.
pub const DISK: &str = "disk.raw";
pub const MANIFEST: &str = "manifest.cdx.json";

/// The initrd takes 10 s on two cores, all else 15 s; a slow disk may take its time.
const DISK_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// The disk without its holes, bytes: 770 MB, and what a cluster.yaml may add to it.
const SPACE: u64 = 1_000_000_000;

/// Files for the EFI system partition that the script leaves, and where they go.
const LOADERS: [(&str, &str); 3] = [
    ("BOOTX64.EFI", "EFI/BOOT/BOOTX64.EFI"),
    ("grubx64.efi", "EFI/BOOT/grubx64.efi"),
    ("mmx64.efi", "EFI/BOOT/mmx64.efi"),
];

/// What of this file decides what the disk is.
pub fn add_inputs(inputs: &mut Inputs) {
    let ids = identifiers("KEY");
    inputs.add("partitions", layout::partitions(&ids));
    for argument in layout::mke2fs(DISK, "UUID") {
        inputs.add("mke2fs", argument);
    }
    inputs.add("grub.cfg", esp::grub_configuration("UUID"));
}

/// Derived from the image's key, so that two images of a machine are told apart, and an image built again is the same.
fn identifiers(key: &str) -> Identifiers {
    let uuid = |of: &str| {
        let mut inputs = Inputs::new("identifier", "1");
        inputs.add("image", key);
        inputs.add("of", of);
        inputs.key().uuid()
    };
    let esp = u32::from_str_radix(&uuid("esp")[..8], 16).unwrap_or_default();
    Identifiers {
        disk: uuid("disk"),
        root_partition: uuid("root-partition"),
        bios_partition: uuid("bios-partition"),
        esp_partition: uuid("esp-partition"),
        root: uuid("root"),
        esp,
    }
}

/// What the script gets.
fn words(tar: &Path, folder: &Path, open_vswitch: Option<&Path>, ids: &Identifiers) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![
        tar.into(),
        folder.into(),
        open_vswitch.map(OsString::from).unwrap_or_default(),
        ids.root.clone().into(),
        ids.esp_name().into(),
        layout::root_file_system(DISK).into(),
    ];
    words.extend(layout::mke2fs(DISK, &ids.root).into_iter().map(OsString::from));
    words
}

/// Makes disk and manifest in `folder` of the tree in `tar`.
pub fn make(request: &BootableRequest, key: &Key, tar: &Path, folder: &Path) -> Result<(), ImageError> {
    space::require(folder, SPACE, "MESHIMG_CACHE")?;
    let key = key.to_string();
    let ids = identifiers(&key);
    let words = words(tar, folder, request.open_vswitch.as_deref(), &ids);
    mmdebstrap::run_script(folder, BOOTABLE_SCRIPT, &words, DISK_DEADLINE)?;
    grow(&folder.join(DISK))?;
    Tool::new("sfdisk", DISK_DEADLINE)
        .arguments(["--quiet", "--no-reread", "--no-tell-kernel"])
        .argument(folder.join(DISK))
        .stdin(layout::partitions(&ids))
        .environment("PATH", mmdebstrap::PATH)
        .run()?;
    write_loaders(folder, &ids)?;
    let packages = take(folder, "packages")?;
    let packages = manifest::packages(&String::from_utf8_lossy(&packages)).map_err(|why| ImageError::Made { what: "dpkg-query", why })?;
    let mut properties = vec![(
        "archive",
        request
            .archive
            .as_ref()
            .map_or("mmdebstrap's default", |archive| archive.as_str())
            .to_owned(),
    )];
    if let Some(open_vswitch) = &request.open_vswitch {
        let name = open_vswitch.file_name().unwrap_or_default();
        properties.push(("open-vswitch", name.to_string_lossy().into_owned()));
    }
    let origin = manifest::Origin {
        os: &request.os.to_string(),
        key: &key,
        uuid: &ids.disk,
        properties,
    };
    crate::image::write(&folder.join(MANIFEST), &manifest::cyclonedx(&origin, &packages))
}

/// Lengthens the file to the size of the disk: mke2fs(8) ends it with the file system, and the table of partitions has a second copy behind that.
fn grow(path: &Path) -> Result<(), ImageError> {
    let grown = File::options()
        .write(true)
        .open(path)
        .and_then(|disk| disk.set_len(layout::bytes(layout::DISK_MIB)));
    grown.map_err(|source| ImageError::file(path, source))
}

/// Reads a file that the script left, and removes it.
fn take(folder: &Path, name: &str) -> Result<Vec<u8>, ImageError> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).map_err(|source| ImageError::file(&path, source))?;
    crate::image::remove(&path)?;
    Ok(bytes)
}

/// Writes what firmwares look for to the disk.
fn write_loaders(folder: &Path, ids: &Identifiers) -> Result<(), ImageError> {
    let path = folder.join(DISK);
    let failed = |source: io::Error| ImageError::file(&path, source);
    let wrong = |error: boot_code::BootCodeError| ImageError::Made {
        what: "GRUB",
        why: error.to_string(),
    };
    let disk = File::options().read(true).write(true).open(&path).map_err(failed)?;
    let (start, size) = layout::BIOS_BOOT_MIB;
    let most = usize::try_from(layout::bytes(size)).unwrap_or(usize::MAX);
    let rest = boot_code::rest(&take(folder, "core.img")?, layout::sector(start), most).map_err(wrong)?;
    let mut table = [0; layout::SECTOR as usize];
    disk.read_exact_at(&mut table, 0).map_err(failed)?;
    let first = boot_code::first_sector(&take(folder, "boot.img")?, &table, layout::sector(start)).map_err(wrong)?;
    disk.write_all_at(&first, 0).map_err(failed)?;
    disk.write_all_at(&rest, layout::bytes(start)).map_err(failed)?;
    let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for (name, place) in LOADERS {
        files.insert(place, take(folder, name)?);
    }
    files.insert("EFI/debian/grub.cfg", esp::grub_configuration(&ids.root).into_bytes());
    let files = files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    let (start, size) = layout::ESP_MIB;
    let volume = esp::volume(&files, ids.esp, layout::bytes(size)).map_err(failed)?;
    write_sparse(&disk, &volume, layout::bytes(start)).map_err(failed)
}

/// Writes `bytes` at `place` where they are not zero; the file has zeros there already.
fn write_sparse(disk: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    const BLOCK: usize = 4096;
    for (index, block) in bytes.chunks(BLOCK).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            disk.write_all_at(block, place + (index * BLOCK) as u64)?;
        }
    }
    disk.sync_all()
}
