//! Disks: base images, and the seeds that make a host of one.

use std::path::PathBuf;

/// A disk with an operating system, Open vSwitch, Docker and cloud-init, the same for every host, and what QEMU needs to boot it
/// without a boot loader. All files are read-only and shared: hosts write to overlays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// ext4 file system without partition table, raw and sparse.
    pub disk: PathBuf,
    pub kernel: PathBuf,
    pub initrd: PathBuf,
    /// Kernel command line, without `console=`.
    pub command_line: String,
}
