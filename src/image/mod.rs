//! Disks: base images, and the seeds that make a host of one.

use std::io;
use std::path::{Path, PathBuf};

mod base;
mod cache;
pub mod check;
mod disk;
pub mod lint;
mod seed;
#[cfg(test)]
mod tests;
pub mod tree;

pub use base::{BaseRequest, Flavor, base};
pub use cache::{Cache, Inputs, Key};
pub use seed::{SeedError, nocloud};

use crate::exec::ExecError;
use crate::wait::WaitError;

/// A disk with an operating system, Open vSwitch, Docker and cloud-init, the same for every host, and what QEMU needs to boot it
/// without a boot loader. All files are read-only and shared: hosts write to overlays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// Raw and sparse: one partition with an ext4 file system.
    pub disk: PathBuf,
    pub kernel: PathBuf,
    /// Kernel command line, without `console=`.
    pub command_line: String,
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
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

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
