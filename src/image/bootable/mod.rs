//! A disk with all that the mesh needs, which boots by BIOS and by UEFI wherever its file is taken.
//!
//! Three entries of the cache, each made of the one before it: the tree of packages, the raw disk, and the file in its format.

mod boot_code;
mod disk;
mod esp;
mod format;
mod layout;
mod manifest;
mod put;
mod vhdx;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use format::Format;
pub use put::put;

use super::cache::{Cache, Inputs, Key};
use super::hash::hash;
use super::hooks::{self, Hooks};
use super::{ImageError, base, mmdebstrap, packages};
use crate::exec::Tool;
use crate::spec::{ArchiveUrl, Os, PackageName};
use crate::ui::Ui;

/// Which image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootableRequest {
    /// Debian only.
    pub os: Os,
    /// Package archive; `None`: mmdebstrap's own default for the release.
    pub archive: Option<ArchiveUrl>,
    /// Packages besides those that every image has.
    pub packages: BTreeSet<PackageName>,
    /// Whether the archive is one of the past, whose signature is no longer valid today.
    pub is_snapshot: bool,
    /// A folder with an archive of packages of Open vSwitch, whose name tells it from others: an entry of the cache.
    pub open_vswitch: Option<PathBuf>,
    pub format: Format,
}

/// The files of an image. All are in the cache, and read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootable {
    /// The disk, in the format that was asked for.
    pub disk: PathBuf,
    /// The SHA-256 of its file, hexadecimal.
    pub sha256: String,
    /// What is in it: CycloneDX, JSON.
    pub manifest: PathBuf,
}

/// Raised when what a build does changes in a way that no other input shows.
const RECIPE_VERSION: &str = "1";

/// Run by mmdebstrap when all packages are configured.
const EPOCH_SCRIPT: &str = include_str!("../scripts/epoch.sh");

/// Makes the root file system.
const BOOTABLE_SCRIPT: &str = include_str!("../scripts/bootable.sh");

/// Debian's kernel with the drivers of real machines, both firmwares' boot loader with its hooks for upgrades, and what makes the root grow.
const PACKAGES: &[&str] = &[
    "cloud-guest-utils",
    "debian-archive-keyring",
    "grub-cloud-amd64",
    "linux-image-amd64",
];

const PROGRAMS: &[&str] = &[
    "mmdebstrap",
    "mke2fs",
    "debugfs",
    "dumpe2fs",
    "sfdisk",
    "unshare",
    "apt-get",
    "qemu-img",
];

/// A conversion takes 25 s on two cores; a slow disk may take its time.
const CONVERSION_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// The file of the tree.
const TREE: &str = "root.tar";

