//! The folder that a verb writes artifacts to, or compares with them.

use std::path::Path;

use super::{Context, output};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::render::{self, Artifacts};

/// A folder, and what the user said to have it written.
pub struct Folder<'a> {
    pub path: &'a Path,
    /// The cluster.yaml.
    pub file: String,
    pub verb: &'static str,
}

impl Folder<'_> {
    /// Prints how the folder differs from `artifacts`.
    ///
    /// # Errors
    /// [`Error::Differs`] if it does, and [`Error::Write`] for what cannot be read.
    pub fn compare(self, artifacts: &Artifacts, context: &Context) -> Result<(), Error> {
        let differences = render::differences(self.path, artifacts)?;
        if differences.is_empty() {
            context
                .ui
                .line(&format!("{}: as planned, {} files", self.path.display(), artifacts.0.len()));
            return Ok(());
        }
        output::print(&differences.concat())?;
        Err(Error::Differs {
            count: differences.len(),
            folder: self.path.display().to_string(),
            file: self.file,
            verb: self.verb,
        })
    }

    /// Writes `artifacts`, and says which files.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(self, artifacts: &Artifacts, context: &Context) -> Result<(), Error> {
        interrupt::install()?;
        let written = render::write(self.path, artifacts, interrupt::requested)?;
        let unchanged = artifacts.0.len() - written.len();
        for path in &written {
            context.ui.line(&format!("wrote {}", path.display()));
        }
        if unchanged > 0 {
            context.ui.line(&format!("{} unchanged", counted(unchanged, "file")));
        }
        Ok(())
    }
}
