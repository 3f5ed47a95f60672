//! Faults that are caused on purpose, and what came of them.

mod clock;
mod clones;
mod disk;
pub mod disruption;
mod ground;
mod hosts;
mod links;
mod lossy;
mod measure;
pub mod outages;
mod power;
mod remake;
mod services;
mod sides;
mod steps;
mod tree;

use std::fmt;
use std::str::FromStr;

use super::session::Session;
use super::switch::impairment::Impairment;
use super::{HostState, LabError, Pairs};
use crate::machine::probe::Verdict;
use crate::machine::report::Scenario;

pub use ground::Ground;
pub use power::PowerCut;
pub use remake::remake;
pub use tree::settled;

/// Which fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    HostDown,
    HostBack,
    LinkDown,
    LinkBack,
    HalfLink,
    LossyLink,
    FlappingLink,
    Partition,
    Merge,
    OvsRestart,
    OvsKill,
    DockerRestart,
    NetworkingRestart,
    DiskFull,
    ClockJump,
    RebootAll,
    PowerCut,
    BootWithoutPeers,
    SameMachineId,
}

/// What there is to know of a fault.
struct Entry {
    name: &'static str,
    description: &'static str,
    /// Causes it, notes in the scenario what was done and what came of it, and undoes it: at its end the mesh is whole.
    cause: fn(&mut Session<'_>, &mut Scenario) -> Result<(), LabError>,
}

impl Fault {
    /// All, in the order in which `lab test` causes them.
    pub const ALL: &'static [Self] = &[
        Self::HostDown,
        Self::HostBack,
        Self::LinkDown,
        Self::LinkBack,
        Self::HalfLink,
        Self::LossyLink,
        Self::FlappingLink,
        Self::Partition,
        Self::Merge,
        Self::OvsRestart,
        Self::OvsKill,
        Self::DockerRestart,
        Self::NetworkingRestart,
        Self::DiskFull,
        Self::ClockJump,
        Self::RebootAll,
        Self::PowerCut,
        Self::BootWithoutPeers,
        Self::SameMachineId,
    ];

    fn entry(self) -> Entry {
        let entry = |name, description, cause| Entry { name, description, cause };
        match self {
            Self::HostDown => entry("host-down", "the root's power is cut", hosts::host_down),
            Self::HostBack => entry("host-back", "the root comes back after a power cut", hosts::host_back),
            Self::LinkDown => entry("link-down", "a link in use is cut, both ways", links::link_down),
            Self::LinkBack => entry("link-back", "a link that was down comes back", links::link_back),
            Self::HalfLink => entry("half-link", "a link in use is cut, one way only", links::half_link),
            Self::LossyLink => entry("lossy-link", "a link in use loses a fifth of its frames", lossy::lossy_link),
            Self::FlappingLink => entry(
                "flapping-link",
                "a link in use goes down and up, ten times in 20 s",
                links::flapping_link,
            ),
            Self::Partition => entry("partition", "half of the hosts lose the other half", sides::partition),
            Self::Merge => entry("merge", "two halves that were apart come together", sides::merge),
            Self::OvsRestart => entry("ovs-restart", "Open vSwitch restarts", |session, scenario| {
                services::ovs_restart(session, scenario)
            }),
            Self::OvsKill => entry("ovs-kill", "ovs-vswitchd is killed", |session, scenario| {
                services::ovs_kill(session, scenario)
            }),
            Self::DockerRestart => entry("docker-restart", "Docker restarts", |session, scenario| {
                services::docker_restart(session, scenario)
            }),
            Self::NetworkingRestart => entry("networking-restart", "networking.service restarts", |session, scenario| {
                services::networking_restart(session, scenario)
            }),
            Self::DiskFull => entry("disk-full", "a root file system has no room left", disk::disk_full),
            Self::ClockJump => entry("clock-jump", "a clock goes a day ahead, then an hour back", clock::clock_jump),
            Self::RebootAll => entry("reboot-all", "all hosts reboot at once", hosts::reboot_all),
            Self::PowerCut => entry("power-cut", "all hosts lose their power at once", power::power_cut),
            Self::BootWithoutPeers => entry(
                "boot-without-peers",
                "each host boots cut off from the others, and joins them later",
                power::boot_without_peers,
            ),
            Self::SameMachineId => entry("same-machine-id", "all hosts boot with one machine-id", power::same_machine_id),
        }
    }

    /// As in the report and on the command line: `host-down`.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// In a line for people: `the root's power is cut`.
    pub fn description(self) -> &'static str {
        self.entry().description
    }

    /// Causes it and waits until the mesh is whole again. What goes wrong is in the result.
    pub fn cause(self, session: &mut Session<'_>) -> Scenario {
        self.cause_and(session, |session| session.probe())
    }

    /// The same with `probes` of the caller's choice: all of them take an emulated host the better part of a minute.
    pub fn cause_and<'a>(self, session: &mut Session<'a>, probes: impl FnOnce(&mut Session<'a>) -> Vec<Verdict>) -> Scenario {
        session.ui.line(&format!("scenario {self} ..."));
        let mut scenario = Scenario::new(self.name());
        match (self.entry().cause)(session, &mut scenario) {
            Ok(()) => scenario.verdicts = probes(session),
            Err(error) => {
                let undone = undo(session).map_err(|error| format!("\nand it could not be undone: {error}"));
                scenario.error = Some(format!("{error}{}", undone.err().unwrap_or_default()));
            }
        }
        scenario
    }
}

/// Undoes what a scenario that broke off may have left: later ones must not suffer from it.
fn undo(session: &mut Session<'_>) -> Result<(), LabError> {
    session.lab.heal()?;
    session.lab.impair(Pairs::All, Impairment::default())?;
    for host in session.lab.status()?.hosts {
        match host.state {
            HostState::Running { .. } => session.lab.resume(&host.name)?,
            HostState::Ended { .. } | HostState::Killed => session.lab.start(&host.name)?,
        }
    }
    Ok(())
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A name that is no fault's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario '{name}'; there are: {}", names().collect::<Vec<_>>().join(", "))]
pub struct UnknownFault {
    pub name: String,
}

fn names() -> impl Iterator<Item = &'static str> {
    Fault::ALL.iter().map(|fault| fault.name())
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let found = Self::ALL.iter().copied().find(|fault| fault.name() == name);
        found.ok_or_else(|| UnknownFault { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_is_found_by_it() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse(), Ok(*fault));
            assert!(!fault.description().is_empty());
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_are_known() {
        let error = "host-dwon".parse::<Fault>().unwrap_err().to_string();
        assert!(
            error.starts_with("there is no scenario 'host-dwon'; there are: host-down, "),
            "{error}"
        );
        assert!(Fault::ALL.iter().all(|fault| error.contains(fault.name())), "{error}");
    }
}
