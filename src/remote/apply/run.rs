//! The hosts one after the other: change, confirm over a new connection, wait for the mesh, next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::carry;
use super::change::{HostChange, Refusal, change};
use super::confirm::ConfirmWithin;
use super::found::{self, Found};
use super::timed::{ASK_DEADLINE, INTERVAL, Step, Timed, until_nothing_differs};
use crate::diff::Kind;
use crate::machine::facts::{self, Facts, Scope};
use crate::machine::report::LinkState;
use crate::machine::topology::topology;
use crate::machine::{Machine, on_each};
use crate::plan::{HostPlan, Plan};
use crate::remote::Remote;
use crate::spec::{ClusterName, HostName};
use crate::wait::{self, Look, WaitError};

/// The format of the JSON; raised when a field changes its meaning or goes.
pub const DIFFERENCES_VERSION: u32 = 1;

/// How long its links may take to carry traffic again: the longest timers of spanning tree are 40 s and twice 30 s.
const LINKS_DEADLINE: Duration = Duration::from_secs(120);

/// Why not all hosts are as planned.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{host} is left alone: {why}; nothing was changed on any host")]
    Refused { host: HostName, why: String },
    #[error("{host} cannot be asked: {why}; nothing was changed on any host. To leave it out, name the others: --host")]
    NotAsked { host: HostName, why: String },
    #[error("{host} cannot be asked: {why}; nothing was changed on any host. If it is gone for good: --dead")]
    NotAskedToLeave { host: HostName, why: String },
    #[error("{host} has its old state back: {why}{}", rest(left))]
    TakenBack { host: HostName, why: String, left: Vec<HostName> },
    #[error("{host} was not confirmed, and has its old state back within {within} s: {why}{}", rest(left))]
    NotConfirmed {
        host: HostName,
        within: ConfirmWithin,
        why: String,
        left: Vec<HostName>,
    },
    #[error("{host} is as planned, but its links are not up: {why}{}", rest(left))]
    Links { host: HostName, why: String, left: Vec<HostName> },
    #[error(
        "interrupted; what was changed on {host} and not confirmed is taken back by the host itself{}",
        rest(left)
    )]
    Interrupted { host: HostName, left: Vec<HostName> },
}

