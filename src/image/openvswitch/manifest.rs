//! What went into an archive, and what came out, for people and programs.

use std::path::Path;

use serde::Serialize;

use super::gather::{Gathered, SourceFile};
use super::{BuildRequest, entries};
use crate::image::{ImageError, cache::Key, hash::hash};

/// The format of the JSON; raised when a field changes its meaning or goes.
const FORMAT: u32 = 1;

/// The name of the file.
pub const MANIFEST: &str = "manifest.json";

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest<'a> {
    format: u32,
    /// The name of the entry in the cache: a hash of all inputs.
    key: String,
    version: &'a str,
    package_version: String,
    os: String,
    suite: &'a str,
    archive: Option<&'a str>,
    source_version: &'a str,
    source: &'a [SourceFile],
    /// What the build mends in the source, in words.
    mended: Vec<&'a str>,
    files: Vec<SourceFile>,
    build_root: Vec<Package<'a>>,
}

#[derive(Debug, Serialize)]
struct Package<'a> {
    name: &'a str,
    architecture: &'a str,
    version: &'a str,
}

/// What the root of a build says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    /// A line for each defect of the source that was mended.
    pub mended: &'a str,
    /// `NAME ARCHITECTURE VERSION` of each package of the root, one a line.
    pub packages: &'a str,
}

/// Writes the manifest of the archive in `folder`.
///
/// # Errors
/// [`ImageError::File`].
pub fn write(request: &BuildRequest, suite: &str, key: &Key, gathered: &Gathered, build: &Build, folder: &Path) -> Result<(), ImageError> {
    let file = |path: std::path::PathBuf| {
        let (sha256, bytes) = hash(&path).map_err(|source| ImageError::file(&path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(SourceFile { name, sha256, bytes })
    };
    let package = |line: &'_ str| -> Option<[usize; 2]> {
        let (first, last) = (line.find(' ')?, line.rfind(' ')?);
        Some([first, last])
    };
    let packages = build.packages.lines().filter_map(|line| {
        let [first, last] = package(line)?;
        Some(Package {
            name: &line[..first],
            architecture: line[first..last].trim(),
            version: &line[last + 1..],
        })
    });
    let manifest = Manifest {
        format: FORMAT,
        key: key.to_string(),
        version: request.version.as_str(),
        package_version: format!("{}{}", gathered.version, request.suffix()?),
        os: request.os.to_string(),
        suite,
        archive: request.archive.as_ref().map(|archive| archive.as_str()),
        source_version: &gathered.version,
        source: &gathered.files,
        mended: build.mended.lines().collect(),
        files: entries(folder)?.into_iter().map(file).collect::<Result<_, ImageError>>()?,
        build_root: packages.collect(),
    };
    let path = folder.join(MANIFEST);
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| ImageError::file(&path, error.into()))?;
    crate::image::write(&path, &(text + "\n"))
}
