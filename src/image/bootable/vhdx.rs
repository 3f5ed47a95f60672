//! What qemu-img makes up for each VHDX anew, made the same each time ([MS-VHDX] 8.0): identifiers of the file, of its content and of the disk, and a
//! log that nobody will read again. What they are for, telling whether a file was written to, begins when a host writes to it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// CRC-32C, as section 2.2.2 wants it.
const SUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// Where both copies of the header are, and the bytes of each that the sum is of.
const HEADERS: [u64; 2] = [64 * 1024, 128 * 1024];
const HEADER_BYTES: usize = 4096;

/// Fields of a header.
const CHECKSUM: usize = 4;
/// The header with the greater number is the one that counts; qemu-img begins with any.
const SEQUENCE: usize = 8;
const FILE_WRITE: usize = 16;
const DATA_WRITE: usize = 32;
const LOG: usize = 48;
const LOG_LENGTH: usize = 68;
const LOG_OFFSET: usize = 72;

/// Where the table of regions is.
const REGIONS: u64 = 192 * 1024;

/// The region of metadata, and in it the item with the disk's identifier, as GUIDs are written.
const METADATA: [u8; 16] = [
    0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e,
];
const PAGE_83: [u8; 16] = [
    0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46,
];

/// Entries of both tables are this long, behind heads of 16 and 32 bytes.
const ENTRY_BYTES: usize = 32;

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("qemu-img wrote a VHDX with {what}"))
}

/// `N` bytes of `bytes` at `place`.
fn part<const N: usize>(bytes: &[u8], place: usize) -> io::Result<[u8; N]> {
    let part = bytes.get(place..place + N).and_then(|part| part.try_into().ok());
    part.ok_or_else(|| invalid("a table that is too short"))
}

/// The entry of a table that begins with `id`.
fn entry(table: &[u8], head: usize, id: [u8; 16]) -> io::Result<&[u8]> {
    let mut entries = table[head..].chunks_exact(ENTRY_BYTES);
    entries
        .find(|entry| entry.starts_with(&id))
        .ok_or_else(|| invalid("no entry where one belongs"))
}

/// A header with identifiers that do not change; gives where the log is, and how long. Pure.
fn settle(header: &mut [u8; HEADER_BYTES], id: [u8; 16], sequence: u64) -> io::Result<(u64, u32)> {
    if !header.starts_with(b"head") {
        return Err(invalid("no header where one belongs"));
    }
    if part::<16>(header, LOG)? != [0; 16] {
        return Err(invalid("a log that is not done with"));
    }
    header[SEQUENCE..SEQUENCE + 8].copy_from_slice(&sequence.to_le_bytes());
    header[FILE_WRITE..FILE_WRITE + 16].copy_from_slice(&id);
    header[DATA_WRITE..DATA_WRITE + 16].copy_from_slice(&id);
    header[CHECKSUM..CHECKSUM + 4].fill(0);
    let sum = SUM.checksum(header);
    header[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
    Ok((
        u64::from_le_bytes(part(header, LOG_OFFSET)?),
        u32::from_le_bytes(part(header, LOG_LENGTH)?),
    ))
}

/// Writes `id` in the place of all that qemu-img made up.
///
/// # Errors
/// A file that cannot be written, or that is not as qemu-img writes it.
pub fn make_the_same(file: &File, id: [u8; 16]) -> io::Result<()> {
    let mut headers = [[0; HEADER_BYTES]; 2];
    for (header, place) in headers.iter_mut().zip(HEADERS) {
        file.read_exact_at(header, place)?;
    }
    let [first, second] = headers.map(|header| part(&header, SEQUENCE).map(u64::from_le_bytes));
    let numbers = if first? > second? { [2, 1] } else { [1, 2] };
    for ((mut header, place), number) in headers.into_iter().zip(HEADERS).zip(numbers) {
        let (log, length) = settle(&mut header, id, number)?;
        file.write_all_at(&header, place)?;
        file.write_all_at(&vec![0; length as usize], log)?;
    }
    let mut regions = [0; HEADER_BYTES];
    file.read_exact_at(&mut regions, REGIONS)?;
    let metadata = u64::from_le_bytes(part(entry(&regions, 16, METADATA)?, 16)?);
    let mut items = [0; HEADER_BYTES];
    file.read_exact_at(&mut items, metadata)?;
    let item = u32::from_le_bytes(part(entry(&items, 32, PAGE_83)?, 16)?);
    file.write_all_at(&id, metadata + u64::from(item))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::exec::Tool;

    fn qemu_img(words: &[&str], paths: &[&Path]) {
        let tool = Tool::new("qemu-img", Duration::from_secs(60)).arguments(words);
        tool.arguments(paths).run().unwrap();
    }

    #[test]
    fn two_files_of_one_disk_are_the_same_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("disk"), [7; 1 << 20]).unwrap();
        let make = |name: &str| {
            qemu_img(
                &["convert", "-f", "raw", "-O", "vhdx", "-o", "subformat=dynamic"],
                &[&path("disk"), &path(name)],
            );
            let before = std::fs::read(path(name)).unwrap();
            let file = File::options().read(true).write(true).open(path(name)).unwrap();
            make_the_same(&file, [9; 16]).unwrap();
            (before, std::fs::read(path(name)).unwrap())
        };
        let (one, other) = (make("one"), make("other"));
        assert_ne!(one.0, other.0, "qemu-img makes nothing up: this is not needed any more");
        let differs = one.1.iter().zip(&other.1).position(|(one, other)| one != other);
        assert_eq!(differs, None, "they differ at this byte");
        qemu_img(&["check", "-q"], &[&path("one")]);
        qemu_img(&["compare", "-q", "-f", "raw", "-F", "vhdx"], &[&path("disk"), &path("one")]);
    }

    #[test]
    fn another_file_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4 << 20).unwrap();
        assert_eq!(
            make_the_same(&file, [9; 16]).unwrap_err().to_string(),
            "qemu-img wrote a VHDX with no header where one belongs"
        );
    }
}
