//! Where a bundle lies, and how many of them are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use crate::lab::state::{StateError, make_private, state_folder};

/// Bundles of one cluster that are kept in the state folder; the oldest goes first.
pub const KEPT: usize = 5;

/// The folder of bundles, below the state folder: beside the labs, so `lab down` leaves it alone.
const FAILURES: &str = "failures";

/// Why there can be no bundle where it was wanted.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{}: is there already, and is not an empty folder; name another one for --bundle", .0.display())]
    Taken(PathBuf),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Where the bundle of `cluster` will be: `wanted`, or a new folder of the state folder. Nothing is made yet.
///
/// # Errors
/// [`FolderError`].
pub fn choose(wanted: Option<&Path>, cluster: &str) -> Result<PathBuf, FolderError> {
    let Some(wanted) = wanted else {
        return Ok(unused(&state_folder()?.join(FAILURES), &name(cluster, SystemTime::now())));
    };
    let error = |source| FolderError::Io {
        path: wanted.to_owned(),
        source,
    };
    match fs::read_dir(wanted).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => return Err(FolderError::Taken(wanted.to_owned())),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {}
        Err(source) if source.kind() == io::ErrorKind::NotADirectory => return Err(FolderError::Taken(wanted.to_owned())),
        Err(source) => return Err(error(source)),
    }
    std::path::absolute(wanted).map_err(error)
}

/// `demo-20261124T121500Z`: sorted by name they are sorted by time.
fn name(cluster: &str, time: SystemTime) -> String {
    format!("{cluster}-{}", DateTime::<Utc>::from(time).format("%Y%m%dT%H%M%SZ"))
}

fn unused(parent: &Path, name: &str) -> PathBuf {
    let mut path = parent.join(name);
    let mut number = 2;
    while path.exists() {
        path = parent.join(format!("{name}-{number}"));
        number += 1;
    }
    path
}

/// Makes `path`, for its owner only, as logs are nobody else's business.
///
/// # Errors
/// [`StateError::Io`].
pub fn make(path: &Path) -> Result<(), StateError> {
    make_private(path)
}

/// Removes all but the newest [`KEPT`] bundles of `cluster` beside `path`, if that is in the state folder, and says how many went.
pub fn prune(path: &Path, cluster: &str) -> usize {
    let Some(parent) = path.parent() else { return 0 };
    if state_folder().ok().map(|state| state.join(FAILURES)).as_deref() != Some(parent) {
        return 0;
    }
    let names = fs::read_dir(parent).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let old = oldest(names.collect(), cluster);
    // One that cannot be removed now goes at the next failure.
    old.iter().filter(|name| fs::remove_dir_all(parent.join(name)).is_ok()).count()
}

/// The names that are bundles of `cluster` beyond the newest [`KEPT`].
fn oldest(mut names: Vec<String>, cluster: &str) -> Vec<String> {
    names.retain(|name| is_ours(name, cluster));
    names.sort();
    names.truncate(names.len().saturating_sub(KEPT));
    names
}

/// Whether [`name`] gives it for this cluster and some time: `demo-2` is a cluster's name too.
fn is_ours(name: &str, cluster: &str) -> bool {
    let stamp = name
        .strip_prefix(cluster)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or_default();
    let (stamp, number) = stamp.split_at_checked(16).unwrap_or_default();
    let form = stamp.char_indices().all(|(index, sign)| match index {
        8 => sign == 'T',
        15 => sign == 'Z',
        _ => sign.is_ascii_digit(),
    });
    let number = number
        .strip_prefix('-')
        .map_or(number.is_empty(), |digits| digits.parse::<u32>().is_ok());
    stamp.len() == 16 && form && number
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn names_have_the_time_and_are_told_from_those_of_other_clusters() {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_522_500);
        assert_eq!(name("demo", noon), "demo-20261124T121500Z");
        for (text, ours) in [
            ("demo-20261124T121500Z", true),
            ("demo-20261124T121500Z-2", true),
            ("demo-2-20261124T121500Z", false),
            ("demo-20261124T121500", false),
            ("demo-20261124T121500Zx", false),
            ("demo-2026112ЖT12150Z", false),
            ("demo", false),
            ("other-20261124T121500Z", false),
        ] {
            assert_eq!(is_ours(text, "demo"), ours, "{text}");
        }
    }

    #[test]
    fn the_newest_are_kept() {
        let names = |days: std::ops::Range<u32>| days.map(|day| format!("demo-202611{day:02}T121500Z")).collect::<Vec<_>>();
        let mut all = names(10..18);
        all.reverse();
        all.push("demo-2-20260101T000000Z".to_owned());
        assert_eq!(oldest(all, "demo"), names(10..13));
        assert_eq!(oldest(names(10..15), "demo"), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("demo")).unwrap();
        fs::create_dir(folder.path().join("demo-2")).unwrap();
        assert_eq!(unused(folder.path(), "demo"), folder.path().join("demo-3"));
        assert_eq!(unused(folder.path(), "other"), folder.path().join("other"));
    }

    #[test]
    fn a_wanted_folder_is_new_or_empty() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let choose = |path: &Path| choose(Some(path), "demo");
        assert!(matches!(choose(folder.path()), Err(FolderError::Taken(_))));
        assert!(matches!(choose(&file), Err(FolderError::Taken(_))));
        assert!(matches!(choose(&file.join("below")), Err(FolderError::Taken(_))));
        let new = folder.path().join("new/one");
        assert_eq!(choose(&new).unwrap(), new);
        make(&new).unwrap();
        assert_eq!(choose(&new).unwrap(), new);
    }
}
