//! An image as a file to hand to Digital Ocean, which imports some formats and no others: what its first bytes say, without any program. Whether it is
//! whole and fit is the business of [`super::check`].

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::check::SIZE_LIMIT;
use crate::exec::interrupt;

/// How the disk is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    Raw,
    Qcow2,
    Vhdx,
    Vdi,
    Vmdk,
}

/// How the file is compressed once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Bzip2,
}

/// A file that may be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    pub path: PathBuf,
    /// Of what is compressed by bzip2 it is taken from the name: nothing here unpacks that.
    pub format: DiskFormat,
    pub compression: Option<Compression>,
    /// Of the file.
    pub bytes: u64,
    /// Of the file, hexadecimal.
    pub sha256: String,
}

/// Why a file can't be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read {}: {source}; give an image that you may read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a file; give a disk image", path.display())]
    NotAFile { path: PathBuf },
    #[error("{}: {why}; Digital Ocean imports raw, qcow2, vhdx, vdi and vmdk, plain or compressed by gzip or bzip2", path.display())]
    Format { path: PathBuf, why: String },
    #[error("{}: the compressed file cannot be read to its end: {source}; build or download it again", path.display())]
    Damaged { path: PathBuf, source: io::Error },
    #[error("{}: the disk has {size} bytes or more, and Digital Ocean imports less than {SIZE_LIMIT}; make it smaller: the root file system grows at the first boot", path.display())]
    TooLarge { path: PathBuf, size: u64 },
    #[error("interrupted")]
    Interrupted,
}

/// As many bytes as tell one format from another, and how large the disk is.
const HEAD: usize = 1024;

/// Reads `path` once, to its end.
///
/// # Errors
/// [`ImportError`].
pub fn identify(path: &Path) -> Result<ImageFile, ImportError> {
    let read = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(ImportError::NotAFile { path: path.to_owned() });
    }
    let refused = |why: String| ImportError::Format {
        path: path.to_owned(),
        why,
    };
    let mut reader = BufReader::with_capacity(1 << 20, Hashing::new(file));
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(read)?;
    let compression = compression(&head).map_err(refused)?;
    let (format, size) = match compression {
        None => {
            let format = format(&head).map_err(refused)?;
            (format, virtual_size(format, &head, metadata.len()))
        }
        Some(Compression::Gzip) => {
            let mut unpacked = Unpacked::default();
            let whole = head.as_slice().chain(&mut reader);
            unpacked.read(MultiGzDecoder::new(whole)).map_err(|source| damaged(path, source))?;
            let format = format(&unpacked.head).map_err(refused)?;
            (format, virtual_size(format, &unpacked.head, unpacked.size))
        }
        Some(Compression::Bzip2) => (format_of_name(path), 0),
    };
    if size >= SIZE_LIMIT {
        return Err(ImportError::TooLarge {
            path: path.to_owned(),
            size,
        });
    }
    io::copy(&mut reader, &mut io::sink()).map_err(|source| damaged(path, source))?;
    let (sha256, bytes) = reader.into_inner().finish();
    Ok(ImageFile {
        path: path.to_owned(),
        format,
        compression,
        bytes,
        sha256,
    })
}

fn damaged(path: &Path, source: io::Error) -> ImportError {
    if interrupt::requested() {
        return ImportError::Interrupted;
    }
    ImportError::Damaged {
        path: path.to_owned(),
        source,
    }
}

impl ImageFile {
    /// How names of such files end, as Digital Ocean goes by the name: `qcow2`, `img.gz`.
    pub fn extension(&self) -> String {
        let format = match self.format {
            DiskFormat::Raw => "img",
            DiskFormat::Qcow2 => "qcow2",
            DiskFormat::Vhdx => "vhdx",
            DiskFormat::Vdi => "vdi",
            DiskFormat::Vmdk => "vmdk",
        };
        match self.compression {
            None => format.to_owned(),
            Some(Compression::Gzip) => format!("{format}.gz"),
            Some(Compression::Bzip2) => format!("{format}.bz2"),
        }
    }

    /// The name of the file without what says its format: `mesh` of `mesh.raw.gz`.
    pub fn stem(&self) -> String {
        const ENDINGS: [&str; 9] = [".gz", ".bz2", ".img", ".raw", ".qcow2", ".vhdx", ".vdi", ".vmdk", ".disk"];
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let mut stem = name.as_ref();
        while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
            stem = shorter;
        }
        if stem.is_empty() { name.into_owned() } else { stem.to_owned() }
    }
}