fn packages(request: &BootableRequest) -> Vec<&str> {
    let mut packages: Vec<&str> = packages::mesh_packages(request.os);
    packages.extend(packages::PACKAGES.iter().chain(PACKAGES));
    packages.extend(request.packages.iter().map(|package| package.as_str()));
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// The arguments of mmdebstrap(1) that write the tree to `tar`; its hook is a script in the folder `hooks`.
fn mmdebstrap(request: &BootableRequest, suite: &str, hooks: &str, tar: &Path) -> Vec<OsString> {
    let mut options = Vec::new();
    if request.is_snapshot {
        options.push("--aptopt=Acquire::Check-Valid-Until \"false\"".to_owned());
    }
    options.push(format!("--customize-hook=sh {hooks}/epoch.sh \"$1\""));
    mmdebstrap::arguments(suite, &packages(request), &options, tar, request.archive.as_ref())
}

/// Everything that decides what the tree is.
fn tree_inputs(request: &BootableRequest, suite: &str) -> Inputs {
    let mut inputs = Inputs::new("tree", RECIPE_VERSION);
    for argument in mmdebstrap(request, suite, "HOOKS", Path::new(TREE)) {
        inputs.add("mmdebstrap", argument.as_encoded_bytes());
    }
    inputs.add("epoch.sh", EPOCH_SCRIPT);
    inputs
}

/// Everything that decides what the disk is.
fn disk_inputs(request: &BootableRequest, tree: &Key) -> Inputs {
    let mut inputs = Inputs::new("image", RECIPE_VERSION);
    inputs.add("tree", tree.to_string());
    inputs.add("open-vswitch", base::entry_name(request.open_vswitch.as_deref()));
    inputs.add("script", mmdebstrap::whole_script(BOOTABLE_SCRIPT));
    disk::add_inputs(&mut inputs);
    inputs
}

fn format_key(disk: &Key, format: Format) -> Key {
    let mut inputs = Inputs::new("file", RECIPE_VERSION);
    inputs.add("image", disk.to_string());
    inputs.add("format", format.name());
    for argument in format
        .conversion(Path::new("FROM"), Path::new("TO"))
        .into_iter()
        .flat_map(|call| call.1)
    {
        inputs.add("argument", argument.as_encoded_bytes());
    }
    inputs.key()
}

/// Finds the image in the cache, or builds what of it is missing.
///
/// # Errors
/// [`ImageError::NotDebian`]; a missing program; what a tool said; a file that could not be written. Nothing half-made is left in the cache.
pub fn bootable(request: &BootableRequest, cache: &Cache, ui: &Ui) -> Result<Bootable, ImageError> {
    let suite = mmdebstrap::suite(request.os)?;
    let tree_key = tree_inputs(request, suite).key();
    let disk_key = disk_inputs(request, &tree_key).key();
    let file_key = format_key(&disk_key, request.format);
    let folder = match cache.find(&file_key) {
        Some(folder) => folder,
        None => {
            hooks::require(PROGRAMS)?;
            let disk = disk_entry(request, suite, (&tree_key, &disk_key), cache, ui)?;
            cache.build(&file_key, ui, |folder| file(request.format, &disk, folder, ui))?
        }
    };
    let sums = folder.join(SUMS);
    let text = std::fs::read_to_string(&sums).map_err(|source| ImageError::file(&sums, source))?;
    let (sha256, name) = text.trim_end().split_once("  ").ok_or_else(|| ImageError::Made {
        what: "sha256sum",
        why: format!("{text:?}"),
    })?;
    Ok(Bootable {
        disk: folder.join(name),
        sha256: sha256.to_owned(),
        manifest: folder.join(disk::MANIFEST),
    })
}

/// The entry of the raw disk.
fn disk_entry(request: &BootableRequest, suite: &str, keys: (&Key, &Key), cache: &Cache, ui: &Ui) -> Result<PathBuf, ImageError> {
    let (tree_key, disk_key) = keys;
    if let Some(folder) = cache.find(disk_key) {
        return Ok(folder);
    }
    let what = format!("image {}", request.os);
    let tree = match cache.find(tree_key) {
        Some(folder) => folder,
        None => cache.build(tree_key, ui, |folder| {
            ui.step(&format!("{what}: packages"), || {
                let hooks = Hooks::new(&[("epoch.sh", EPOCH_SCRIPT)])?;
                let arguments = mmdebstrap(request, suite, hooks.path(), &folder.join(TREE));
                // The initrd is made once, with the disk.
                mmdebstrap::run(&hooks, arguments, folder, &[("INITRD", "No")])
            })
        })?,
    };
    cache.build(disk_key, ui, |folder| {
        ui.step(&format!("{what}: disk"), || disk::make(request, disk_key, &tree.join(TREE), folder))
    })
}

/// What a VHDX is called by, before a host has written to it: "meshimg".
const VHDX_ID: [u8; 16] = *b"meshimg\0\0\0\0\0\0\0\0\0";

/// The file with the sum of the disk's, as sha256sum(1) writes it.
const SUMS: &str = "SHA256SUMS";

/// Writes the disk's file, its sum and its manifest to `folder`.
fn file(format: Format, disk: &Path, folder: &Path, ui: &Ui) -> Result<(), ImageError> {
    let raw = disk.join(disk::DISK);
    let name = format!("disk.{}", format.name());
    let made = folder.join(&name);
    ui.step(&format!("image: {}", format.name()), || -> Result<(), ImageError> {
        match format.conversion(&raw, &made) {
            Some((program, arguments)) => {
                Tool::new(program, CONVERSION_DEADLINE).arguments(arguments).run()?;
                if format == Format::Vhdx {
                    let file = std::fs::File::options().read(true).write(true).open(&made);
                    let settled = file.and_then(|file| vhdx::make_the_same(&file, VHDX_ID));
                    settled.map_err(|source| ImageError::file(&made, source))?;
                }
            }
            // One disk under two names: the entries of the cache are never written to.
            None => std::fs::hard_link(&raw, &made).map_err(|source| ImageError::file(&made, source))?,
        }
        let (sum, _) = hash(&made).map_err(|source| ImageError::file(&made, source))?;
        super::write(&folder.join(SUMS), &format!("{sum}  {name}\n"))
    })?;
    let manifest = folder.join(disk::MANIFEST);
    std::fs::copy(disk.join(disk::MANIFEST), &manifest).map_err(|source| ImageError::file(&manifest, source))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn request() -> BootableRequest {
        BootableRequest {
            os: Os::Debian13,
            archive: None,
            packages: BTreeSet::new(),
            is_snapshot: false,
            open_vswitch: None,
            format: Format::Qcow2,
        }
    }

    fn shown(request: &BootableRequest) -> String {
        let arguments = mmdebstrap(request, mmdebstrap::suite(request.os).unwrap(), "/tmp/hooks", Path::new(TREE));
        let lines: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        lines.join("\n")
    }

    #[test]
    fn arguments_of_mmdebstrap() {
        insta::assert_snapshot!("mmdebstrap", shown(&request()));
        let archive = Some("https://archive.example.org/20260101T000000Z".parse().unwrap());
        let old = BootableRequest {
            os: Os::Debian12,
            archive,
            is_snapshot: true,
            ..request()
        };
        insta::assert_snapshot!("mmdebstrap_snapshot", shown(&old));
    }

    #[test]
    fn each_entry_changes_with_its_inputs_alone() {
        let keys = |request: &BootableRequest| {
            let tree = tree_inputs(request, mmdebstrap::suite(request.os).unwrap()).key();
            let disk = disk_inputs(request, &tree).key();
            let file = format_key(&disk, request.format);
            [tree, disk, file].map(|key| key.to_string())
        };
        let plain = keys(&request());
        let differs = |request: BootableRequest| {
            let other = keys(&request);
            [0, 1, 2].map(|index| plain[index] != other[index])
        };
        assert_eq!(differs(request()), [false, false, false]);
        let own = |name: &str| BootableRequest {
            open_vswitch: Some(name.into()),
            ..request()
        };
        let format = BootableRequest {
            format: Format::Raw,
            ..request()
        };
        assert_eq!(differs(format), [false, false, true]);
        assert_eq!(differs(own("/cache/openvswitch-1")), [false, true, true], "the packages stay");
        assert_ne!(keys(&own("/cache/openvswitch-1")), keys(&own("/cache/openvswitch-2")));
        let os = BootableRequest {
            os: Os::Debian12,
            ..request()
        };
        assert_eq!(differs(os), [true, true, true]);
        let more = BootableRequest {
            packages: BTreeSet::from(["htop".parse().unwrap(), "docker.io".parse().unwrap()]),
            ..request()
        };
        assert!(shown(&more).contains(",docker.io,") && shown(&more).contains(",htop,"));
        assert_eq!(differs(more), [true, true, true]);
        let archive = Some("https://archive.example.org/debian".parse().unwrap());
        assert_eq!(differs(BootableRequest { archive, ..request() }), [true, true, true]);
    }

    #[test]
    fn other_systems_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let ubuntu = BootableRequest {
            os: Os::Ubuntu2404,
            ..request()
        };
        let error = bootable(&ubuntu, &Cache::at(folder.path()), &Ui::silent()).unwrap_err();
        assert_eq!(error.to_string(), "only Debian images are built (debian-12, debian-13)");
    }
}
