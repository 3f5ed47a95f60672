//! What is gathered from a running host, in one call of ssh, for all state probes.

mod boot;
mod docker;
mod link;
mod sections;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use boot::{Boot, CloudInit, FailedUnit, SlowUnit, UnitTimes};
pub use docker::{DockerFacts, DockerNetwork};
pub use link::{Address, IpLink};

pub(crate) use self::sections::Sections;
use super::openvswitch::{self, OpenVSwitch};
use super::{Machine, on_each, ssh};
use crate::plan::Plan;
use crate::spec::HostName;

/// How much to ask a host for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Open vSwitch, links and Docker: what changes while a mesh comes up. Well under a second of work.
    Mesh,
    /// That, and how the host booted: some seconds under emulation, cloud-init being written in Python.
    All,
}

/// Something that was found on a host, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found<T> {
    Known(T),
    /// Why it is not known: a missing tool, its error, a host that was not reached.
    Unknown(String),
}

impl<T> Found<T> {
    /// As a result, for `?`.
    ///
    /// # Errors
    /// The reason why it is not known.
    pub fn known(&self) -> Result<&T, &str> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(why) => Err(why),
        }
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self::Unknown("not asked for".to_owned())
    }
}

impl<T> From<Result<T, String>> for Found<T> {
    fn from(result: Result<T, String>) -> Self {
        result.map_or_else(Self::Unknown, Self::Known)
    }
}

/// All that is known of one running host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// Another one after each boot (proc_sys_kernel(5), random/boot_id).
    pub boot_id: Found<String>,
    pub ovs: Found<OpenVSwitch>,
    /// Network interfaces by name.
    pub links: Found<BTreeMap<String, IpLink>>,
    pub docker: Found<DockerFacts>,
    pub boot: Found<Boot>,
}

impl Facts {
    /// Of a host about which nothing can be said, and why.
    pub fn unknown(why: &str) -> Self {
        Self {
            boot_id: Found::Unknown(why.to_owned()),
            ovs: Found::Unknown(why.to_owned()),
            links: Found::Unknown(why.to_owned()),
            docker: Found::Unknown(why.to_owned()),
            boot: Found::Unknown(why.to_owned()),
        }
    }

    /// Reads what [`script`] printed. Whatever is missing or broken becomes [`Found::Unknown`].
    pub fn parse(output: &str) -> Self {
        let sections = Sections::parse(output);
        Self {
            boot_id: sections.text("boot-id").map(|text| text.trim().to_owned()).into(),
            ovs: sections
                .text("ovs")
                .and_then(|text| openvswitch::parse(text).map_err(|error| error.to_string()))
                .into(),
            links: sections.text("ip").and_then(link::parse).into(),
            docker: docker::parse(&sections).into(),
            boot: boot::parse(&sections).into(),
        }
    }
}

/// The shell script that prints the facts.
pub fn script(scope: Scope) -> String {
    const MESH: &str = include_str!("facts/gather.sh");
    const BOOT: &str = include_str!("facts/gather_boot.sh");
    match scope {
        Scope::Mesh => MESH.to_owned(),
        Scope::All => format!("{MESH}{BOOT}"),
    }
}

/// Asks all machines at once. Every host of `plan` is in the result: one that no machine was given for, or that was not reached, with
/// facts that say so. `deadline` is for each.
pub fn gather(plan: &Plan, machines: &[&dyn Machine], scope: Scope, deadline: Duration) -> BTreeMap<HostName, Facts> {
    let script = script(scope);
    let mut facts = on_each(machines, |machine| match machine.run(&script, deadline) {
        Ok(finished) => Facts::parse(&finished.stdout_text()),
        Err(error) => Facts::unknown(&format!("not reached: {}", ssh::last_words(&error))),
    });
    for host in &plan.hosts {
        facts
            .entry(host.name.clone())
            .or_insert_with(|| Facts::unknown("not reached: no such machine is running"));
    }
    facts
}

/// The sections of a script's output.
pub(super) fn sections_of(output: &str) -> Sections {
    Sections::parse(output)
}

#[cfg(test)]
#[path = "facts/tests.rs"]
mod tests;
