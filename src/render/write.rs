//! Artifacts to files: all of them, each whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::alone::{TEMPORARY, alone, remove_leftovers};
use super::{Artifact, Artifacts};

/// Why a file was not written. Files that were complete before still are.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write {}: {source}{}", path.display(), advice(source))]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {}: {source}{}", path.display(), advice(source))]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is neither file nor folder; remove it, or choose another folder", path.display())]
    NoFile { path: PathBuf },
    #[error("{} leads out of the output folder by a symbolic link; remove the link, or choose another folder", path.display())]
    Escapes { path: PathBuf },
    #[error("another meshimg (process {process}) has been writing to {} for a minute; wait for it or end it, then run this again", path.display())]
    Busy { path: PathBuf, process: String },
    #[error("interrupted; all files are as they were")]
    Interrupted,
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "; free some space and run it again, or choose another folder"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; choose another folder",
        io::ErrorKind::NotFound => "; make that folder, or choose another",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "; a file is where a folder should be: choose another folder",
        io::ErrorKind::IsADirectory => "; a folder is where a file should be: choose another folder",
        _ => "",
    }
}

/// Writes every artifact below `folder`, which is made where it is missing, until `stop` says so. Unchanged files keep their time.
///
/// One process at a time writes to a folder; another waits for it. New contents go to temporary files first and are renamed when all of them are on disk, so a full disk or an interruption leaves
/// either the old or the new contents of each file, and never half of one.
///
/// # Errors
/// [`WriteError`] with the path.
pub fn write(folder: &Path, artifacts: &Artifacts, stop: impl Fn() -> bool) -> Result<Vec<PathBuf>, WriteError> {
    let mut made = Made::default();
    let _lock = alone(folder, &mut made)?;
    remove_leftovers(folder, artifacts);
    let pending = prepare(folder, artifacts, stop, &mut made)?;
    made.keep();
    let mut written = Vec::with_capacity(pending.len());
    for (file, path) in pending {
        file.persist(&path).map_err(|error| WriteError::Write {
            path: path.clone(),
            source: error.error,
        })?;
        written.push(path);
    }
    Ok(written)
}

/// All new contents in temporary files beside their places; dropped, they vanish.
fn prepare(
    folder: &Path,
    artifacts: &Artifacts,
    stop: impl Fn() -> bool,
    made: &mut Made,
) -> Result<Vec<(tempfile::TempPath, PathBuf)>, WriteError> {
    let mut pending = Vec::new();
    for (name, artifact) in &artifacts.0 {
        if stop() {
            return Err(WriteError::Interrupted);
        }
        let path = folder.join(name);
        if matches!(look(&path, artifact)?, Found::Same) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        made.folders(parent).map_err(|source| WriteError::Write {
            path: parent.to_owned(),
            source,
        })?;
        stays_inside(folder, parent)?;
        let file = temporary(parent, artifact).map_err(|source| WriteError::Write {
            path: path.clone(),
            source,
        })?;
        pending.push((file, path));
    }
    Ok(pending)
}

/// Folders that this run made, removed again when nothing came of it.
#[derive(Default)]
pub(super) struct Made(Vec<PathBuf>);

impl Made {
    /// Makes `path` and its parents.
    pub(super) fn folders(&mut self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path
            .ancestors()
            .filter(|folder| !folder.as_os_str().is_empty())
            .take_while(|folder| !folder.exists())
            .collect();
        self.0.extend(missing.into_iter().rev().map(Path::to_owned));
        fs::create_dir_all(path)
    }

    fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // What someone else put into one keeps it; there is nobody to tell.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Writes a file that must not be there yet, whole or not at all; false when it is there.
///
/// # Errors
/// [`WriteError::Write`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, WriteError> {
    let failed = |source| WriteError::Write {
        path: path.to_owned(),
        source,
    };
    if path.exists() {
        return Ok(false);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let artifact = Artifact {
        bytes: bytes.to_owned(),
        secret: false,
    };
    let file = temporary(parent.unwrap_or(Path::new(".")), &artifact).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(()) => Ok(true),
        // Made meanwhile, or a symbolic link that leads nowhere.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}

/// Writes a single file in the place of what is there, whole or not at all; `false` if that was the same already.
///
/// # Errors
/// [`WriteError::Write`], [`WriteError::Read`], and [`WriteError::NoFile`] where something else than a file is there.
pub fn write_over(path: &Path, bytes: &[u8]) -> Result<bool, WriteError> {
    let failed = |source| WriteError::Write {
        path: path.to_owned(),
        source,
    };
    let artifact = Artifact {
        bytes: bytes.to_owned(),
        secret: false,
    };
    if matches!(look(path, &artifact)?, Found::Same) {
        return Ok(false);
    }
    // Through a symbolic link, as an editor would.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let file = temporary(parent.unwrap_or(Path::new(".")), &artifact).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(true)
}

/// A temporary file in `parent` with the artifact's contents on disk; it vanishes when it is dropped.
fn temporary(parent: &Path, artifact: &Artifact) -> io::Result<tempfile::TempPath> {
    let mode = if artifact.secret { 0o600 } else { 0o644 };
    let made = tempfile::Builder::new().prefix(TEMPORARY).make_in(parent, |path| {
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
    });
    let (mut file, path) = made.map_err(without_path)?.into_parts();
    file.write_all(&artifact.bytes)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()?;
    // The path alone: descriptors are few, and a cluster can have thousands of hosts.
    Ok(path)
}

/// The error of the system call: tempfile adds the path of the temporary file, which says nothing to anyone.
fn without_path(error: io::Error) -> io::Error {
    let inner = error
        .get_ref()
        .and_then(|wrapped| wrapped.source()?.downcast_ref::<io::Error>()?.raw_os_error());
    inner.map_or(error, io::Error::from_raw_os_error)
}

pub(super) fn stays_inside(folder: &Path, parent: &Path) -> Result<(), WriteError> {
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(|source| WriteError::Write {
            path: path.to_owned(),
            source,
        })
    };
    if real(parent)?.starts_with(real(folder)?) {
        return Ok(());
    }
    Err(WriteError::Escapes { path: parent.to_owned() })
}

/// What is in the place of an artifact.
enum Found {
    Nothing,
    Same,
    Other(Vec<u8>),
}

fn look(path: &Path, artifact: &Artifact) -> Result<Found, WriteError> {
    let failed = |source| WriteError::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        // Not a folder on the way: writing will say so.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Found::Nothing),
        Err(source) => return Err(failed(source)),
    };
    if metadata.is_dir() {
        return Err(failed(rustix::io::Errno::ISDIR.into()));
    }
    // A pipe or a device would never end.
    if !metadata.is_file() {
        return Err(WriteError::NoFile { path: path.to_owned() });
    }
    let bytes = fs::read(path).map_err(failed)?;
    Ok(if bytes == artifact.bytes {
        Found::Same
    } else {
        Found::Other(bytes)
    })
}

/// How the files below `folder` differ from `artifacts`: one text per file that does, a unified diff where both are text.
///
/// # Errors
/// [`WriteError::Read`].
pub fn differences(folder: &Path, artifacts: &Artifacts) -> Result<Vec<String>, WriteError> {
    let mut differences = Vec::new();
    for (name, artifact) in &artifacts.0 {
        let path = folder.join(name);
        let shown = path.display();
        let old = match look(&path, artifact)? {
            Found::Same => continue,
            Found::Nothing => {
                differences.push(format!("{shown}: missing\n"));
                continue;
            }
            Found::Other(old) => old,
        };
        differences.push(match (std::str::from_utf8(&old), std::str::from_utf8(&artifact.bytes)) {
            (Ok(old), Ok(new)) if !old.contains('\0') && !new.contains('\0') => TextDiff::from_lines(old, new)
                .unified_diff()
                .header(&shown.to_string(), "planned")
                .to_string(),
            _ => format!("{shown}: {} bytes differ from the planned {}\n", old.len(), artifact.bytes.len()),
        });
    }
    Ok(differences)
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
