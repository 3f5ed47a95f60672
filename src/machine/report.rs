//! What was found on the machines of a cluster: for programs as JSON, for people as text.

mod html;
mod junit;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::facts::Boot;
use super::outage::Outage;
use super::probe::{State, Verdict};
use crate::spec::{ClusterName, HostName};

/// The format of the JSON; raised when a field changes its meaning or goes.
pub const REPORT_VERSION: u32 = 1;

/// When a host was how far, seconds after its power-on; `None` where nobody looked or it never came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostTimings {
    pub ssh_seconds: Option<f64>,
    pub cloud_init_done_seconds: Option<f64>,
    pub mesh_ready_seconds: Option<f64>,
    /// The probe container ran.
    pub container_running_seconds: Option<f64>,
}

/// How the links stand, as the report draws it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Topology {
    /// The fabric has no tree: no root, and no link in reserve.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// The root that the hosts agree on; `None` where they do not, or the fabric has none.
    pub root: Option<HostName>,
    /// In the order of the plan.
    pub links: Vec<TopologyLink>,
}

/// One link of the mesh as it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TopologyLink {
    /// `gre1`.
    pub name: String,
    pub ends: [HostName; 2],
    pub state: LinkState,
}

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// It carries traffic.
    Forwarding,
    /// The spanning tree keeps it in reserve: at least one of its ends discards.
    Blocked,
    /// An end sees it down, or is not there.
    Down,
    /// An end could not be asked, and the other, if it could, sees nothing wrong.
    Unknown,
}

/// A fault that was caused, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scenario {
    /// `host-down`.
    pub name: String,
    /// Which time it was caused, from 1.
    pub repetition: u32,
    /// What was done: `kill -9 of host1, the root`.
    pub what: String,
    /// Between containers of two hosts that were to stay connected; `None` where there were no such two.
    pub outage: Option<Outage>,
    /// The longest outage that is allowed, seconds; 0 allows late answers, and not one lost ping. With a limit, an outage that was not measured is red.
    pub limit_seconds: Option<f64>,
    /// Of the probes afterwards; none at all is red.
    pub verdicts: Vec<Verdict>,
    /// The hosts whose containers the outage was measured between.
    pub between: Option<[HostName; 2]>,
    /// Why not all is green afterwards, and what an operator sees, where that is how it is meant to be.
    pub by_design: Option<String>,
    /// What kept the scenario from running to its end.
    pub error: Option<String>,
    /// From the fault to the last probe, seconds; `None` where nobody looked at the clock.
    pub took_seconds: Option<f64>,
}

impl Scenario {
    /// One that is about to be caused for the first time.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            repetition: 1,
            what: String::new(),
            outage: None,
            limit_seconds: None,
            verdicts: Vec::new(),
            between: None,
            by_design: None,
            error: None,
            took_seconds: None,
        }
    }

    /// `host-down`, and from the second time on `host-down-2`.
    pub fn label(&self) -> String {
        match self.repetition {
            0 | 1 => self.name.clone(),
            repetition => format!("{}-{repetition}", self.name),
        }
    }

    /// Why the scenario itself, apart from its verdicts, is red; `None` if it is not.
    pub fn complaint(&self) -> Option<String> {
        if let Some(error) = &self.error {
            return Some(error.clone());
        }
        if self.verdicts.is_empty() {
            return Some("nothing was probed afterwards".to_owned());
        }
        let limit = self.limit_seconds?;
        let Some(outage) = &self.outage else {
            return Some("the outage was not measured".to_owned());
        };
        if let Some(why) = &outage.at_least {
            return Some(format!("the outage was at least {:.2} s: {why}", outage.outage_seconds));
        }
        let lost = outage.sent.saturating_sub(outage.received);
        if limit == 0.0 {
            if lost > 0 {
                return Some(format!("{lost} of {} pings were lost, and none may be", outage.sent));
            }
            let late = outage.outage_seconds;
            return (late > LATE_SECONDS).then(|| format!("a ping was answered {late:.2} s late, and none may be lost"));
        }
        (outage.outage_seconds > limit).then(|| format!("the outage was {:.2} s, the limit is {limit:.2} s", outage.outage_seconds))
    }

    /// `limit 1.00 s`; `None` where there is none.
    pub fn limit(&self) -> Option<String> {
        self.limit_seconds.map(|limit| match limit {
            0.0 => "no ping may be lost".to_owned(),
            limit => format!("limit {limit:.2} s"),
        })
    }

    /// How many of its verdicts, and whether the scenario itself, are red.
    pub fn red_count(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.is_red()).count() + usize::from(self.complaint().is_some())
    }
}

/// An answer that is later has been lost for all that it is good for; an emulated machine may take a tenth of it.
const LATE_SECONDS: f64 = 0.5;

/// All findings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    pub version: u32,
    pub cluster: ClusterName,
    /// What the machines were: `QEMU 10.0.2, TCG, 1 GiB each`.
    pub machines: String,
    /// In the order of the file.
    pub hosts: Vec<HostName>,
    pub timings: BTreeMap<HostName, HostTimings>,
    /// How each host booted first, its slowest units among it.
    pub boots: BTreeMap<HostName, Boot>,
    /// Before any fault; `None` where nobody looked.
    pub topology: Option<Topology>,
    pub verdicts: Vec<Verdict>,
    /// How long these took, seconds.
    pub probe_seconds: Option<f64>,
    pub scenarios: Vec<Scenario>,
    /// The folder with logs and states that a failure left.
    pub bundle: Option<PathBuf>,
}

impl Report {
    /// Without findings yet.
    pub fn new(cluster: ClusterName, machines: impl Into<String>, hosts: impl IntoIterator<Item = HostName>) -> Self {
        Self {
            version: REPORT_VERSION,
            cluster,
            machines: machines.into(),
            hosts: hosts.into_iter().collect(),
            timings: BTreeMap::new(),
            boots: BTreeMap::new(),
            topology: None,
            verdicts: Vec::new(),
            probe_seconds: None,
            scenarios: Vec::new(),
            bundle: None,
        }
    }

    /// Whether nothing is red and something is green: a report that says nothing proves nothing.
    pub fn is_green(&self) -> bool {
        self.red_count() == 0 && self.verdicts.iter().any(|verdict| verdict.state == State::Green)
    }

    /// How many verdicts and scenarios are red.
    pub fn red_count(&self) -> usize {
        reds(&self.verdicts) + self.scenarios.iter().map(Scenario::red_count).sum::<usize>()
    }

    /// The text for people; `color` as [`crate::ui::Ui`] decides it. Readable without.
    pub fn text(&self, color: bool) -> String {
        text::report(self, text::Paint { color })
    }

    /// JUnit XML for CI systems.
    ///
    /// # Errors
    /// Those of writing XML, which a text in memory has none of.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        junit::junit(self)
    }

    /// One HTML page for people, complete in itself: no network, no script. The same report gives the same bytes.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// The JSON for programs, with a line feed at its end.
    ///
    /// # Errors
    /// Those of serde_json, which has none for these types.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}

fn reds(verdicts: &[Verdict]) -> usize {
    verdicts.iter().filter(|verdict| verdict.is_red()).count()
}

#[cfg(test)]
#[path = "report/json_tests.rs"]
mod json_tests;
#[cfg(test)]
#[path = "report/limit_tests.rs"]
mod limit_tests;
#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
