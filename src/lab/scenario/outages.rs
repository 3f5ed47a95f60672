//! The same faults again and again, for figures: how long containers are cut off when the root or a link dies.

use std::time::Duration;

use serde::Serialize;

use super::remake::remake;
use super::tree::{SETTLE_DEADLINE, settled};
use super::{hosts, links};
use crate::lab::session::Session;
use crate::lab::{Lab, LabError};
use crate::machine::Machine;
use crate::machine::report::Scenario;
use crate::plan::{FabricPlan, Plan};
use crate::spec::{Bfd, ClusterName, HostName};
use crate::wait::{Look, until};

/// The format of the JSON; raised when a field changes its meaning or goes.
pub const OUTAGES_VERSION: u32 = 1;

/// A frozen host answers again when it goes on; its connection may have to be made anew.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outages {
    pub version: u32,
    pub cluster: ClusterName,
    /// What the machines were: `QEMU under TCG, 768 MiB each`.
    pub machines: String,
    #[serde(flatten)]
    pub fabric: FabricPlan,
    /// Of the first link; `None` where it has none.
    pub bfd: Option<Bfd>,
    pub series: Vec<Series>,
}

/// One fault, as often as it was caused.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Series {
    /// `host-down`.
    pub fault: String,
    /// `host1, the root, stands still`.
    pub what: String,
    /// The hosts whose containers it was measured between.
    pub between: [HostName; 2],
    /// In the order in which they were measured.
    pub outage_seconds: Vec<f64>,
    /// Pings that were not answered, each time.
    pub lost: Vec<u64>,
}

impl Series {
    /// At least half of the outages were no longer; 0 where there is none.
    pub fn p50_seconds(&self) -> f64 {
        let mut sorted = self.outage_seconds.clone();
        sorted.sort_by(f64::total_cmp);
        // Nearest rank: a value that was measured, not one between two.
        sorted.get(sorted.len().div_ceil(2).saturating_sub(1)).copied().unwrap_or(0.0)
    }

    /// The longest; 0 where there is none.
    pub fn worst_seconds(&self) -> f64 {
        self.outage_seconds.iter().copied().fold(0.0, f64::max)
    }

    /// Adds what a scenario measured to the series of its kind.
    fn add(all: &mut Vec<Self>, scenario: &Scenario) -> Result<f64, LabError> {
        let not_measured = |why: &str| LabError::NotMeasured {
            fault: scenario.name.clone(),
            why: why.to_owned(),
        };
        let outage = scenario
            .outage
            .as_ref()
            .ok_or_else(|| not_measured("there are no two hosts to measure between"))?;
        if let Some(why) = &outage.at_least {
            let lost = &outage.timeline.lost;
            let spans: Vec<String> = lost.iter().map(|[from, to]| format!("{from:.2} to {to:.2}")).collect();
            return Err(not_measured(&format!(
                "{why}; of {:.2} s of pings these were without reply: {}; the fault came after {:.2} s",
                outage.timeline.length_seconds,
                spans.join(", "),
                outage.timeline.fault_at_seconds.unwrap_or(0.0)
            )));
        }
        let between = scenario
            .between
            .clone()
            .ok_or_else(|| not_measured("nobody noted between which hosts"))?;
        let found = all
            .iter()
            .position(|series| series.what == scenario.what && series.between == between);
        let place = found.unwrap_or_else(|| {
            all.push(Self {
                fault: scenario.name.clone(),
                what: scenario.what.clone(),
                between,
                outage_seconds: Vec::new(),
                lost: Vec::new(),
            });
            all.len() - 1
        });
        all[place].outage_seconds.push(outage.outage_seconds);
        all[place].lost.push(outage.sent.saturating_sub(outage.received));
        Ok(outage.outage_seconds)
    }
}

