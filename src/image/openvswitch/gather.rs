//! The source's files, each with the hash that it must have, in the folder for the build.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Serialize;

use super::request::Kind;
use super::{BuildRequest, OpenVSwitchError, Source, dsc, tarball};
use crate::image::ImageError;
use crate::image::fetch::{self, FetchError};
use crate::image::hash::hash;
use crate::spec::Sha256Hash;

/// A file of a source, as the manifest tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
}

/// A source that is all there, and is what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// Of the source's packages, such as 4.0.0-2.
    pub version: String,
    /// The file that the request names first, under the name that the build knows it by; then those that it names.
    pub files: Vec<SourceFile>,
}

/// Fetches the source of `request` into the folder `source` in `place`, for all to read: the build runs under another id.
///
/// # Errors
/// [`ImageError::OpenVSwitch`] for what is wrong with the source; [`ImageError::File`] for what cannot be written.
pub fn gather(request: &BuildRequest, place: &Path) -> Result<Gathered, ImageError> {
    let kind = request.source.kind()?;
    let folder = place.join("source");
    fs::create_dir(&folder).map_err(|source| ImageError::file(&folder, source))?;
    let readable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&folder, readable).map_err(|source| ImageError::file(&folder, source))?;
    let name = match kind {
        Kind::Dsc => "openvswitch.dsc",
        Kind::Tarball => "openvswitch.tar",
    };
    let first = folder.join(name);
    let mut files = vec![get(&request.source, &request.sha256, &first)?];
    let said = request.source.to_string();
    let version = match kind {
        Kind::Tarball => tarball::version(&first, &said)?,
        Kind::Dsc => {
            let wrong = |why: String| OpenVSwitchError::Dsc { name: said.clone(), why };
            let text = fs::read_to_string(&first).map_err(|_| wrong("it is no text".to_owned()))?;
            let dsc = dsc::parse(&text).map_err(wrong)?;
            check_version(request, &dsc.version)?;
            for file in &dsc.files {
                let beside = request.source.beside(&file.name).map_err(|error| wrong(error.to_string()))?;
                files.push(get(&beside, &file.sha256, &folder.join(&file.name))?);
            }
            dsc.version
        }
    };
    check_version(request, &version)?;
    Ok(Gathered { version, files })
}

fn check_version(request: &BuildRequest, found: &str) -> Result<(), OpenVSwitchError> {
    let found = dsc::upstream(found);
    if found == request.version.as_str() {
        return Ok(());
    }
    Err(OpenVSwitchError::Version {
        name: request.source.to_string(),
        wanted: request.version.clone(),
        found: found.escape_debug().to_string(),
    })
}

/// Gets one file, and looks at nothing in it before its hash is right.
fn get(source: &Source, wanted: &Sha256Hash, target: &Path) -> Result<SourceFile, ImageError> {
    match source {
        Source::Url(url) => {
            fetch::fetch(url.as_str(), target).map_err(|error| OpenVSwitchError::Fetch {
                url: url.to_string(),
                why: match error {
                    FetchError::NotFound => "there is no such file".to_owned(),
                    FetchError::Failed(why) => why,
                },
            })?;
            own(target).map_err(|source| ImageError::file(target, source))?;
        }
        Source::Path(path) => {
            let unreadable = |source| OpenVSwitchError::Read {
                path: path.clone(),
                source,
            };
            let mut from = File::open(path).map_err(unreadable)?;
            if from.metadata().map_err(unreadable)?.is_dir() {
                return Err(unreadable(io::ErrorKind::IsADirectory.into()).into());
            }
            let mut to = File::create(target).map_err(|source| ImageError::file(target, source))?;
            io::copy(&mut from, &mut to).map_err(|source| ImageError::file(target, source))?;
        }
    }
    let failed = |source| ImageError::file(target, source);
    fs::set_permissions(target, fs::Permissions::from_mode(0o644)).map_err(failed)?;
    let (sha256, bytes) = hash(target).map_err(failed)?;
    if sha256 != wanted.as_str() {
        return Err(OpenVSwitchError::Hash {
            name: source.to_string(),
            wanted: wanted.to_string(),
            found: sha256,
        }
        .into());
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(SourceFile { name, sha256, bytes })
}

/// A file in the place of the link that apt makes of a file: URL: what it leads to could change after the hash was right.
fn own(target: &Path) -> io::Result<()> {
    if !target.symlink_metadata()?.is_symlink() {
        return Ok(());
    }
    let original = fs::read_link(target)?;
    fs::remove_file(target)?;
    fs::copy(original, target).map(drop)
}
