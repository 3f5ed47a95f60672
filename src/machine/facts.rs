//! What is gathered from a running host, in one call of ssh, for all state probes.

mod boot;
mod config;
mod docker;
mod floods;
mod link;
mod listening;
mod rules;
mod sections;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use boot::{Boot, CloudInit, FailedUnit, SlowUnit, UnitTimes};
pub use config::{Config, DAEMON_OPTIONS, FileFacts, UnitFile, asks_docker, files, units};
pub use docker::{DockerContainer, DockerFacts, DockerNetwork};
pub use link::{Address, IpLink};
pub use listening::{Listener, Transport};
pub use rules::RuleFacts;
pub use traffic::Traffic;

pub(crate) use self::sections::Sections;
use super::openvswitch::{self, OpenVSwitch};
use super::{Machine, on_each, ssh};
use crate::plan::{HostPlan, Plan};
use crate::render::{RenderFilesError, host_files};
use crate::spec::{HostName, Network};

/// How much to ask a host for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Open vSwitch, links and Docker's network: what changes while a mesh comes up. Well under a second of work.
    Mesh,
    /// That, and Docker's version, for which its own program has to run: half a second under emulation.
    Versions,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// Another one after each boot (proc_sys_kernel(5), random/boot_id).
    pub boot_id: Found<String>,
    pub ovs: Found<OpenVSwitch>,
    /// The version of the ovs-vswitchd that runs.
    pub vswitchd_version: Found<String>,
    /// The scheduling policy of ovs-vswitchd, as chrt(1) names it: `SCHED_RR`.
    pub vswitchd_policy: Found<String>,
    /// Network interfaces by name.
    pub links: Found<BTreeMap<String, IpLink>>,
    pub docker: Found<DockerFacts>,
    pub boot: Found<Boot>,
    /// machine-id(5).
    pub machine_id: Found<String>,
    pub listening: Found<Vec<Listener>>,
    pub traffic: Found<Traffic>,
    /// By port of the mesh, the ports that Open vSwitch sends a broadcast to which comes in there, the bridge's own among them. Empty where nobody
    /// asked, as in [`Scope::Mesh`].
    pub floods: Found<BTreeMap<String, BTreeSet<String>>>,
    pub config: Found<Config>,
    /// What the bridge of a direct fabric forwards by; asked for there alone.
    #[serde(default)]
    pub rules: Found<RuleFacts>,
}

impl Facts {
    /// Of a host about which nothing can be said, and why.
    pub fn unknown(why: &str) -> Self {
        Self {
            boot_id: Found::Unknown(why.to_owned()),
            ovs: Found::Unknown(why.to_owned()),
            vswitchd_version: Found::Unknown(why.to_owned()),
            vswitchd_policy: Found::Unknown(why.to_owned()),
            links: Found::Unknown(why.to_owned()),
            docker: Found::Unknown(why.to_owned()),
            boot: Found::Unknown(why.to_owned()),
            machine_id: Found::Unknown(why.to_owned()),
            listening: Found::Unknown(why.to_owned()),
            traffic: Found::Unknown(why.to_owned()),
            floods: Found::Unknown(why.to_owned()),
            config: Found::Unknown(why.to_owned()),
            rules: Found::Unknown(why.to_owned()),
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
            vswitchd_version: sections.text("vswitchd-version").and_then(version).into(),
            vswitchd_policy: sections.text("vswitchd-scheduling").and_then(policy).into(),
            links: sections.text("ip").and_then(link::parse).into(),
            docker: docker::parse(&sections).into(),
            boot: boot::parse(&sections).into(),
            machine_id: sections.text("machine-id").map(|text| text.trim().to_owned()).into(),
            listening: sections.text("listening").and_then(listening::parse).into(),
            traffic: traffic::parse(&sections).into(),
            floods: floods::parse(&sections).into(),
            config: config::parse(&sections).into(),
            rules: rules::parse(&sections).into(),
        }
    }
}

/// From "ovs-vswitchd (Open vSwitch) 3.5.0" (ovs-appctl(8), version).
fn version(text: &str) -> Result<String, String> {
    let word = text.lines().next().and_then(|line| line.split_once("(Open vSwitch) "));
    word.map(|(_, version)| version.trim().to_owned())
        .ok_or_else(|| format!("not understood: {:?}", text.trim()))
}

/// From "pid 412's current scheduling policy: SCHED_RR" (chrt(1)).
fn policy(text: &str) -> Result<String, String> {
    let word = text.lines().find_map(|line| line.split_once("scheduling policy: "));
    // chrt adds flags to the name: SCHED_RR|SCHED_RESET_ON_FORK.
    let name = word.and_then(|(_, name)| name.trim().split('|').next());
    name.map(str::to_owned).ok_or_else(|| format!("not understood: {:?}", text.trim()))
}

/// The shell script that prints the facts of `host`.
///
/// # Errors
/// A mistake of ours in a template of a host's files.
pub fn script(plan: &Plan, host: &HostPlan, scope: Scope) -> Result<String, RenderFilesError> {
    const MESH: &str = include_str!("facts/gather.sh");
    const RULES: &str = include_str!("facts/gather_rules.sh");
    const START: &str = include_str!("facts/gather_start.sh");
    const BOOT: &str = include_str!("facts/gather_boot.sh");
    const END: &str = include_str!("facts/gather_end.sh");
    let (mesh, containers) = (&host.mesh_bridge.name, &host.container_bridge.name);
    let direct = if plan.tree().is_none() {
        format!("mesh_bridge={mesh}\n{RULES}")
    } else {
        String::new()
    };
    let brief = format!("ask_version={}\n{MESH}{direct}", scope != Scope::Mesh);
    if scope != Scope::All {
        return Ok(brief);
    }
    let files: Vec<String> = host_files(plan, host)?.into_iter().map(|file| file.path).collect();
    // Paths of ours and names that went through their types: nothing that a shell would look at.
    let known = format!(
        "mesh_bridge={mesh}\ncontainer_bridge={containers}\nask_docker={}\nask_ifupdown={}\nfiles='{}'\n",
        asks_docker(host),
        host.network == Network::Ifupdown,
        files.join(" ")
    );
    Ok(format!("{known}{brief}{START}{BOOT}{END}"))
}

/// Asks all machines at once. Every host of `plan` is in the result: one that no machine was given for, or that was not reached, with
/// facts that say so. `deadline` is for each.
pub fn gather(plan: &Plan, machines: &[&dyn Machine], scope: Scope, deadline: Duration) -> BTreeMap<HostName, Facts> {
    let mut facts = on_each(machines, |machine| {
        let Some(host) = plan.hosts.iter().find(|host| host.name == *machine.name()) else {
            return Facts::unknown("it is no host of the plan");
        };
        let script = match script(plan, host, scope) {
            Ok(script) => script,
            Err(error) => return Facts::unknown(&error.to_string()),
        };
        match machine.run(&script, deadline) {
            Ok(finished) => Facts::parse(&finished.stdout_text()),
            Err(error) => Facts::unknown(&format!("not reached: {}", ssh::last_words(&error))),
        }
    });
    for host in &plan.hosts {
        facts
            .entry(host.name.clone())
            .or_insert_with(|| Facts::unknown("not reached: no such machine is running"));
    }
    facts
}

/// The sections of a script's output.
pub(crate) fn sections_of(output: &str) -> Sections {
    Sections::parse(output)
}

#[cfg(test)]
#[path = "facts/end_tests.rs"]
mod end_tests;
#[cfg(test)]
#[path = "facts/gather_tests.rs"]
mod gather_tests;
#[cfg(test)]
#[path = "facts/tests.rs"]
mod tests;
