//! A folder of things that take long to make, each made whole or not at all.
//!
//! An entry is a folder named by the SHA-256 of all that decides what is in it. It is made as `KEY.partial-PID` under a lock on
//! `KEY.lock`, flushed, and renamed: a folder named `KEY` is always complete. What dead builders left is removed by
//! the next build.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use super::ImageError;
use crate::ui::Ui;
use crate::wait::{self, Look};

/// How long to wait for another process that makes the same entry.
const OTHER_BUILDER_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// How often to look whether it is done.
const OTHER_BUILDER_INTERVAL: Duration = Duration::from_millis(200);

/// Everything that decides what an entry is.
#[derive(Debug, Clone)]
pub struct Inputs {
    kind: &'static str,
    hash: Sha256,
}

impl Inputs {
    /// `kind` is the start of the entry's name; `recipe` a version of the code that makes it.
    pub fn new(kind: &'static str, recipe: &str) -> Self {
        let mut inputs = Self { kind, hash: Sha256::new() };
        inputs.add("kind", kind);
        inputs.add("recipe", recipe);
        inputs
    }

    /// Adds one input. Lengths are hashed too, so that no two lists of inputs look alike.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), value.as_ref()] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
    }

    /// The name of the entry.
    pub fn key(&self) -> Key {
        let digest: [u8; 32] = self.hash.clone().finalize().into();
        Key { kind: self.kind, digest }
    }
}

/// The name of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    kind: &'static str,
    digest: [u8; 32],
}

impl Key {
    /// A UUID derived from the key: version 8, "custom" (RFC 9562 section 5.8).
    pub fn uuid(&self) -> String {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&self.digest[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-", self.kind)?;
        self.digest.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The folder.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in `folder`, which is made when the first entry is.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The user's cache: `$MESHIMG_CACHE`, else `$XDG_CACHE_HOME/meshimg`, else `~/.cache/meshimg` (XDG Base Directory 0.8).
    ///
    /// # Errors
    /// [`ImageError::NoCacheFolder`] when none of the variables is set to an absolute path.
    pub fn from_environment() -> Result<Self, ImageError> {
        Self::from_variables(|name| std::env::var_os(name).map(PathBuf::from))
    }

    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, ImageError> {
        // The specification: relative paths are invalid and to be ignored.
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let below = |name: &str, rest: &str| absolute(name).map(|path| path.join(rest));
        absolute("MESHIMG_CACHE")
            .or_else(|| below("XDG_CACHE_HOME", "meshimg"))
            .or_else(|| below("HOME", ".cache/meshimg"))
            .map(Self::at)
            .ok_or(ImageError::NoCacheFolder)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entry's folder, if it was made.
    pub fn find(&self, key: &Key) -> Option<PathBuf> {
        let path = self.folder.join(key.to_string());
        path.is_dir().then_some(path)
    }

    /// Makes the entry with `make`, which gets an empty folder to fill. If another process makes it just now, this waits and takes
    /// what that one made.
    ///
    /// # Errors
    /// Those of `make`, of the file system, or an interrupted wait; nothing is left of the entry then.
    pub fn build(&self, key: &Key, ui: &Ui, make: impl FnOnce(&Path) -> Result<(), ImageError>) -> Result<PathBuf, ImageError> {
        fs::create_dir_all(&self.folder).map_err(|source| ImageError::file(&self.folder, source))?;
        let _lock = self.lock(key, ui)?;
        if let Some(made) = self.find(key) {
            return Ok(made);
        }
        self.remove_leftovers(key);
        let partial = Partial::new(self.folder.join(format!("{key}.partial-{}", std::process::id())))?;
        make(&partial.path)?;
        seal(&partial.path).map_err(|source| ImageError::file(&partial.path, source))?;
        let path = self.folder.join(key.to_string());
        fs::rename(&partial.path, &path).map_err(|source| ImageError::file(&path, source))?;
        Ok(path)
    }

    /// Waits until this process is the only one that makes `key`. The lock ends with the process, however that ends. Lock files stay:
    /// removing one while another process waits for it would let two builders in.
    fn lock(&self, key: &Key, ui: &Ui) -> Result<File, ImageError> {
        let path = self.folder.join(format!("{key}.lock"));
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|source| ImageError::file(&path, source))?;
        let mut said = false;
        let look = || match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Look::Ready(()),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK || error == rustix::io::Errno::INTR => {
                if !std::mem::replace(&mut said, true) {
                    ui.line("another meshimg is making the same; waiting for it ...");
                }
                Look::Pending(format!("{} is locked", path.display()))
            }
            Err(error) => Look::Gone(format!("cannot lock {}: {error}", path.display())),
        };
        wait::until(
            "the other builder of the same",
            OTHER_BUILDER_DEADLINE,
            OTHER_BUILDER_INTERVAL,
            look,
        )?;
        Ok(file)
    }

    /// Removes what killed builders left: of `key`, as we have its lock, and of every other key that nobody has locked.
    fn remove_leftovers(&self, key: &Key) {
        let own = key.to_string();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((other, _)) = name.split_once(".partial-") else { continue };
            let lock = (other != own).then(|| self.try_lock(other));
            if lock.is_none_or(|lock| lock.is_some()) {
                // Rubbish that cannot be removed takes space, but is no reason not to build.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The lock of a key, if nobody has it.
    fn try_lock(&self, key: &str) -> Option<File> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{key}.lock")))
            .ok()?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(file)
    }
}

/// The folder of an unfinished entry: removed when dropped, unless it was renamed.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn new(path: PathBuf) -> Result<Self, ImageError> {
        fs::create_dir(&path).map_err(|source| ImageError::file(&path, source))?;
        Ok(Self { path })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes all files of `folder` read-only and writes them to the disk, so that a power cut after the rename finds them whole.
fn seal(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o444))?;
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
