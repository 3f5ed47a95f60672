//! A copy of an archive for whoever wants to serve it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::manifest::MANIFEST;
use super::{OpenVSwitchError, copy, entries};
use crate::image::ImageError;

/// Copies the archive `from` to the folder `to`, whole or not at all. An empty folder, or an archive that was put there before, is
/// replaced.
///
/// # Errors
/// [`OpenVSwitchError::Occupied`] for a folder with something else in it; [`ImageError::File`].
pub fn export(from: &Path, to: &Path) -> Result<(), ImageError> {
    check_export(to)?;
    let is_there = to.symlink_metadata().is_ok();
    let parent = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|source| ImageError::file(parent, source))?;
    let temporary = tempfile::Builder::new().prefix(".meshimg-archive-").tempdir_in(parent);
    let temporary = temporary.map_err(|source| ImageError::file(parent, source))?;
    let new = temporary.path().join("new");
    fs::create_dir(&new).map_err(|source| ImageError::file(&new, source))?;
    for path in entries(from)? {
        let target = new.join(path.file_name().unwrap_or_default());
        copy(&path, &target)?;
        let failed = |source| ImageError::file(&target, source);
        // In the cache they are read-only.
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).map_err(failed)?;
        fs::File::open(&target).and_then(|file| file.sync_all()).map_err(failed)?;
    }
    let moved = |from: PathBuf, to: &Path| fs::rename(from, to).map_err(|source| ImageError::file(to, source));
    if is_there {
        moved(to.to_owned(), &temporary.path().join("old"))?;
    }
    moved(new, to)
}

/// Whether [`export`] would write to this folder.
///
/// # Errors
/// [`OpenVSwitchError::Occupied`].
pub fn check_export(to: &Path) -> Result<(), OpenVSwitchError> {
    if to.symlink_metadata().is_ok() && !is_replaceable(to) {
        return Err(OpenVSwitchError::Occupied { path: to.to_owned() });
    }
    Ok(())
}

fn is_replaceable(folder: &Path) -> bool {
    let Ok(found) = entries(folder) else { return false };
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".deb") || ["Packages", "Packages.xz", "Release", MANIFEST].contains(&name.as_ref())
    };
    found.is_empty() || (found.iter().any(|path| path.ends_with(MANIFEST)) && found.iter().all(ours))
}
