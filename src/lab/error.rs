//! What goes wrong with labs.

use super::accel::AccelError;
use super::archive::UpstreamError;
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
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error(
        "the hosts would take packages from {uri}; with --stock the lab looks into each of their requests, which it can for http: alone \
         (write http: for the archive that your hosts have by https:, if it answers to both), or boot without --stock"
    )]
    ArchiveScheme { uri: String },
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
    #[error("no link forwards at both its ends, so there is none to be tried: see the probe loop-free")]
    NoLinkInUse,
    #[error("{fault} did not happen: {why}")]
    NotHappened { fault: String, why: String },
    #[error("the mesh of {host} cannot be made anew on the running host: {why}")]
    NotRemade { host: HostName, why: String },
    #[error("{fault} was not measured: {why}")]
    NotMeasured { fault: String, why: String },
    #[error("the lab '{cluster}' has no host '{host}'")]
    NoHost { cluster: String, host: String },
    #[error("{what} on {host}: {why}; it is still so: {help}")]
    NotUndone {
        what: &'static str,
        host: HostName,
        why: String,
        help: &'static str,
    },
    #[error("after {fault}: {why}")]
    Broken { fault: &'static str, why: String },
    #[error("{first}\n{then}")]
    Both { first: Box<LabError>, then: Box<LabError> },
    #[error("capture to {target}: {source}")]
    Capture { target: String, source: std::io::Error },
    #[error("the lab '{cluster}' was not ended wholly:\n{}", faults.join("\n"))]
    NotEnded { cluster: String, faults: Vec<String> },
}

impl LabError {
    /// Whether a port was taken by another program between choosing and using it.
    pub(super) fn is_taken_port(&self) -> bool {
        matches!(self, Self::GuestNotStarted { said, .. } if said.contains("host forwarding rule"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_from_other_faults() {
        let said = |said: &str| LabError::GuestNotStarted {
            host: "host1".into(),
            status: "exit status: 1".into(),
            said: said.into(),
        };
        // As QEMU 7.2 and 10.0 say it.
        assert!(
            said("qemu-system-x86_64: -netdev user,id=management: Could not set up host forwarding rule 'tcp:127.0.0.1:1-:22'")
                .is_taken_port()
        );
        assert!(!said("qemu: could not load kernel").is_taken_port());
    }
}
