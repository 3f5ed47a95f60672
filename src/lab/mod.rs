//! Hosts in QEMU on one machine: no root, no tap device, no host bridge, and nothing that gets out.
//!
//! [`Lab::up`] writes a folder (see [`state`]) and starts a [`supervisor`], the same program again, which holds the underlay's
//! [`switch`] and is the parent of all QEMU processes. Everything else speaks to it by [`control`].

pub mod accel;
pub mod archive;
pub mod bench;
pub mod bundle;
mod captures;
pub mod control;
mod end;
mod error;
pub mod file;
pub mod frame;
mod freeze;
mod log;
mod management;
pub mod pairs;
pub mod phase;
mod prepare;
pub mod qemu;
pub mod qmp;
mod queue;
mod run;
pub mod scenario;
mod seed;
pub mod session;
mod ssh;
pub mod state;
pub mod stranger;
pub mod supervisor;
pub mod switch;
mod underlay;
pub mod units;

#[cfg(test)]
mod tests;

pub use captures::{CaptureFile, CaptureStream};
pub use control::{HostState, HostStatus, LabStatus, Traffic};
pub use error::LabError;
pub use file::Accelerator;
pub use pairs::{Pairs, Ways};
pub use prepare::{LabHost, LabRequest};
pub use run::Lab;
pub use ssh::SshTarget;

/// The hidden verb that makes the program a supervisor; the lab's folder follows it.
pub const SUPERVISOR_VERB: &str = "lab-supervisor";

/// Programs that a lab needs.
pub const PROGRAMS: &[&str] = &[qemu::QEMU, "qemu-img", "setpriv", "ssh", "ssh-keygen"];

/// Memory of a guest, MiB: as much as the smallest server one can rent. Programs on a host take 220 MiB of it. Under TCG its QEMU takes up to
/// 820 MiB more (see [`qemu::accelerator`]), so three of them and all else stay under 4 GiB.
pub const MEMORY_MIB: u32 = 512;

/// Processors of a guest.
pub const PROCESSORS: u32 = 1;
