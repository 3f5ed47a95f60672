//! What every build with mmdebstrap needs: its scripts as files, and the programs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::ImageError;
use crate::exec::{self, ExecError, Tool};

/// What mmdebstrap and unshare need besides, unless root runs them.
const USER_PROGRAMS: &[&str] = &["newuidmap", "newgidmap"];

/// How long the removal of an unfinished tree may hold up the end after Ctrl-C.
const REMOVAL_DEADLINE: Duration = Duration::from_secs(20);

/// Checks that `programs` are there, and what mmdebstrap needs besides.
///
/// # Errors
/// [`ExecError::Missing`].
pub fn require(programs: &[&str]) -> Result<(), ExecError> {
    let mut programs = programs.to_vec();
    if !rustix::process::geteuid().is_root() {
        programs.extend(USER_PROGRAMS);
    }
    exec::require(&programs)
}

/// The scripts that mmdebstrap calls, as files for as long as this lives.
pub struct Hooks {
    folder: tempfile::TempDir,
    path: String,
}

impl Hooks {
    /// With `scripts` by name, in the folder for temporary files: for an ordinary user, hooks run under a subordinate id, which gets into
    /// no folder of the user's own.
    ///
    /// # Errors
    /// [`ImageError::TemporaryFolder`], or what was wrong with a file.
    pub fn new(scripts: &[(&str, &str)]) -> Result<Self, ImageError> {
        let place = std::env::temp_dir();
        let readable = std::fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new()
            .prefix("meshimg-hooks-")
            .permissions(readable)
            .tempdir_in(&place);
        let folder = folder.map_err(|source| ImageError::file(&place, source))?;
        for (name, text) in scripts {
            let path = folder.path().join(name);
            super::write(&path, text)?;
            let readable = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&path, readable).map_err(|source| ImageError::file(&path, source))?;
        }
        // It becomes part of a shell command.
        let path = folder.path().to_string_lossy().into_owned();
        if !path.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-".contains(c)) {
            return Err(ImageError::TemporaryFolder { path: place });
        }
        Ok(Self { folder, path })
    }

    /// Where the scripts are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The same as text that a shell takes as it is.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for Hooks {
    /// An interrupted mmdebstrap may leave files of subordinate ids, which an ordinary user can remove only as root of a namespace.
    fn drop(&mut self) {
        if rustix::process::geteuid().is_root() || std::fs::remove_dir_all(self.folder.path()).is_ok() {
            return;
        }
        let arguments = ["--map-root-user", "--map-auto", "--", "rm", "-rf", "--", &self.path];
        if let Ok(mut running) = Tool::new("unshare", REMOVAL_DEADLINE).arguments(arguments).spawn() {
            running.wait_undisturbed(REMOVAL_DEADLINE);
        }
    }
}
