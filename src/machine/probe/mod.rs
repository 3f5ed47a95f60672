//! Checks on running machines. State probes are pure functions of plan and facts; active probes run scripts on the machines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Facts;
use crate::plan::{HostPlan, Plan};
use crate::spec::HostName;

mod bfd;
mod boot;
mod bulk;
mod check;
pub mod container;
mod container_ping;
mod direct;
mod docker;
mod docker0;
mod duplicates;
pub mod exposure;
pub(super) mod loop_free;
mod mtu;
mod ovs;
pub mod own_container;
mod pairs;
mod persistence;
mod quiet;
mod ready;
mod tunnels;
mod underlay_ping;
mod unique;

#[cfg(test)]
mod state_tests;

pub use bfd::bfd;
pub use boot::{BootLimits, boot};
pub use bulk::bulk;
pub use container_ping::{Asked, container_ping, container_ping_of};
pub use docker::docker;
pub use docker0::docker0;
pub use duplicates::duplicates;
pub use loop_free::loop_free;
pub use mtu::mtu;
pub use ovs::ovs;
pub use persistence::persistence;
pub use quiet::quiet;
pub use ready::{boot_finished, links, mesh_ready, second_look};
pub use tunnels::tunnels;
pub use underlay_ping::underlay_ping;
pub use unique::unique;

/// One check, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    UnderlayPing,
    Ovs,
    Tunnels,
    Bfd,
    LoopFree,
    Docker0,
    Docker,
    Unique,
    Quiet,
    ContainerPing,
    Duplicates,
    Mtu,
    Bulk,
    Persistence,
    Boot,
    Exposure,
}

impl Probe {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::UnderlayPing,
        Self::Ovs,
        Self::Tunnels,
        Self::Bfd,
        Self::LoopFree,
        Self::Docker0,
        Self::Docker,
        Self::Unique,
        Self::Quiet,
        Self::ContainerPing,
        Self::Duplicates,
        Self::Mtu,
        Self::Bulk,
        Self::Persistence,
        Self::Boot,
        Self::Exposure,
    ];

    /// Its name, as the JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnderlayPing => "underlay-ping",
            Self::Ovs => "ovs",
            Self::Tunnels => "tunnels",
            Self::Bfd => "bfd",
            Self::LoopFree => "loop-free",
            Self::Docker0 => "docker0",
            Self::Docker => "docker",
            Self::Unique => "unique",
            Self::Quiet => "quiet",
            Self::ContainerPing => "container-ping",
            Self::Duplicates => "duplicates",
            Self::Mtu => "mtu",
            Self::Bulk => "bulk",
            Self::Persistence => "persistence",
            Self::Boot => "boot",
            Self::Exposure => "exposure",
        }
    }

    /// What it is about, for people.
    pub fn what(self) -> &'static str {
        match self {
            Self::UnderlayPing => "hosts ping each other on the underlay",
            Self::Ovs => "Open vSwitch bridges are as planned",
            Self::Tunnels => "tunnel ports are as planned, and no others are there",
            Self::Bfd => "links are seen up from both ends",
            Self::LoopFree => "one root, and the forwarding links form a tree",
            Self::Docker0 => "container bridges are as planned",
            Self::Docker => "Docker hands out the planned addresses",
            Self::Unique => "no address, MAC or bridge identifier is there twice",
            Self::Quiet => "the mesh is silent while nobody uses it",
            Self::ContainerPing => "containers ping each other across hosts",
            Self::Duplicates => "no ping is answered twice",
            Self::Mtu => "containers send exactly the planned packet size",
            Self::Bulk => "64 MiB from container to container arrive whole",
            Self::Persistence => "what is on disk is what runs",
            Self::Boot => "hosts booted without failures or delays",
            Self::Exposure => "a stranger on the underlay finds ssh alone",
        }
    }
}

impl std::fmt::Display for Probe {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name())
    }
}

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Green,
    Red,
    /// The plan has nothing of the kind.
    Skipped,
}

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Subject {
    Cluster,
    Host { host: HostName },
    Pair { from: HostName, to: HostName },
}

impl std::fmt::Display for Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cluster => formatter.write_str("cluster"),
            Self::Host { host } => write!(formatter, "{host}"),
            Self::Pair { from, to } => write!(formatter, "{from} -> {to}"),
        }
    }
}

