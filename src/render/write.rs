//! Artifacts to files: all of them, each whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::{Artifact, Artifacts};

/// Why a file was not written. Files that were complete before still are.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write {}: {source}{}", path.display(), advice(source))]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} leads out of the output folder by a symbolic link; remove the link, or choose another folder with -o", path.display())]
    Escapes { path: PathBuf },
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and run it again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; choose another folder with -o",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "; a file is where a folder should be: choose another with -o",
        _ => "",
    }
}

/// Writes every artifact below `folder`, which is made where it is missing. Unchanged files keep their time.
///
/// New contents go to temporary files first and are renamed when all of them are on disk, so a full disk or an interruption leaves
/// either the old or the new contents of each file, and never half of one.
///
/// # Errors
/// [`WriteError`] with the path.
pub fn write(folder: &Path, artifacts: &Artifacts) -> Result<Vec<PathBuf>, WriteError> {
    let mut pending = Vec::new();
    for (name, artifact) in &artifacts.0 {
        let path = folder.join(name);
        if read(&path)?.as_deref() == Some(artifact.bytes.as_slice()) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|source| WriteError::Write {
            path: parent.to_owned(),
            source,
        })?;
        stays_inside(folder, parent)?;
        pending.push((
            temporary(parent, artifact).map_err(|source| WriteError::Write {
                path: path.clone(),
                source,
            })?,
            path,
        ));
    }
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

/// A temporary file in `parent` with the artifact's contents on disk; it vanishes when it is dropped.
fn temporary(parent: &Path, artifact: &Artifact) -> io::Result<tempfile::TempPath> {
    let mode = if artifact.secret { 0o600 } else { 0o644 };
    let mut file = tempfile::Builder::new().prefix(".meshimg-").make_in(parent, |path| {
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
    })?;
    file.write_all(&artifact.bytes)?;
    file.as_file().sync_all()?;
    fs::set_permissions(file.path(), fs::Permissions::from_mode(mode))?;
    // The path alone: descriptors are few, and a cluster can have thousands of hosts.
    Ok(file.into_temp_path())
}

fn stays_inside(folder: &Path, parent: &Path) -> Result<(), WriteError> {
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

fn read(path: &Path) -> Result<Option<Vec<u8>>, WriteError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        // Not a folder on the way: writing will say so.
        Err(source) if source.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(source) => Err(WriteError::Read {
            path: path.to_owned(),
            source,
        }),
    }
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
        let old = read(&path)?;
        if old.as_deref() == Some(artifact.bytes.as_slice()) {
            continue;
        }
        let Some(old) = old else {
            differences.push(format!("{shown}: missing\n"));
            continue;
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
