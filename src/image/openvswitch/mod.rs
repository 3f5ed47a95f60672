//! Packages of Open vSwitch from source: built once in a throw-away root of the target release, kept as a flat archive for apt.
//!
//! ```text
//! BuildRequest --gather--> source files, each checked --mmdebstrap--> packages, Packages, Release --manifest--> an entry of the cache
//! ```

mod dsc;
#[cfg(test)]
mod edit_tests;
mod error;
mod export;
mod gather;
#[cfg(test)]
mod gather_tests;
mod manifest;
#[cfg(test)]
mod mend_tests;
mod request;
mod root;
mod tarball;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::OpenVSwitchError;
pub use export::{check_export, export};
pub use request::{BuildRequest, Source};
pub use root::SCRIPTS;

use super::cache::{Cache, Key};
use super::hooks::{self, Hooks};
use super::{ImageError, fetch};
use crate::ui::Ui;

/// The programs a build needs, besides the compiler and the like, which are in its root.
const PROGRAMS: &[&str] = &["mmdebstrap", "unshare", "apt-get", "setpriv", "tar", "xz", fetch::HELPER];

/// Finds the packages that `request` asks for in the cache, or builds them. The folder is a flat archive for apt: packages, `Packages`,
/// `Packages.xz`, `Release`, and `manifest.json` with all that went in; same request, same bytes, as long as the release's compiler and
/// libraries are the same.
///
/// # Errors
/// [`ImageError::OpenVSwitch`] when the source is not what it should be or does not build; a missing program; a file that could not be
/// written. Nothing is left in the cache then but the log of a build that failed, in its folder `logs`.
pub fn build(request: &BuildRequest, cache: &Cache, ui: &Ui) -> Result<PathBuf, ImageError> {
    let suite = request.suite()?;
    let key = root::inputs(request, suite)?.key();
    if let Some(folder) = cache.find(&key) {
        return Ok(folder);
    }
    hooks::require(PROGRAMS)?;
    let log = cache.folder().join("logs").join(format!("{key}.log"));
    cache.build(&key, ui, |folder| make(request, suite, &key, folder, &log, ui))
}

fn make(request: &BuildRequest, suite: &str, key: &Key, folder: &Path, log: &Path, ui: &Ui) -> Result<(), ImageError> {
    let what = format!("Open vSwitch {} for {}", request.version, request.os);
    let hooks = Hooks::new(root::SCRIPTS)?;
    let gathered = ui.step(&format!("{what}: source"), || gather::gather(request, hooks.folder()))?;
    let made = ui.step(&format!("{what}: build"), || root::run(request, suite, &hooks, folder, log))?;
    for entry in entries(&made)? {
        if entry
            .file_name()
            .is_none_or(|name| name != root::ROOT_PACKAGES && name != root::MENDED)
        {
            copy(&entry, &folder.join(entry.file_name().unwrap_or_default()))?;
        }
    }
    let read = |name: &str| {
        let path = made.join(name);
        fs::read_to_string(&path).map_err(|source| ImageError::Read { path, source })
    };
    let build = manifest::Build {
        mended: &read(root::MENDED)?,
        packages: &read(root::ROOT_PACKAGES)?,
    };
    manifest::write(request, suite, key, &gathered, &build, folder)
}

/// The files of a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let failed = |source| ImageError::file(folder, source);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn copy(from: &Path, to: &Path) -> Result<(), ImageError> {
    fs::copy(from, to).map(drop).map_err(|source| ImageError::file(to, source))
}
