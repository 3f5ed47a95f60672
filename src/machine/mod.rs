//! Hosts that run and can be reached, and what is found on them.
//!
//! ```text
//! Machine --facts::gather--> Facts --probe::state--> Verdicts --+--> Report
//! Machine --probe::active (scripts on machines)--> Verdicts ----+
//! ```
//! Nothing here knows what a machine is made of: a guest of the lab and a real machine look the same.

use std::time::Duration;

use crate::exec::{ExecError, Finished};
use crate::spec::HostName;

pub mod facts;
pub mod openvswitch;
pub mod outage;
pub mod ovsdb;
mod parallel;
pub mod ping;
pub mod probe;
pub mod report;
pub mod ssh;
pub mod topology;

#[cfg(test)]
pub(crate) mod sample;

pub use facts::Facts;
pub use parallel::on_each;
pub use report::Report;
pub use ssh::{SshMachine, SshTarget};

/// A host that can be told to run a script as root: a QEMU guest of the lab, later a real machine.
pub trait Machine: Sync {
    /// The host's name in the plan.
    fn name(&self) -> &HostName;

    /// Runs `script` with `sh -eu` as root and waits for its end.
    ///
    /// # Errors
    /// [`ExecError::Failed`] with the script's status and the end of its stderr, or that the machine was not reached.
    fn run(&self, script: &str, deadline: Duration) -> Result<Finished, ExecError>;
}
