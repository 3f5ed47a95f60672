//! A FAT volume labelled `cidata`, as cloud-init's NoCloud data source looks for.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};

/// Room for the file system itself, bytes.
const OVERHEAD: usize = 512 * 1024;

/// The bytes of a volume with `files`.
///
/// # Errors
/// When a file does not fit or a name is none.
pub fn nocloud(files: &BTreeMap<&str, &[u8]>) -> std::io::Result<Vec<u8>> {
    let content: usize = files.values().map(|bytes| bytes.len().next_multiple_of(4096)).sum();
    let mut bytes = Cursor::new(vec![0; (content + OVERHEAD).next_multiple_of(1024 * 1024)]);
    fatfs::format_volume(
        &mut bytes,
        FormatVolumeOptions::new().volume_label(*b"cidata     ").volume_id(0x6d65_7368),
    )?;
    bytes.set_position(0);
    {
        let volume = FileSystem::new(&mut bytes, FsOptions::new())?;
        for (name, content) in files {
            volume.root_dir().create_file(name)?.write_all(content)?;
        }
        volume.unmount()?;
    }
    Ok(bytes.into_inner())
}
