//! What was fetched is kept, so that three hosts do not fetch it three times, nor the lab of tomorrow again.
//!
//! Kept are files that never change under their names: packages, and indices that are named by their hash. A file's name here is the
//! hash of its URL and that of its content, so a file that the disk spoilt is noticed and fetched anew.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::request::{Kind, Wanted};
use crate::image::fetch::FetchError;

/// Gets a URL into a file.
pub type Fetch = dyn Fn(&str, &Path) -> Result<(), FetchError> + Send + Sync;

/// Folders of files that are being fetched begin with this.
const UNFINISHED: &str = "fetch-";

/// An unfinished file of this age is nobody's any more: longer than any fetch may take.
const UNFINISHED_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A file, whole, and where it came from.
#[derive(Debug)]
pub struct Got {
    pub file: File,
    /// Bytes.
    pub length: u64,
    /// Whether it was here already.
    pub kept: bool,
}

/// A folder of files, bounded in size.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Bytes.
    max: u64,
    /// By name: held while a file is fetched, so that the second who wants it waits for the first.
    busy: Mutex<BTreeMap<String, Arc<Mutex<()>>>>,
}

impl Store {
    /// The store in `folder`, which is made. What killed processes left unfinished is removed.
    ///
    /// # Errors
    /// That of the folder.
    pub fn new(folder: &Path, max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)?.flatten() {
            let old = || entry.metadata()?.modified()?.elapsed().map_err(io::Error::other);
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) && old().is_ok_and(|age| age > UNFINISHED_AGE) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            max,
            busy: Mutex::default(),
        })
    }

    /// The file that is `wanted`, from here unless `anew`, else by `fetch`.
    ///
    /// # Errors
    /// That of the last URL that was tried, or [`FetchError::NotFound`] when no archive has it.
    pub fn get(&self, wanted: &Wanted, anew: bool, fetch: &Fetch) -> Result<Got, FetchError> {
        if wanted.kind == Kind::Index {
            return self.fetch(wanted, fetch).map(|(got, _)| got);
        }
        let name = match &wanted.kind {
            Kind::ByHash(digest) => format!("hash-{digest}"),
            _ => hex(&Sha256::digest(&wanted.name)),
        };
        let lock = Arc::clone(lock(&self.busy).entry(name.clone()).or_default());
        let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !anew && let Some(got) = self.find(&name) {
            return Ok(got);
        }
        let (mut got, folder) = self.fetch(wanted, fetch)?;
        let digest = digest(&mut got.file).map_err(failed)?;
        if let Kind::ByHash(named) = &wanted.kind
            && *named != digest
        {
            return Err(FetchError::Failed(
                "the archive sent another file than the one of that hash".to_owned(),
            ));
        }
        self.forget(&name);
        // What cannot be kept, on a full disk, is served all the same.
        if fs::rename(folder.path().join(FILE), self.folder.join(format!("{name}.{digest}"))).is_ok() {
            self.make_room();
        }
        Ok(got)
    }

    /// Tries one URL after the other. The folder goes when it is dropped.
    fn fetch(&self, wanted: &Wanted, fetch: &Fetch) -> Result<(Got, tempfile::TempDir), FetchError> {
        let mut last = FetchError::NotFound;
        for url in &wanted.urls {
            let folder = tempfile::Builder::new()
                .prefix(UNFINISHED)
                .tempdir_in(&self.folder)
                .map_err(failed)?;
            let path = folder.path().join(FILE);
            match fetch(url, &path) {
                Ok(()) => {
                    // Of a file on this machine apt makes a link.
                    if path.is_symlink() {
                        let copy = folder.path().join("copy");
                        fs::copy(&path, &copy).and_then(|_| fs::rename(&copy, &path)).map_err(failed)?;
                    }
                    let file = File::open(&path).map_err(failed)?;
                    let length = file.metadata().map_err(failed)?.len();
                    return Ok((Got { file, length, kept: false }, folder));
                }
                // That an archive does not answer says more than that another lacks the file.
                Err(FetchError::NotFound) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Files kept under `name`.
    fn entries(&self, name: &str) -> Vec<(PathBuf, String)> {
        let entry = |entry: fs::DirEntry| {
            let file = entry.file_name().into_string().ok()?;
            let digest = file.strip_prefix(name)?.strip_prefix('.')?.to_owned();
            Some((entry.path(), digest))
        };
        fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(entry)
            .collect()
    }

    /// The file kept under `name`, if it is still what it was.
    fn find(&self, name: &str) -> Option<Got> {
        let (path, was) = self.entries(name).into_iter().next()?;
        let mut file = File::open(&path).ok()?;
        if digest(&mut file).ok()? != was {
            return None;
        }
        // The files that nobody has asked for lately go first.
        let _ = File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        let length = file.metadata().ok()?.len();
        Some(Got { file, length, kept: true })
    }

    fn forget(&self, name: &str) {
        for (path, _) in self.entries(name) {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes the files that nobody has asked for the longest, until the others fit.
    fn make_room(&self) {
        let file = |entry: fs::DirEntry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((metadata.modified().ok()?, metadata.len(), entry.path()))
        };
        let mut files: Vec<_> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(file)
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if total <= self.max {
                return;
            }
            if fs::remove_file(path).is_ok() {
                total -= length;
            }
        }
    }
}

/// The name of a file while it is fetched.
const FILE: &str = "file";

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: io::Error) -> FetchError {
    FetchError::Failed(format!("the lab's cache of packages: {error}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file, which is at its beginning afterwards.
fn digest(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => hash.update(&chunk[..count]),
        }
    }
    file.rewind()?;
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn wanted(name: &str, kind: Kind) -> Wanted {
        Wanted {
            name: name.to_owned(),
            kind,
            urls: vec![format!("http://first.example/{name}"), format!("http://second.example/{name}")],
        }
    }

    fn text(mut got: Got) -> String {
        let mut text = String::new();
        got.file.read_to_string(&mut text).unwrap();
        assert_eq!(got.length, text.len() as u64);
        text
    }

    /// Answers with the URL, and counts.
    struct Counted(Arc<AtomicU32>, Box<Fetch>);

    fn counted() -> Counted {
        let count = Arc::new(AtomicU32::new(0));
        let inner = Arc::clone(&count);
        let fetch = move |url: &str, target: &Path| {
            inner.fetch_add(1, Ordering::SeqCst);
            fs::write(target, url).map_err(failed)
        };
        Counted(count, Box::new(fetch))
    }

    #[test]
    fn packages_are_fetched_once_and_indices_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20).unwrap();
        let Counted(count, fetch) = counted();
        let package = wanted("a.deb", Kind::Package);
        assert!(!store.get(&package, false, &fetch).unwrap().kept);
        // Another store in the same folder: the lab of tomorrow.
        let store = Store::new(folder.path(), 1 << 20).unwrap();
        let again = store.get(&package, false, &fetch).unwrap();
        assert!(again.kept);
        assert_eq!(text(again), "http://first.example/a.deb");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(!store.get(&package, true, &fetch).unwrap().kept);
        for _ in 0..2 {
            assert!(!store.get(&wanted("InRelease", Kind::Index), false, &fetch).unwrap().kept);
        }
        assert_eq!(count.load(Ordering::SeqCst), 4);
        // One file, and nothing unfinished.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn who_wants_the_same_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20).unwrap();
        let Counted(count, fetch) = counted();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| text(store.get(&wanted("a.deb", Kind::Package), false, &fetch).unwrap()));
            }
        });
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_spoilt_file_is_fetched_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20).unwrap();
        let Counted(count, fetch) = counted();
        let package = wanted("a.deb", Kind::Package);
        store.get(&package, false, &fetch).unwrap();
        let path = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        fs::write(path, "http://first.example/a.dex").unwrap();
        assert_eq!(text(store.get(&package, false, &fetch).unwrap()), "http://first.example/a.deb");
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn what_is_named_by_its_hash_must_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20).unwrap();
        let fetch: &Fetch = &|_: &str, target: &Path| fs::write(target, "index").map_err(failed);
        let right = hex(&Sha256::digest("index"));
        assert_eq!(text(store.get(&wanted("x", Kind::ByHash(right)), false, fetch).unwrap()), "index");
        let wrong = store.get(&wanted("y", Kind::ByHash("0".repeat(64))), false, fetch).unwrap_err();
        assert!(matches!(wrong, FetchError::Failed(_)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_second_url_is_tried_and_silence_tells_more_than_absence() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20).unwrap();
        let only_second: &Fetch = &|url: &str, target: &Path| {
            if url.contains("second") {
                fs::write(target, url).map_err(failed)
            } else {
                Err(FetchError::NotFound)
            }
        };
        let package = wanted("a.deb", Kind::Package);
        assert_eq!(
            text(store.get(&package, false, only_second).unwrap()),
            "http://second.example/a.deb"
        );
        let package = wanted("b.deb", Kind::Package);
        let silent: &Fetch = &|url: &str, _: &Path| {
            Err(if url.contains("first") {
                FetchError::Failed("no answer".to_owned())
            } else {
                FetchError::NotFound
            })
        };
        assert_eq!(
            store.get(&package, false, silent).unwrap_err(),
            FetchError::Failed("no answer".to_owned())
        );
        let absent: &Fetch = &|_: &str, _: &Path| Err(FetchError::NotFound);
        assert_eq!(store.get(&package, false, absent).unwrap_err(), FetchError::NotFound);
    }

    #[test]
    fn it_stays_within_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 60).unwrap();
        let Counted(_, fetch) = counted();
        for name in ["a.deb", "b.deb", "c.deb"] {
            store.get(&wanted(name, Kind::Package), false, &fetch).unwrap();
            // Files of one moment have no order.
            for entry in fs::read_dir(folder.path()).unwrap().flatten() {
                let file = File::options().append(true).open(entry.path()).unwrap();
                file.set_modified(file.metadata().unwrap().modified().unwrap() - Duration::from_secs(60))
                    .unwrap();
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(store.get(&wanted("c.deb", Kind::Package), false, &fetch).unwrap().kept);
        assert!(!store.get(&wanted("a.deb", Kind::Package), false, &fetch).unwrap().kept);
    }
}