/// A number that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measured {
    pub value: f64,
    /// `s`, `ms`, `bytes`, `links`.
    pub unit: &'static str,
}

/// What one probe found about one host, pair of hosts or the cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    pub probe: Probe,
    pub subject: Subject,
    pub state: State,
    /// One line.
    pub summary: String,
    pub measured: Option<Measured>,
    /// What to look at when it is red.
    pub help: Option<String>,
}

impl Verdict {
    /// All is well.
    pub fn green(probe: Probe, subject: Subject, summary: impl Into<String>) -> Self {
        Self {
            probe,
            subject,
            state: State::Green,
            summary: summary.into(),
            measured: None,
            help: None,
        }
    }

    /// Something is wrong, or nobody knows.
    pub fn red(probe: Probe, subject: Subject, summary: impl Into<String>, help: &str) -> Self {
        Self {
            state: State::Red,
            help: Some(help.to_owned()),
            ..Self::green(probe, subject, summary)
        }
    }

    /// Not planned.
    pub fn skipped(probe: Probe, subject: Subject, summary: impl Into<String>) -> Self {
        Self {
            state: State::Skipped,
            ..Self::green(probe, subject, summary)
        }
    }

    /// With a number.
    pub fn measured(mut self, value: f64, unit: &'static str) -> Self {
        self.measured = Some(Measured { value, unit });
        self
    }

    /// Whether it is red.
    pub fn is_red(&self) -> bool {
        self.state == State::Red
    }
}

/// Help for what could not be looked at.
const UNKNOWN_HELP: &str = "nothing is known about this, so it counts as red; see whether the machine runs and ssh reaches it";

/// A verdict for each host from its facts; red for a host without.
fn for_each_host(
    probe: Probe,
    plan: &Plan,
    facts: &BTreeMap<HostName, Facts>,
    judge: impl Fn(&HostPlan, &Facts) -> Verdict,
) -> Vec<Verdict> {
    let verdict = |host: &HostPlan| match facts.get(&host.name) {
        Some(facts) => judge(host, facts),
        None => Verdict::red(probe, on(&host.name), "no facts were gathered", UNKNOWN_HELP),
    };
    never_empty(probe, plan.hosts.iter().map(verdict).collect())
}

fn on(host: &HostName) -> Subject {
    Subject::Host { host: host.clone() }
}

fn between(from: &HostName, to: &HostName) -> Subject {
    Subject::Pair {
        from: from.clone(),
        to: to.clone(),
    }
}

/// A probe that looked at nothing has shown nothing.
fn never_empty(probe: Probe, verdicts: Vec<Verdict>) -> Vec<Verdict> {
    if verdicts.is_empty() {
        return vec![Verdict::red(
            probe,
            Subject::Cluster,
            "nothing was there to be checked",
            "a mesh has two hosts or more",
        )];
    }
    verdicts
}

/// All state probes.
pub fn state(plan: &Plan, facts: &BTreeMap<HostName, Facts>, limits: &BootLimits) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    verdicts.extend(ovs(plan, facts));
    verdicts.extend(tunnels(plan, facts));
    verdicts.extend(bfd(plan, facts));
    verdicts.extend(loop_free(plan, facts));
    verdicts.extend(docker0(plan, facts));
    verdicts.extend(docker(plan, facts));
    verdicts.extend(unique(plan, facts));
    verdicts.extend(quiet(plan, facts));
    verdicts.extend(persistence(plan, facts));
    verdicts.extend(boot(plan, facts, limits));
    verdicts
}

/// All active probes but `exposure`, which is a stranger's, one after the other, between `containers`.
pub fn active(plan: &Plan, machines: &[&dyn super::Machine], containers: &container::Containers) -> Vec<Verdict> {
    let mut verdicts = underlay_ping(plan, machines);
    let asked = Asked::ask(plan, machines, containers);
    verdicts.extend(container_ping_of(plan, &asked));
    verdicts.extend(duplicates(plan, &asked));
    verdicts.extend(mtu(plan, machines, containers));
    verdicts.extend(bulk(plan, machines, containers));
    verdicts
}
