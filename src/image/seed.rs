//! NoCloud seeds: the small FAT volume, labelled `cidata`, that cloud-init reads a host's user-data from
//! (<https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html>). Pure: the same files give the same bytes.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};

use fatfs::{Date, DateTime, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};

/// Why there is no seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("'{0}' is no name for a file of a seed: 1 to 64 letters, digits, '-', '_' and '.', and a letter first")]
    Name(String),
    #[error("two files of a seed differ in upper and lower case only, which FAT does not tell apart: '{0}'")]
    Case(String),
    #[error("the files of a seed have {bytes} bytes in all; at most {CONTENT_MAX_BYTES} fit")]
    TooLarge { bytes: usize },
    /// Should not happen in memory; kept, as the volume's author is another crate.
    #[error("cannot make the seed volume: {0}")]
    Volume(#[from] io::Error),
}

/// The most that a seed holds. Far more than any cloud takes (64 KiB of user-data on Digital Ocean), so it only stops mistakes.
const CONTENT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The volume label that cloud-init looks for, padded as FAT wants it.
const LABEL: [u8; 11] = *b"cidata     ";

/// The volume's serial number. Mostly random elsewhere; nothing looks at it here.
const VOLUME_ID: u32 = 0x6d65_7368;

/// Bytes in a cluster: four sectors, as mkfs.fat takes for such sizes.
const CLUSTER_BYTES: usize = 2048;

/// Room for boot sector, both FATs (1.5 bytes a cluster, or 2) and the root directory.
const OVERHEAD_BYTES: usize = 64 * 1024;

/// The volume's size is a multiple of this, so that a changed line seldom changes the size.
const ROUND_BYTES: usize = 64 * 1024;

/// From here on fatfs takes FAT16, which must have more clusters than FAT12 can have.
const FAT16_LEAST_BYTES: usize = 4 * 1024 * 1024;
const FAT16_LEAST_CLUSTERS: usize = 4096;

/// The clock of the volume: FAT's first day, whatever the time is.
#[derive(Debug)]
pub(super) struct FixedClock;

pub(super) static CLOCK: FixedClock = FixedClock;

impl TimeProvider for FixedClock {
    fn get_current_date(&self) -> Date {
        Date {
            year: 1980,
            month: 1,
            day: 1,
        }
    }

    fn get_current_date_time(&self) -> DateTime {
        let time = Time {
            hour: 0,
            min: 0,
            sec: 0,
            millis: 0,
        };
        DateTime {
            date: self.get_current_date(),
            time,
        }
    }
}

/// A NoCloud volume with `files` (name to content) in its root folder: `user-data` and `meta-data`, which cloud-init requires, and
/// `network-config` and `vendor-data`, which it takes if they are there. A FAT12 or FAT16 file system of a size that the content
/// decides, without partition table.
///
/// # Errors
/// A name that is no plain file name, two names that FAT takes for one, or more than 16 MiB of content.
pub fn nocloud(files: &BTreeMap<&str, &[u8]>) -> Result<Vec<u8>, SeedError> {
    check(files)?;
    let mut volume = Cursor::new(vec![0_u8; volume_bytes(files)]);
    let options = FormatVolumeOptions::new()
        .volume_label(LABEL)
        .volume_id(VOLUME_ID)
        .bytes_per_cluster(CLUSTER_BYTES as u32);
    fatfs::format_volume(&mut volume, options)?;
    volume.set_position(0);
    // The clock is fatfs's only source of change; its default feature would take the wall clock's.
    let file_system = FileSystem::new(&mut volume, FsOptions::new().time_provider(&CLOCK))?;
    {
        let root = file_system.root_dir();
        for (name, content) in files {
            let mut file = root.create_file(name)?;
            file.truncate()?;
            file.write_all(content)?;
            file.flush()?;
        }
    }
    file_system.unmount()?;
    Ok(volume.into_inner())
}

fn check(files: &BTreeMap<&str, &[u8]>) -> Result<(), SeedError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut seen = std::collections::BTreeSet::new();
    for name in files.keys() {
        if name.len() > 64 || !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(legal) || name.ends_with('.') {
            return Err(SeedError::Name((*name).to_owned()));
        }
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(SeedError::Case((*name).to_owned()));
        }
    }
    let bytes = files.values().map(|content| content.len()).sum();
    if bytes > CONTENT_MAX_BYTES {
        return Err(SeedError::TooLarge { bytes });
    }
    Ok(())
}

