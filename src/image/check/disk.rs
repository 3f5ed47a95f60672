//! The disk's parts without their files: boot code, the EFI system partition, which partition has the system.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::files::Ext4Tree;
use super::finding::{Code, Finding};
use super::table::{BIOS_BOOT, Label, Partition, Table};
use crate::image::tree::{Root, WithBoot};

/// Bytes of sector 0 that are code; behind them are the disk's identifier and the MBR's table.
const BOOT_CODE: usize = 440;

/// The file that UEFI firmware starts on a disk that it knows nothing of, x86-64 (UEFI 2.10, 3.5.1.1).
const LOADER: &str = "EFI/BOOT/BOOTX64.EFI";

/// What begins where, in a partition: name, offset, bytes.
const FILE_SYSTEMS: [(&str, u64, &[u8]); 7] = [
    ("ext4", 0x438, b"\x53\xef"),
    ("xfs", 0, b"XFSB"),
    ("btrfs", 0x10040, b"_BHRfS_M"),
    ("LVM", 0x200, b"LABELONE"),
    ("LUKS", 0, b"LUKS\xba\xbe"),
    ("squashfs", 0, b"hsqs"),
    ("f2fs", 0x400, b"\x10\x20\xf5\xf2"),
];

/// `count` bytes of the disk; fewer at its end.
fn bytes(raw: &Path, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(raw)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// What a PC with a BIOS would miss.
///
/// # Errors
/// The disk cannot be read.
pub fn bios(raw: &Path, table: &Table) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let sector = bytes(raw, 0, 512)?;
    let code = sector.get(..BOOT_CODE).unwrap_or_default();
    if is_blank(code) || !sector.ends_with(b"\x55\xaa") {
        findings.push(Finding::new(
            Code::NoBootCode,
            "sector 0 has no boot loader: a PC with BIOS does not start from this disk",
            "install GRUB for BIOS (grub-pc, grub-install --target=i386-pc), or say --boot uefi if the image is for UEFI alone",
        ));
    }
    let partition = table.partitions.iter().find(|partition| partition.kind == BIOS_BOOT);
    match partition {
        None if table.label == Label::Gpt => findings.push(Finding::new(
            Code::NoBiosPartition,
            "GPT without a BIOS boot partition: GRUB has no place for its core",
            format!("add a partition of 1 MiB with the type {BIOS_BOOT}, or say --boot uefi if the image is for UEFI alone"),
        )),
        Some(partition) if is_blank(&bytes(raw, partition.start, 512)?) => findings.push(Finding::new(
            Code::BiosPartitionEmpty,
            format!("partition {}, for GRUB's core, is empty", partition.number),
            "run grub-install --target=i386-pc",
        )),
        _ => {}
    }
    Ok(findings)
}

/// What UEFI firmware would miss.
pub fn uefi(raw: &Path, table: &Table) -> Vec<Finding> {
    let Some(esp) = table.partitions.iter().find(|partition| partition.is_esp()) else {
        return vec![Finding::new(
            Code::NoEsp,
            "there is no EFI system partition: UEFI firmware does not start from this disk",
            "add one with a FAT file system and EFI/BOOT/BOOTX64.EFI, or say --boot bios if the image is for BIOS alone",
        )];
    };
    match has_loader(raw, esp) {
        Ok(true) => Vec::new(),
        Ok(false) => vec![Finding::new(
            Code::NoUefiLoader,
            format!("the EFI system partition {} has no {LOADER}", esp.number),
            "put a boot loader there: grub-install --target=x86_64-efi --removable",
        )],
        Err(error) => vec![Finding::new(
            Code::EspUnreadable,
            format!("the EFI system partition {} cannot be read: {error}", esp.number),
            "make it anew: mkfs.fat -F 32",
        )],
    }
}

