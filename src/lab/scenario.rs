//! Faults that are caused on purpose, and what came of them.

mod hosts;
mod measure;

use std::fmt;
use std::str::FromStr;

use super::LabError;
use super::session::Session;
use crate::machine::report::Scenario;

/// Which fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    HostDown,
    RebootAll,
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
    pub const ALL: &'static [Self] = &[Self::HostDown, Self::RebootAll];

    fn entry(self) -> Entry {
        let entry = |name, description, cause| Entry { name, description, cause };
        match self {
            Self::HostDown => entry("host-down", "the root's power is cut", hosts::host_down),
            Self::RebootAll => entry("reboot-all", "all hosts reboot at once", hosts::reboot_all),
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
        session.ui.line(&format!("scenario {self} ..."));
        let mut scenario = Scenario::new(self.name());
        match (self.entry().cause)(session, &mut scenario) {
            Ok(()) => scenario.verdicts = session.probe(),
            Err(error) => scenario.error = Some(error.to_string()),
        }
        scenario
    }
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
