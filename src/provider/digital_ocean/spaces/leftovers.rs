//! What earlier runs have left behind: those that were killed, or could not reach Spaces any more.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::Method;

use super::answers::{Objects, Uploads};
use super::client::{Request, Spaces};
use super::error::SpacesError;
use super::upload::remove;

/// What the keys of all uploads begin with. Nothing else is ever removed.
pub const PREFIX: &str = "meshimg-image-push/";

/// After so long no run is still at it: sending and importing end before.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// An object, or an upload in parts, of another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub key: String,
    /// Since it was last written to.
    pub age: Duration,
}

impl Leftover {
    /// Whether nobody is at it any more.
    pub fn is_stale(&self) -> bool {
        self.age >= STALE
    }
}

impl Spaces {
    /// All that has our prefix, by name.
    ///
    /// # Errors
    /// [`SpacesError`].
    pub fn leftovers(&self) -> Result<Vec<Leftover>, SpacesError> {
        let list = Request::new(Method::Get, "").query(vec![("list-type", "2"), ("prefix", PREFIX)]);
        let Objects { objects } = self.read(&list)?;
        let list = Request::new(Method::Get, "").query(vec![("prefix", PREFIX), ("uploads", "")]);
        let Uploads { uploads } = self.read(&list)?;
        let objects = objects.into_iter().map(|object| (object.key, object.last_modified));
        let all = objects.chain(uploads.into_iter().map(|upload| (upload.key, upload.initiated)));
        Ok(leftovers(all, Timestamp::now()))
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`SpacesError`].
    pub fn remove(&self, leftover: &Leftover) -> Result<(), SpacesError> {
        remove(self, &leftover.key)
    }
}

/// Each key once, with its youngest time. A time that is none is now.
fn leftovers(all: impl Iterator<Item = (String, String)>, now: Timestamp) -> Vec<Leftover> {
    let mut youngest: BTreeMap<String, Duration> = BTreeMap::new();
    for (key, time) in all.filter(|(key, _)| key.starts_with(PREFIX)) {
        let then: Timestamp = time.parse().unwrap_or(now);
        let age = Duration::try_from(now.duration_since(then)).unwrap_or_default();
        let known = youngest.entry(key).or_insert(age);
        *known = age.min(*known);
    }
    let of = |(key, age)| Leftover { key, age };
    youngest.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_time_of_a_key_counts() {
        let now = "2026-11-03T12:00:00Z".parse().unwrap();
        let all = [
            ("meshimg-image-push/a/disk.img", "2026-11-02T12:00:00.000Z"),
            ("meshimg-image-push/b/disk.img", "2026-11-01T12:00:00.000Z"),
            ("meshimg-image-push/b/disk.img", "2026-11-03T11:00:00.000Z"),
            ("meshimg-image-push/c/disk.img", "2026-11-04T12:00:00.000Z"),
            ("meshimg-image-push/d/disk.img", "yesterday"),
            ("holidays.img", "2020-01-01T12:00:00.000Z"),
        ];
        let found = leftovers(all.iter().map(|(key, time)| ((*key).to_owned(), (*time).to_owned())), now);
        let found: Vec<(&str, u64, bool)> = found
            .iter()
            .map(|one| (one.key.as_str(), one.age.as_secs() / 3600, one.is_stale()))
            .collect();
        assert_eq!(
            found,
            [
                ("meshimg-image-push/a/disk.img", 24, true),
                ("meshimg-image-push/b/disk.img", 1, false),
                ("meshimg-image-push/c/disk.img", 0, false),
                ("meshimg-image-push/d/disk.img", 0, false),
            ]
        );
    }
}
