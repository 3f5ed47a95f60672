//! Hosts that run and can be reached, and what is found on them.

use std::time::Duration;

use crate::exec::{ExecError, Finished};
use crate::spec::HostName;

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