fn has_loader(raw: &Path, esp: &Partition) -> io::Result<bool> {
    let slice = Slice::open(raw, esp)?;
    let volume = fatfs::FileSystem::new(slice, fatfs::FsOptions::new())?;
    match volume.root_dir().open_file(LOADER) {
        Ok(mut file) => Ok(file.seek(SeekFrom::End(0))? > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A partition as a file that is only read: fatfs wants one to write, too, and gets an error if it does.
struct Slice {
    file: File,
    start: u64,
    size: u64,
    at: u64,
}

impl Slice {
    fn open(raw: &Path, partition: &Partition) -> io::Result<Self> {
        Ok(Self {
            file: File::open(raw)?,
            start: partition.start,
            size: partition.size,
            at: 0,
        })
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = buffer.len().min(left);
        self.file.seek(SeekFrom::Start(self.start + self.at))?;
        let count = self.file.read(&mut buffer[..count])?;
        self.at += count as u64;
        Ok(count)
    }
}

impl io::Write for Slice {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Slice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The partition with the system, and its files.
pub struct System {
    pub partition: u32,
    pub tree: WithBoot<Ext4Tree>,
}

/// Finds the system among the partitions.
///
/// # Errors
/// The disk cannot be read. What is wrong with its content is a finding.
pub fn system(raw: &Path, table: &Table) -> io::Result<Result<System, Finding>> {
    let mut others: Vec<String> = Vec::new();
    let mut trees: Vec<(u32, Ext4Tree)> = Vec::new();
    for partition in table
        .partitions
        .iter()
        .filter(|partition| !partition.is_esp() && partition.kind != BIOS_BOOT)
    {
        match file_system(raw, partition)? {
            Some("ext4") => match Ext4Tree::open(raw, partition.start) {
                Ok(tree) => trees.push((partition.number, tree)),
                Err(error) => return Ok(Err(damaged(partition.number, &error))),
            },
            Some("LUKS") => others.push(format!("partition {} is encrypted (LUKS)", partition.number)),
            Some(other) => others.push(format!("partition {} has {other}", partition.number)),
            None => {}
        }
    }
    let is_root = |tree: &Ext4Tree| {
        ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .any(|path| Root(tree).is_file(path))
    };
    let Some(place) = trees.iter().position(|(_, tree)| is_root(tree)) else {
        return Ok(Err(no_root(&others)));
    };
    let (partition, root) = trees.swap_remove(place);
    let has_kernels = |tree: &Ext4Tree| Root(tree).names("/").iter().any(|name| name.starts_with("vmlinuz-"));
    let boot = trees.into_iter().map(|(_, tree)| tree).find(has_kernels);
    Ok(Ok(System {
        partition,
        tree: WithBoot { root, boot },
    }))
}

fn file_system(raw: &Path, partition: &Partition) -> io::Result<Option<&'static str>> {
    for (name, offset, magic) in FILE_SYSTEMS {
        if bytes(raw, partition.start.saturating_add(offset), magic.len())? == magic {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn no_root(others: &[String]) -> Finding {
    let is_encrypted = others.iter().any(|other| other.contains("encrypted"));
    match others {
        [] => Finding::new(
            Code::NoRoot,
            "no partition has an ext4 file system with a Linux system (/etc/os-release)",
            "give the image of an installed system",
        ),
        _ if is_encrypted => Finding::new(
            Code::Encrypted,
            format!("no system can be read: {}", others.join(", ")),
            "install the system without encryption: nobody types a passphrase on a server that starts",
        ),
        _ => Finding::new(
            Code::RootFilesystem,
            format!("no ext4 file system with a system: {}", others.join(", ")),
            "install the system on ext4, without LVM: Digital Ocean takes nothing else, and this check reads nothing else",
        ),
    }
}

/// The root file system is not whole.
pub fn damaged(partition: u32, error: &str) -> Finding {
    Finding::new(
        Code::Damaged,
        format!("the ext4 file system of partition {partition} cannot be read: {error}"),
        "check it with e2fsck(8), or build the image again",
    )
}