/// Length of the volume that holds `files`, bytes.
fn volume_bytes(files: &BTreeMap<&str, &[u8]>) -> usize {
    let content: usize = files.values().map(|content| content.len().next_multiple_of(CLUSTER_BYTES)).sum();
    let names = files.len() * 8 * 32;
    let tables = content / CLUSTER_BYTES * 4;
    let bytes = (content + names + tables + OVERHEAD_BYTES).next_multiple_of(ROUND_BYTES);
    if bytes < FAT16_LEAST_BYTES {
        bytes
    } else {
        bytes.max(FAT16_LEAST_CLUSTERS * CLUSTER_BYTES + 2 * OVERHEAD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read_back(volume: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut disk = Cursor::new(volume.to_vec());
        let file_system = FileSystem::new(&mut disk, FsOptions::new()).unwrap();
        assert_eq!(file_system.volume_label(), "cidata");
        assert_eq!(file_system.read_volume_label_from_root_dir().unwrap().as_deref(), Some("cidata"));
        assert_eq!(file_system.volume_id(), VOLUME_ID);
        let entries = file_system.root_dir().iter().map(Result::unwrap);
        entries
            .map(|entry| {
                let mut content = Vec::new();
                entry.to_file().read_to_end(&mut content).unwrap();
                assert_eq!(entry.modified().date.year, 1980);
                (entry.file_name(), content)
            })
            .collect()
    }

    fn example() -> BTreeMap<&'static str, &'static [u8]> {
        BTreeMap::from([
            ("user-data", b"#cloud-config\n{}\n".as_slice()),
            ("meta-data", b"instance-id: host1\n".as_slice()),
            ("network-config", b"version: 2\n".as_slice()),
            ("vendor-data", b"".as_slice()),
        ])
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let first = nocloud(&example()).unwrap();
        // FAT's clock has steps of 2 s (10 ms for creation): a wall clock would show in the second volume.
        crate::exec::interrupt::pause(std::time::Duration::from_millis(2100));
        assert_eq!(first, nocloud(&example()).unwrap());
        let digest: [u8; 32] = <sha2::Sha256 as sha2::Digest>::digest(&first).into();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(format!("{} bytes, SHA-256 {digest}", first.len()), @"131072 bytes, SHA-256 4aaaaa9d646af308fbfe754913b341c97a641b6bec0edeb972e7c2df83bf692e");
    }

    #[test]
    fn long_names_and_contents_are_read_back() {
        let expected: BTreeMap<String, Vec<u8>> = example().iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
        assert_eq!(read_back(&nocloud(&example()).unwrap()), expected);
    }

    #[test]
    fn every_size_fits_its_volume() {
        let sizes = [
            0,
            1,
            2047,
            2048,
            2049,
            65_536,
            1_000_000,
            3_900_000,
            4_000_000,
            4_200_000,
            8_000_000,
            9_000_000,
            CONTENT_MAX_BYTES - 1,
        ];
        for size in sizes {
            let content: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let files = BTreeMap::from([("meta-data", b"x".as_slice()), ("user-data", &content)]);
            let volume = nocloud(&files).unwrap_or_else(|error| panic!("{size} bytes: {error}"));
            assert!(read_back(&volume)["user-data"] == content, "{size} bytes differ");
            assert!(
                volume.len() < size + size / 64 + 8_700_000 && (size > 3_900_000 || volume.len() <= size + 196_608),
                "{size}: {}",
                volume.len()
            );
        }
    }

    #[test]
    fn the_tables_are_those_of_the_file_system_type() {
        // The type is what the count of clusters says (Microsoft's FAT specification), not what a field says: a reader that counts must agree.
        for size in [0, 3_900_000, 4_200_000, CONTENT_MAX_BYTES] {
            let content = vec![1; size];
            let mut disk = Cursor::new(nocloud(&BTreeMap::from([("user-data", content.as_slice())])).unwrap());
            let file_system = FileSystem::new(&mut disk, FsOptions::new()).unwrap();
            let clusters = file_system.stats().unwrap().total_clusters();
            let expected = if clusters < 4085 {
                fatfs::FatType::Fat12
            } else {
                fatfs::FatType::Fat16
            };
            assert_eq!(file_system.fat_type(), expected, "{size} bytes, {clusters} clusters");
        }
    }

    #[test]
    fn what_fat_cannot_hold_is_refused() {
        for name in ["", "..", "a/b", "a\nb", "-a", "user-data.", "é", "a".repeat(65).as_str()] {
            assert!(
                matches!(nocloud(&BTreeMap::from([(name, b"".as_slice())])), Err(SeedError::Name(_))),
                "{name}"
            );
        }
        let twins = BTreeMap::from([("USER-DATA", b"".as_slice()), ("user-data", b"".as_slice())]);
        assert!(matches!(nocloud(&twins), Err(SeedError::Case(_))));
        let content = vec![0; CONTENT_MAX_BYTES + 1];
        assert!(matches!(
            nocloud(&BTreeMap::from([("user-data", content.as_slice())])),
            Err(SeedError::TooLarge { .. })
        ));
    }
}
