//! Small disks: GPT with a BIOS boot partition, an EFI system partition and an ext4 root.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::sound::{self, Files};

const MIB: u64 = 1024 * 1024;

/// What is in the place of the root partition.
pub enum Root {
    Ext4,
    /// Nothing but these bytes, so far from its beginning.
    Bytes(u64, &'static [u8]),
    /// ext4 with a byte that is another, so far from its beginning.
    Damaged(u64),
}

/// What a disk is made of.
pub struct Disk {
    /// For sfdisk(8).
    pub table: String,
    pub boot_code: Vec<u8>,
    /// GRUB's place.
    pub core: Vec<u8>,
    pub has_esp: bool,
    pub loader: Option<Vec<u8>>,
    pub files: Files,
    pub root: Root,
    esp_mib: u64,
    root_mib: u64,
}

impl Disk {
    /// One in which nothing is found.
    pub fn sound() -> Self {
        let table = "label: gpt\n\
                     start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649\n\
                     start=2MiB, size=8MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\n\
                     start=10MiB, size=32MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n";
        Self {
            table: table.to_owned(),
            boot_code: says(b"hello\0"),
            core: b"core".to_vec(),
            has_esp: true,
            loader: Some(b"MZ".to_vec()),
            files: sound::sound(),
            root: Root::Ext4,
            esp_mib: 2,
            root_mib: 10,
        }
    }

    /// The root partition before the EFI system partition.
    pub fn swap(&mut self) {
        self.table = self.table.replace("start=2MiB", "start=34MiB").replace("start=10MiB", "start=2MiB");
        (self.esp_mib, self.root_mib) = (34, 2);
    }

    /// Writes it as a raw image.
    pub fn write(&self, folder: &Path, name: &str) {
        let path = folder.join(name);
        File::create(&path).and_then(|file| file.set_len(43 * MIB)).expect("a disk");
        partition(folder, name, &self.table);
        let mut disk = OpenOptions::new().write(true).open(&path).expect("the disk");
        put(&mut disk, 0, &self.boot_code);
        put(&mut disk, MIB, &self.core);
        if self.has_esp {
            // A misaligned one is one sector later.
            let sector = if self.table.contains("start=4097") { 512 } else { 0 };
            put(&mut disk, self.esp_mib * MIB + sector, &self.esp());
        }
        let root = self.root_mib * MIB;
        match self.root {
            Root::Bytes(offset, bytes) => put(&mut disk, root + offset, bytes),
            Root::Ext4 => self.ext4(folder, name),
            Root::Damaged(offset) => {
                self.ext4(folder, name);
                put(&mut disk, root + offset, b"\xff");
            }
        }
    }

    fn ext4(&self, folder: &Path, name: &str) {
        let tree = tempfile::tempdir().expect("a folder");
        sound::write(&self.files, tree.path());
        let offset = format!("offset={}", self.root_mib * MIB);
        let tree = tree.path().to_str().expect("UTF-8");
        tool(
            folder,
            "mke2fs",
            &["-q", "-F", "-t", "ext4", "-E", &offset, "-d", tree, name, "32M"],
        );
    }

    fn esp(&self) -> Vec<u8> {
        let mut volume = std::io::Cursor::new(vec![0; 7 * MIB as usize]);
        fatfs::format_volume(&mut volume, fatfs::FormatVolumeOptions::new()).expect("a FAT volume");
        let system = fatfs::FileSystem::new(&mut volume, fatfs::FsOptions::new()).expect("a FAT volume");
        let folder = system
            .root_dir()
            .create_dir("EFI")
            .and_then(|folder| folder.create_dir("BOOT"))
            .expect("a folder");
        if let Some(loader) = &self.loader {
            folder
                .create_file("BOOTX64.EFI")
                .and_then(|mut file| file.write_all(loader))
                .expect("a file");
        }
        drop(folder);
        system.unmount().expect("a FAT volume");
        volume.into_inner()
    }
}

fn put(disk: &mut File, place: u64, bytes: &[u8]) {
    disk.seek(SeekFrom::Start(place))
        .and_then(|_| disk.write_all(bytes))
        .expect("the disk can be written");
}

/// Boot code for a PC's BIOS that writes a text, up to a zero byte, to the first serial port, and stops.
pub fn says(text: &[u8]) -> Vec<u8> {
    // xor ax, ax; mov ds, ax; mov si, text; mov dx, 0x3f8; next: lodsb; test al, al; jz stop; out dx, al; jmp next; stop: hlt; jmp stop
    let mut code = b"\x31\xc0\x8e\xd8\xbe\x15\x7c\xba\xf8\x03\xac\x84\xc0\x74\x03\xee\xeb\xf8\xf4\xeb\xfd".to_vec();
    code.extend_from_slice(text);
    assert!(code.len() <= 440);
    code
}

/// Writes a partition table.
pub fn partition(folder: &Path, name: &str, table: &str) {
    let program = meshimg::exec::find("sfdisk").expect("sfdisk");
    let mut child = Command::new(program)
        .args(["--quiet", "--no-reread", "--no-tell-kernel", name])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sfdisk starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(table.as_bytes())
        .expect("sfdisk reads");
    assert!(child.wait().expect("sfdisk ends").success(), "{table}");
}

/// Runs a program that has to succeed.
pub fn tool(folder: &Path, program: &str, arguments: &[&str]) {
    let path = meshimg::exec::find(program).unwrap_or_else(|| panic!("{program} is not there"));
    let output = Command::new(path).args(arguments).current_dir(folder).output().expect("it starts");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Compresses a file.
pub fn gzip(from: &Path, to: &Path) {
    let mut encoder = flate2::write::GzEncoder::new(File::create(to).expect("a file"), flate2::Compression::fast());
    std::io::copy(&mut File::open(from).expect("a file"), &mut encoder).expect("bytes");
    encoder.finish().expect("the end");
}

/// Leaves of a file its first half, third and so on.
pub fn cut(path: &Path, parts: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    let size = file.metadata().expect("its size").len();
    file.set_len(size / parts).expect("a shorter file");
}
