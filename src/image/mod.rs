//! Disks: base images, and the seeds that make a host of one.

use std::io;
use std::path::{Path, PathBuf};

mod base;
mod boot;
mod bootable;
mod cache;
pub mod check;
mod disk;
pub mod fetch;
mod hash;
mod hooks;
pub mod import;
pub mod lint;
mod mmdebstrap;
pub mod openvswitch;
mod packages;
mod seed;
mod space;
#[cfg(test)]
mod tests;
pub mod tree;

pub use base::{BaseRequest, Flavor, base};
pub use boot::{Boot, of_file};
pub use bootable::{Bootable, BootableRequest, Format, bootable, put};
pub use cache::{Cache, Inputs, Key};
pub use check::Firmware;
pub use seed::{SeedError, nocloud};

use crate::exec::ExecError;
use crate::wait::WaitError;

/// A disk with an operating system, Open vSwitch, Docker and cloud-init, the same for every host, and how QEMU boots it. All files are read-only
/// and shared: hosts write to overlays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    pub disk: PathBuf,
    /// Raw or qcow2, as qemu-img(1) calls it.
    pub format: String,
    pub boot: Boot,
}

impl BaseImage {
    /// The file, of stock images, with the archives from which the image's apt takes packages: `URI|origin|label`, one a line.
    pub fn archives(&self) -> PathBuf {
        self.disk.with_file_name("archives")
    }
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("only Debian images are built (debian-12, debian-13)")]
    NotDebian,
    #[error("no folder for the cache: set MESHIMG_CACHE to an absolute path")]
    NoCacheFolder,
    #[error("the folder for temporary files, {}, has a name that a shell would not take as it is: set TMPDIR", path.display())]
    TemporaryFolder { path: PathBuf },
    /// A full disk too: the text then says "No space left on device".
    #[error("cannot write {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} has the format {format}, and the lab boots raw and qcow2: qemu-img convert -O qcow2 makes one of it", path.display())]
    Format { path: PathBuf, format: String },
    /// What a tool made is not what it should be.
    #[error("{what}: {why}")]
    Made { what: &'static str, why: String },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "a build takes {} MB of disk, and {} has {} MB free; make room, or name a folder on a larger disk in {variable}",
        needed / MEGABYTE, place.display(), free / MEGABYTE
    )]
    Space {
        place: PathBuf,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
        /// The environment variable that decides where the place is.
        variable: &'static str,
    },
    #[error(transparent)]
    OpenVSwitch(#[from] openvswitch::OpenVSwitchError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

const MEGABYTE: u64 = 1_000_000;

impl ImageError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

fn write(path: &Path, content: &str) -> Result<(), ImageError> {
    std::fs::write(path, content).map_err(|source| ImageError::file(path, source))
}

fn remove(path: &Path) -> Result<(), ImageError> {
    std::fs::remove_file(path).map_err(|source| ImageError::file(path, source))
}
