//! The EFI system partition. Pure.
//!
//! Debian's signed loaders, where firmware looks that has been told nothing (UEFI Specification 2.10, section 3.5.1.1): shim as BOOTX64.EFI, which
//! loads GRUB from beside it. GRUB has been built to read its configuration from /EFI/debian.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

use crate::image::seed::CLOCK;

/// The volume label, padded as FAT wants it.
const LABEL: [u8; 11] = *b"ESP        ";

/// What GRUB reads first: where its real configuration is.
pub fn grub_configuration(root: &str) -> String {
    format!("search --no-floppy --fs-uuid --set=root {root}\nset prefix=($root)'/boot/grub'\nconfigfile $prefix/grub.cfg\n")
}

/// A file system of `bytes` bytes with `files`, by path from the root, such as `EFI/BOOT/BOOTX64.EFI`. Its clock stands still, so that the same
/// files give the same bytes.
///
/// # Errors
/// Files that do not fit, or a size that no FAT has.
pub fn volume(files: &BTreeMap<&str, &[u8]>, id: u32, bytes: u64) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(bytes).map_err(std::io::Error::other)?;
    let mut volume = Cursor::new(vec![0_u8; length]);
    let options = FormatVolumeOptions::new().volume_label(LABEL).volume_id(id);
    fatfs::format_volume(&mut volume, options)?;
    volume.set_position(0);
    let file_system = FileSystem::new(&mut volume, FsOptions::new().time_provider(&CLOCK))?;
    {
        let root = file_system.root_dir();
        for (path, content) in files {
            for (at, _) in path.match_indices('/') {
                root.create_dir(&path[..at])?;
            }
            let mut file = root.create_file(path)?;
            file.truncate()?;
            file.write_all(content)?;
            file.flush()?;
        }
    }
    file_system.unmount()?;
    Ok(volume.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn files_are_read_back_and_the_same_files_give_the_same_bytes() {
        let files = BTreeMap::from([("EFI/BOOT/BOOTX64.EFI", b"shim".as_slice()), ("EFI/debian/grub.cfg", b"search")]);
        let made = || volume(&files, 0x1234_5678, 8 << 20).unwrap();
        let first = made();
        assert_eq!(first.len(), 8 << 20);
        assert!(first == made());
        let file_system = FileSystem::new(Cursor::new(first), FsOptions::new()).unwrap();
        assert_eq!((file_system.volume_id(), file_system.volume_label().as_str()), (0x1234_5678, "ESP"));
        for (path, content) in files {
            let mut found = Vec::new();
            file_system.root_dir().open_file(path).unwrap().read_to_end(&mut found).unwrap();
            assert_eq!(found, content);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let files = BTreeMap::from([("EFI/BOOT/BOOTX64.EFI", [0; 1 << 20].as_slice())]);
        volume(&files, 1, 1 << 20).unwrap_err();
    }

    #[test]
    fn grub_finds_the_root_by_its_uuid() {
        insta::assert_snapshot!(grub_configuration("5"), @r"
        search --no-floppy --fs-uuid --set=root 5
        set prefix=($root)'/boot/grub'
        configfile $prefix/grub.cfg
        ");
    }
}
