//! One process at a time writes to an output folder, and what a killed one left is removed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::Artifacts;
use super::write::{Made, WriteError, stays_inside};
use crate::wait::{self, Look, WaitError};

/// How long to wait for another process: writing takes well under a second.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(20);

/// What temporary files are called.
pub(super) const TEMPORARY: &str = ".meshimg-";

/// Makes the folder, and keeps other processes from writing to it (flock(2)) until the result is dropped or this process has ended.
///
/// # Errors
/// [`WriteError::Busy`] after [`DEADLINE`], [`WriteError::Interrupted`], or [`WriteError::Write`].
pub(super) fn alone(folder: &Path, made: &mut Made) -> Result<fs::File, WriteError> {
    alone_within(DEADLINE, folder, made)
}

fn alone_within(deadline: Duration, folder: &Path, made: &mut Made) -> Result<fs::File, WriteError> {
    let mut failure = None;
    let mut process = None;
    let lock = wait::until("the end of the other meshimg", deadline, INTERVAL, || {
        match try_lock(folder, made) {
            Ok(Found::Lock(file)) => Look::Ready(file),
            Ok(Found::Other(other)) => {
                process = other;
                Look::Pending(format!("{} is locked", folder.display()))
            }
            Err(source) => {
                failure = Some(source);
                Look::Gone(format!("{} cannot be locked", folder.display()))
            }
        }
    });
    let path = || folder.to_owned();
    match (lock, failure) {
        (Ok(file), _) => Ok(file),
        (Err(_), Some(source)) => Err(WriteError::Write { path: path(), source }),
        (Err(WaitError::Interrupted { .. }), None) => Err(WriteError::Interrupted),
        (Err(_), None) => Err(WriteError::Busy {
            path: path(),
            process: process.map_or_else(|| "unknown".to_owned(), |process| process.to_string()),
        }),
    }
}

enum Found {
    Lock(fs::File),
    /// The process that has it, if the kernel says so.
    Other(Option<u32>),
}

fn try_lock(folder: &Path, made: &mut Made) -> io::Result<Found> {
    made.folders(folder)?;
    let file = fs::File::open(folder)?;
    let inode = file.metadata()?.ino();
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // A run that fails removes the folders that it made: then this is a lock of nothing.
        Ok(()) if fs::metadata(folder).is_ok_and(|now| now.ino() == inode) => Ok(Found::Lock(file)),
        Ok(()) | Err(rustix::io::Errno::INTR) => Ok(Found::Other(None)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(Found::Other(holder(inode))),
        Err(error) => Err(error.into()),
    }
}

/// The process with an flock on this inode: `1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF` (proc_locks(5)).
fn holder(inode: u64) -> Option<u32> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, found) = words.get(5)?.rsplit_once(':')?;
        (words.get(1) == Some(&"FLOCK") && found.parse() == Ok(inode)).then(|| words.get(4)?.parse().ok())?
    })
}

/// Removes temporary files that a killed run left where this one writes. What can't be removed takes space, and is in nobody's way.
pub(super) fn remove_leftovers(folder: &Path, artifacts: &Artifacts) {
    let parents = artifacts
        .0
        .keys()
        .map(|name| folder.join(name).parent().unwrap_or(folder).to_owned());
    for parent in parents.collect::<BTreeSet<_>>() {
        if stays_inside(folder, &parent).is_err() {
            continue;
        }
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
            if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_lock_is_known_by_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let lock = alone(folder.path(), &mut Made::default()).unwrap();
        let found = try_lock(folder.path(), &mut Made::default()).unwrap();
        assert!(matches!(found, Found::Other(Some(process)) if process == std::process::id()));
        let error = alone_within(INTERVAL, folder.path(), &mut Made::default()).unwrap_err();
        let wanted = format!(
            "another meshimg (process {}) has been writing to {} for a minute; wait for it or end it, then run this again",
            std::process::id(),
            folder.path().display()
        );
        assert_eq!(error.to_string(), wanted);
        drop(lock);
        assert!(matches!(try_lock(folder.path(), &mut Made::default()).unwrap(), Found::Lock(_)));
    }
}
