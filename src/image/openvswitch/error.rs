//! Why there are no packages.

use std::path::PathBuf;

use crate::exec::ExecError;
use crate::spec::{OpenVSwitchVersion, Os};

/// What is wrong with a source, or with its build.
#[derive(Debug, thiserror::Error)]
pub enum OpenVSwitchError {
    #[error(
        "Open vSwitch is built for debian-12 and debian-13, not for {os}; its hosts can have that of their release, or one from an archive"
    )]
    Release { os: Os },
    #[error("{source_name} is no source that can be built; give a .tar.gz or .tar.xz of upstream, or a .dsc of Debian")]
    Kind { source_name: String },
    #[error("cannot fetch {url}: {why}; can this machine reach it, and is the URL right?")]
    Fetch { url: String, why: String },
    #[error("cannot read {}: {source}; give the path or the URL of the source", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{name} is not what it should be: its SHA-256 is {found}, not {wanted}. It is another file, or was changed on its way; \
         nothing of it was unpacked. If it is the one you mean, give its own SHA-256"
    )]
    Hash { name: String, wanted: String, found: String },
    #[error("{name} is no whole tar archive: {why}; fetch it anew, and take the SHA-256 from who published it")]
    Tar { name: String, why: String },
    #[error(
        "{name} has no {file}, so there is nothing to make packages by; give a release of upstream that has a debian/ folder, or the .dsc of a source package, which brings its own (the .orig.tar of Debian has none)"
    )]
    NoPackaging { name: String, file: &'static str },
    #[error("{name} is no source package of Open vSwitch: {why}")]
    Dsc { name: String, why: String },
    #[error("{name} has version {found} of Open vSwitch, not {wanted}; give the version that it has, or the source of the one you mean")]
    Version {
        name: String,
        wanted: OpenVSwitchVersion,
        found: String,
    },
    #[error("Open vSwitch was not built: {source}\n{}the whole log is {}", if *disk_was_full { FULL } else { "" }, log.display())]
    Build {
        log: PathBuf,
        disk_was_full: bool,
        source: ExecError,
    },
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error("{} is there and has something else in it; give a new folder, or remove it", path.display())]
    Occupied { path: PathBuf },
}

/// What to do where a disk was full: programs say no more than that it was, and not always last.
const FULL: &str = "the disk was full on the way: make room, or name folders on a larger disk in MESHIMG_CACHE and TMPDIR\n";