/// Causes each fault `repeat` times, waiting in between until the mesh is as planned. The root, and another host, are frozen instead of killed: to the
/// others they are as silent, and they need not boot each time. With `kill` the root is killed at last, once, and not started again.
///
/// # Errors
/// [`LabError`]; also [`LabError::NotMeasured`] when an outage has no end.
pub fn measure(session: &mut Session<'_>, machines: &str, repeat: u32, kill: bool) -> Result<Outages, LabError> {
    type Run = fn(&mut Session<'_>, &mut Scenario) -> Result<(), LabError>;
    let runs: [(&str, Run, u32); 5] = [
        ("host-down", freeze_head, repeat),
        ("host-down", freeze_another, repeat),
        ("link-down", links::link_down, repeat),
        ("half-link", links::half_link, repeat),
        ("host-down", self::kill, u32::from(kill)),
    ];
    let mut outages = Outages {
        version: OUTAGES_VERSION,
        cluster: session.plan.cluster.clone(),
        machines: machines.to_owned(),
        fabric: session.plan.fabric.clone(),
        bfd: bfd(session.plan),
        series: Vec::new(),
    };
    settled(session, SETTLE_DEADLINE)?;
    for (name, run, times) in runs {
        for repetition in 1..=times {
            let mut scenario = Scenario::new(name);
            scenario.repetition = repetition;
            run(session, &mut scenario)?;
            let seconds = Series::add(&mut outages.series, &scenario)?;
            session
                .ui
                .line(&format!("{}, {repetition} of {times}: {seconds:.2} s", scenario.what));
        }
    }
    Ok(outages)
}

/// [`measure`]s the mesh of the session, then those of `others` on the same hosts; the root is killed at the very end. `each` is told
/// of every one as soon as it has been measured.
///
/// # Errors
/// As [`measure`]; [`LabError::NotRemade`] when a plan differs in more than its mesh; what `each` says.
pub fn measure_all<'a, E: From<LabError>>(
    session: &mut Session<'a>,
    others: impl IntoIterator<Item = &'a Plan>,
    machines: &str,
    repeat: u32,
    mut each: impl FnMut(&Outages) -> Result<(), E>,
) -> Result<(), E> {
    let mut others = others.into_iter().peekable();
    loop {
        each(&measure(session, machines, repeat, others.peek().is_none())?)?;
        let Some(next) = others.next() else { return Ok(()) };
        remake(session, next)?;
    }
}

fn bfd(plan: &Plan) -> Option<Bfd> {
    plan.hosts.first()?.mesh_bridge.ports.first()?.bfd
}

/// Has the root stand still until the outage is over.
fn freeze_head(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let head = session.plan.head().clone();
    scenario.what = format!("{} stands still", session.plan.head_as_subject());
    freeze(session, scenario, &head)
}

/// The same with the last host that is not the root: nothing between the others needs it, unless the tree leads through it.
fn freeze_another(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let mut hosts = session.plan.hosts.iter().rev().map(|host| &host.name);
    let Some(another) = hosts.find(|host| *host != session.plan.head()).cloned() else {
        return Ok(());
    };
    scenario.what = format!("{another}, not the first, stands still");
    freeze(session, scenario, &another)
}

fn freeze(session: &mut Session<'_>, scenario: &mut Scenario, host: &HostName) -> Result<(), LabError> {
    let measured = hosts::silence(session, scenario, host, Lab::pause);
    session.lab.resume(host.as_str())?;
    measured?;
    if let Some(machine) = session.machine(host) {
        until(&format!("an answer of {host}"), ANSWER_DEADLINE, Duration::from_millis(500), || {
            match machine.run("true", ANSWER_DEADLINE) {
                Ok(_) => Look::Ready(()),
                Err(error) => {
                    // A connection that the standstill has broken would take the next command to its grave.
                    let _ = machine.close();
                    Look::Pending(error.to_string())
                }
            }
        })?;
    }
    settled(session, SETTLE_DEADLINE)
}

/// Kills the root for good.
fn kill(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let root = session.plan.head().clone();
    scenario.what = format!("kill -9 of {}", session.plan.head_in_words());
    hosts::silence(session, scenario, &root, Lab::kill)
}

#[cfg(test)]
#[path = "outages_tests.rs"]
mod tests;
