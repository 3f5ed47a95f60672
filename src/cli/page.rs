//! The report as a file.

use std::path::Path;

use crate::machine::report::Report;
use crate::render::{self, Artifact, Artifacts, WriteError};

/// Writes the page to `path`, where one is wanted, whole or not at all; folders on the way are made.
///
/// # Errors
/// [`WriteError`], also when the path names no file.
pub fn write(path: Option<&Path>, report: &Report) -> Result<(), WriteError> {
    let Some(path) = path else { return Ok(()) };
    let is_folder = || WriteError::Write {
        path: path.to_owned(),
        source: rustix::io::Errno::ISDIR.into(),
    };
    let name = path.file_name().ok_or_else(is_folder)?;
    if path.is_dir() {
        return Err(is_folder());
    }
    let page = Artifact {
        bytes: report.html().into_bytes(),
        secret: false,
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A name that is not UTF-8 is no page for a browser either.
    let artifacts = Artifacts([(name.to_string_lossy().into_owned(), page)].into());
    render::write(folder, &artifacts, || false).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_written_over_an_older_one_and_never_over_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.html");
        let report = Report::new("demo".parse().unwrap(), "machines", []);
        write(Some(&path), &report).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), report.html());
        let other = Report::new("other".parse().unwrap(), "machines", []);
        write(Some(&path), &other).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), other.html());
        let error = write(Some(folder.path()), &report).unwrap_err().to_string();
        assert!(error.contains("a folder is where a file should be"), "{error}");
        write(None, &report).unwrap();
    }
}
