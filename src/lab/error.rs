//! What goes wrong with labs.

use super::accel::AccelError;
use super::control::ControlError;
use super::state::StateError;
use crate::exec::ExecError;
use crate::spec::{HostName, Os};
use crate::wait::WaitError;

/// What went wrong with a lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Accelerator(#[from] AccelError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error("lab.json: {0}")]
    Json(#[from] serde_json::Error),
    #[error("no base image for {os:?}")]
    NoImage { os: Os },
    #[error("there is no user-data for {host}")]
    NoUserData { host: HostName },
    #[error("{host} has no probe container: {why}")]
    NoContainer { host: HostName, why: String },
    #[error("no ssh to {host}: {source}")]
    NoSsh { host: HostName, source: std::io::Error },
    #[error("no free subnet is left for the management network")]
    NoManagementSubnet,
    #[error("no free port on 127.0.0.1: {0}")]
    Ports(std::io::Error),
    #[error("cannot find the program that runs: {0}")]
    Program(std::io::Error),
    #[error("seed of {host}: {source}")]
    Seed { host: String, source: crate::image::SeedError },
    #[error("{host}: QEMU did not start ({status})\n{said}")]
    GuestNotStarted { host: String, status: String, said: String },
    #[error("the lab's supervisor did not start\n{said}")]
    SupervisorNotStarted { said: String },
    #[error("the lab '{cluster}' has no host '{host}'")]
    NoHost { cluster: String, host: String },
    #[error("the lab '{cluster}' was not ended wholly:\n{}", faults.join("\n"))]
    NotEnded { cluster: String, faults: Vec<String> },
}

impl LabError {
    /// Whether a port was taken by another program between choosing and using it.
    pub(super) fn is_taken_port(&self) -> bool {
        matches!(self, Self::GuestNotStarted { said, .. } if said.contains("host forwarding rule"))
    }
}
