//! What a BIOS finds of GRUB: its first sector, and the rest in the BIOS boot partition. Pure.
//!
//! grub-bios-setup(8) does the same, to block devices alone; a file would have to be made one by root. The places are those of GRUB's sources
//! (`grub-core/boot/i386/pc/boot.S` and `diskboot.S`, `include/grub/i386/pc/boot.h`, `util/setup.c`), and have not moved since GRUB 1.97.

use super::layout::SECTOR;

const SECTOR_BYTES: usize = SECTOR as usize;

/// Up to here a first sector is code; then come the disk's identifier and the table of partitions.
const CODE_BYTES: usize = 440;

/// Where the first sector has the number of the next one to read (`GRUB_BOOT_MACHINE_KERNEL_SECTOR`), 8 bytes.
const KERNEL_SECTOR: usize = 0x5c;

/// The jump past what mends a BIOS that says of a hard disk that it is a floppy (`GRUB_BOOT_MACHINE_DRIVE_CHECK`), 2 bytes; two `nop` let it run.
const DRIVE_CHECK: usize = 0x66;

/// Where the first sector of the rest says where what follows it is: the last of its lists of blocks, 12 bytes.
const BLOCK_LIST: usize = SECTOR_BYTES - 12;

/// Into which segment that is read (`GRUB_BOOT_MACHINE_KERNEL_SEG` and one sector more).
const SEGMENT: u16 = 0x800 + (SECTOR_BYTES as u16 >> 4);

/// GRUB's files are not what they should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BootCodeError {
    #[error("GRUB's boot.img has {0} bytes instead of 512")]
    FirstSector(usize),
    #[error("GRUB's core.img has {bytes} bytes, and must have between 1024 and {most}")]
    Rest { bytes: usize, most: usize },
}

/// The first sector of a disk: `boot` (GRUB's boot.img) with the rest beginning at sector `rest`, and all that is not code from `table`, the first
/// sector that sfdisk(8) wrote.
///
/// # Errors
/// [`BootCodeError::FirstSector`].
pub fn first_sector(boot: &[u8], table: &[u8; SECTOR_BYTES], rest: u64) -> Result<[u8; SECTOR_BYTES], BootCodeError> {
    let mut sector: [u8; SECTOR_BYTES] = boot.try_into().map_err(|_| BootCodeError::FirstSector(boot.len()))?;
    sector[KERNEL_SECTOR..KERNEL_SECTOR + 8].copy_from_slice(&rest.to_le_bytes());
    sector[DRIVE_CHECK..DRIVE_CHECK + 2].copy_from_slice(&[0x90, 0x90]);
    sector[CODE_BYTES..].copy_from_slice(&table[CODE_BYTES..]);
    Ok(sector)
}

/// `core` (GRUB's core.img) as it is to lie at sector `start`, where `most` bytes are free.
///
/// # Errors
/// [`BootCodeError::Rest`].
pub fn rest(core: &[u8], start: u64, most: usize) -> Result<Vec<u8>, BootCodeError> {
    let bytes = core.len();
    let length = bytes.next_multiple_of(SECTOR_BYTES);
    let following = (length / SECTOR_BYTES).saturating_sub(1);
    let (Ok(following @ 1..), true) = (u16::try_from(following), length <= most) else {
        return Err(BootCodeError::Rest { bytes, most });
    };
    let mut rest = core.to_vec();
    rest.resize(length, 0);
    let list = &mut rest[BLOCK_LIST..SECTOR_BYTES];
    list[..8].copy_from_slice(&(start + 1).to_le_bytes());
    list[8..10].copy_from_slice(&following.to_le_bytes());
    list[10..].copy_from_slice(&SEGMENT.to_le_bytes());
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sector_leads_to_the_rest_and_keeps_the_table() {
        let mut table = [0_u8; SECTOR_BYTES];
        table[CODE_BYTES..].fill(7);
        let sector = first_sector(&[1; SECTOR_BYTES], &table, 2048).unwrap();
        assert_eq!(sector[..KERNEL_SECTOR], [1; KERNEL_SECTOR]);
        assert_eq!(sector[KERNEL_SECTOR..KERNEL_SECTOR + 8], [0, 8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sector[DRIVE_CHECK..DRIVE_CHECK + 2], [0x90, 0x90]);
        assert_eq!(sector[CODE_BYTES..], [7; SECTOR_BYTES - CODE_BYTES]);
    }

    #[test]
    fn the_rest_says_where_it_goes_on() {
        let rest = rest(&[1; 3 * SECTOR_BYTES + 5], 2048, 4096).unwrap();
        assert_eq!(rest.len(), 4 * SECTOR_BYTES);
        assert_eq!(rest[BLOCK_LIST..SECTOR_BYTES], [1, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0x20, 0x08]);
        assert_eq!(rest[..BLOCK_LIST], [1; BLOCK_LIST]);
        assert_eq!(rest[3 * SECTOR_BYTES..][..6], [1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(first_sector(&[1; 511], &[0; SECTOR_BYTES], 1), Err(BootCodeError::FirstSector(511)));
        for bytes in [0, 512, 4097] {
            assert_eq!(rest(&vec![1; bytes], 1, 4096), Err(BootCodeError::Rest { bytes, most: 4096 }));
        }
    }
}