/// By the first bytes; an error for what compresses otherwise.
fn compression(head: &[u8]) -> Result<Option<Compression>, String> {
    match head {
        [] => Err("the file is empty".to_owned()),
        [0x1f, 0x8b, ..] => Ok(Some(Compression::Gzip)),
        [b'B', b'Z', b'h', ..] => Ok(Some(Compression::Bzip2)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err("the file is compressed by xz; unpack it: xz -d FILE".to_owned()),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err("the file is compressed by zstd; unpack it: zstd -d FILE".to_owned()),
        _ => Ok(None),
    }
}

/// By the first bytes of the disk; a raw disk has the boot signature of a partition table (UEFI specification, 5.2.1 and 5.2.3).
fn format(head: &[u8]) -> Result<DiskFormat, String> {
    match head {
        [b'Q', b'F', b'I', 0xfb, ..] => Ok(DiskFormat::Qcow2),
        [b'v', b'h', b'd', b'x', b'f', b'i', b'l', b'e', ..] => Ok(DiskFormat::Vhdx),
        [b'K', b'D', b'M', b'V', ..] => Ok(DiskFormat::Vmdk),
        [b'#', b' ', b'D', b'i', b's', b'k', b' ', b'D', ..] => Err("it only names the files that a vmdk disk is in".to_owned()),
        _ if head.get(64..68) == Some(&[0x7f, 0x10, 0xda, 0xbe]) => Ok(DiskFormat::Vdi),
        _ if head.get(510..512) == Some(&[0x55, 0xaa]) => Ok(DiskFormat::Raw),
        _ => Err("neither a raw disk with a partition table, nor another format that is known".to_owned()),
    }
}

/// The format that the name says, or raw.
fn format_of_name(path: &Path) -> DiskFormat {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let all = [
        (".qcow2", DiskFormat::Qcow2),
        (".vhdx", DiskFormat::Vhdx),
        (".vdi", DiskFormat::Vdi),
        (".vmdk", DiskFormat::Vmdk),
    ];
    let found = all.iter().find(|(part, _)| name.contains(part));
    found.map_or(DiskFormat::Raw, |(_, format)| *format)
}

/// Bytes of the disk, as far as the head says it: QEMU's docs/interop/qcow2.txt, VirtualBox's VDICore.h, VMware's Virtual Disk Format 5.0. That of
/// vhdx is elsewhere in the file. `written`: bytes of what is raw.
fn virtual_size(format: DiskFormat, head: &[u8], written: u64) -> u64 {
    let number = |place: usize| -> [u8; 8] {
        let bytes = head.get(place..place + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.unwrap_or_default()
    };
    match format {
        DiskFormat::Raw => written,
        DiskFormat::Qcow2 => u64::from_be_bytes(number(24)),
        DiskFormat::Vdi => u64::from_le_bytes(number(0x170)),
        DiskFormat::Vmdk => u64::from_le_bytes(number(12)).saturating_mul(512),
        DiskFormat::Vhdx => 0,
    }
}

/// What comes out of a compressed file: its head, and how much it is, up to what is too much.
#[derive(Default)]
struct Unpacked {
    head: Vec<u8>,
    size: u64,
}

impl Unpacked {
    fn read(&mut self, mut from: impl Read) -> io::Result<()> {
        from.by_ref().take(HEAD as u64).read_to_end(&mut self.head)?;
        let rest = SIZE_LIMIT.saturating_sub(HEAD as u64);
        self.size = self.head.len() as u64 + io::copy(&mut from.take(rest), &mut io::sink())?;
        Ok(())
    }
}

/// A reader that keeps the checksum of what went through it, and gives up on Ctrl-C.
struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Hashing {
    fn new(file: File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// SHA-256, hexadecimal, and the number of bytes.
    fn finish(self) -> (String, u64) {
        let sum = self.hash.finalize();
        (sum.iter().map(|byte| format!("{byte:02x}")).collect(), self.bytes)
    }
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::requested() {
            return Err(io::Error::other("interrupted"));
        }
        let count = self.file.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