fn rest(left: &[HostName]) -> String {
    match left {
        [] => String::new(),
        hosts => format!(
            "; not changed: {}",
            hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// All that differs, before anything is changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Differences {
    pub version: u32,
    pub cluster: ClusterName,
    /// In the order of the file.
    pub hosts: Vec<HostChange>,
    /// Hosts that are as planned.
    pub unchanged: Vec<HostName>,
}

/// What differs on the hosts of `remote`.
///
/// # Errors
/// [`ApplyError`] of the first host that cannot be asked, or must be left alone.
pub fn look(remote: &Remote<'_>) -> Result<Differences, ApplyError> {
    each(remote, change)
}

/// What `judge` says of each host of `remote`.
///
/// # Errors
/// As [`look`].
pub fn each(
    remote: &Remote<'_>,
    judge: impl Fn(&Plan, &HostPlan, &Found) -> Result<HostChange, Refusal>,
) -> Result<Differences, ApplyError> {
    let answers = found::ask(remote.plan, &remote.all());
    let mut differences = Differences {
        version: DIFFERENCES_VERSION,
        cluster: remote.plan.cluster.clone(),
        hosts: Vec::new(),
        unchanged: Vec::new(),
    };
    for host in &remote.plan.hosts {
        let found = match answers.get(&host.name) {
            None => continue,
            Some(Err(why)) => {
                return Err(ApplyError::NotAsked {
                    host: host.name.clone(),
                    why: why.clone(),
                });
            }
            Some(Ok(found)) => found,
        };
        let change = judge(remote.plan, host, found).map_err(|why| ApplyError::Refused {
            host: host.name.clone(),
            why: why.to_string(),
        })?;
        if change.is_empty() {
            differences.unchanged.push(host.name.clone());
        } else {
            differences.hosts.push(change);
        }
    }
    Ok(differences)
}

/// Changes the hosts of `differences`. Those that have no mesh yet come first and all at once, for nobody misses them; the others one at a time,
/// which any mesh survives that survives a failure, and each when the links of the one before are up again. Each waits for `within` to be confirmed.
///
/// # Errors
/// [`ApplyError`] of the first host where something went wrong; those after it were not touched.
pub fn apply(remote: &Remote<'_>, differences: &Differences, within: ConfirmWithin) -> Result<(), ApplyError> {
    let (new, changed): (Vec<&HostChange>, Vec<&HostChange>) = differences.hosts.iter().partition(|change| change.kind == Kind::New);
    let mut done: BTreeSet<HostName> = differences.unchanged.iter().cloned().collect();
    let mut left: Vec<HostName> = changed.iter().map(|change| change.host.clone()).collect();
    let machines = machines(remote, &new);
    let ends = on_each(&machines, |machine| {
        match new.iter().find(|change| change.host == *machine.name()) {
            Some(change) => one(remote, machine, change, within, &left),
            None => Ok(()),
        }
    });
    for (host, end) in ends {
        end?;
        done.insert(host);
    }
    for change in changed {
        left.retain(|host| *host != change.host);
        for machine in machines_of(remote, &change.host) {
            one(remote, machine, change, within, &left)?;
        }
        done.insert(change.host.clone());
        links_up(remote, &done, &change.host, &left)?;
    }
    Ok(())
}

fn machines<'r>(remote: &'r Remote<'_>, changes: &[&HostChange]) -> Vec<&'r dyn Machine> {
    let mut machines = remote.all();
    machines.retain(|machine| changes.iter().any(|change| change.host == *machine.name()));
    machines
}

fn machines_of<'r>(remote: &'r Remote<'_>, host: &HostName) -> Vec<&'r dyn Machine> {
    let mut machines = remote.all();
    machines.retain(|machine| machine.name() == host);
    machines
}

/// Changes one host and confirms it.
fn one(
    remote: &Remote<'_>,
    machine: &dyn Machine,
    change: &HostChange,
    within: ConfirmWithin,
    left: &[HostName],
) -> Result<(), ApplyError> {
    let timed = Timed {
        remote,
        machine,
        within,
        left,
    };
    let Some(planned) = remote.plan.hosts.iter().find(|planned| planned.name == change.host) else {
        return Ok(());
    };
    let script = carry::stage(remote.plan, planned, change, within).map_err(|error| timed.taken_back(error.to_string()))?;
    let step = Step {
        script: &script,
        limit: carry::limit(change),
        doing: "changing",
        done: "as planned",
    };
    timed.take(&step, |deadline| {
        until_nothing_differs(remote.plan, machine, deadline, |found| differing(remote.plan, planned, found))
    })
}

/// What is otherwise than planned on a host, in words.
fn differing(plan: &Plan, host: &HostPlan, found: &Found) -> Result<Vec<String>, Refusal> {
    let change = change(plan, host, found)?;
    let files = change.files.iter().map(|file| format!("{} differs", file.path));
    let packages = change.packages.iter().map(|package| format!("{package} is not installed"));
    Ok(change.running.iter().cloned().chain(files).chain(packages).collect())
}

/// Waits until the links of `host` to hosts that are as planned carry traffic, or could.
fn links_up(remote: &Remote<'_>, done: &BTreeSet<HostName>, host: &HostName, left: &[HostName]) -> Result<(), ApplyError> {
    let machines: Vec<&dyn Machine> = remote.all().into_iter().filter(|machine| done.contains(machine.name())).collect();
    let what = format!("the links of {host}");
    wait::until(&what, LINKS_DEADLINE, INTERVAL, || {
        let facts = facts::gather(remote.plan, &machines, Scope::Mesh, ASK_DEADLINE);
        match down(remote.plan, &facts, done, host) {
            down if down.is_empty() => Look::Ready(()),
            down => Look::Pending(format!("{} down", down.join(", "))),
        }
    })
    .map_err(|error| match error {
        WaitError::Interrupted { .. } => ApplyError::Interrupted {
            host: host.clone(),
            left: left.to_vec(),
        },
        error => ApplyError::Links {
            host: host.clone(),
            why: error.to_string(),
            left: left.to_vec(),
        },
    })
}

/// The links between `host` and hosts that are `done` which are not up.
fn down(plan: &Plan, facts: &BTreeMap<HostName, Facts>, done: &BTreeSet<HostName>, host: &HostName) -> Vec<String> {
    let links = topology(plan, facts).links.into_iter();
    links
        .filter(|link| link.ends.contains(host) && link.ends.iter().all(|end| done.contains(end)))
        .filter(|link| matches!(link.state, LinkState::Down | LinkState::Unknown))
        .map(|link| link.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample;

    #[test]
    fn links_to_hosts_that_are_not_done_are_not_waited_for() {
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        facts.insert("host3".parse().unwrap(), Facts::unknown("not asked"));
        let names = |of: &[&str]| of.iter().map(|name| name.parse().unwrap()).collect::<BTreeSet<HostName>>();
        let host = plan.hosts[0].name.clone();
        assert_eq!(down(&plan, &facts, &names(&["host1", "host2"]), &host), [""; 0]);
        assert_eq!(down(&plan, &facts, &names(&["host1", "host2", "host3"]), &host), ["gre2"]);
    }

    #[test]
    fn errors_name_the_hosts_that_were_not_touched() {
        let error = ApplyError::NotConfirmed {
            host: "host1".parse().unwrap(),
            within: "40".parse().unwrap(),
            why: "Connection refused".to_owned(),
            left: vec!["host2".parse().unwrap(), "host3".parse().unwrap()],
        };
        assert_eq!(
            error.to_string(),
            "host1 was not confirmed, and has its old state back within 40 s: Connection refused; not changed: host2, host3"
        );
    }
}
