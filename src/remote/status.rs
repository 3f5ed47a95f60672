//! How the hosts and links of a cluster stand, at a glance: one quick look at each host, and no container or packet of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::Remote;
use crate::machine::facts::{self, Facts, Found, Scope};
use crate::machine::probe::{self, Subject, Verdict};
use crate::machine::report::{LinkState, TopologyLink};
use crate::machine::topology::topology;
use crate::plan::{HostPlan, Plan};
use crate::spec::{ClusterName, HostName};

/// The format of the JSON; raised when a field changes its meaning or goes.
pub const STATUS_VERSION: u32 = 1;

/// One look; the programs that a host runs for it have limits of their own, 10 s each.
const LOOK_DEADLINE: Duration = Duration::from_secs(30);

/// A host that has answered before and is silent now has gone, or has more to do than to answer.
const NEXT_LOOK_DEADLINE: Duration = Duration::from_secs(10);

/// Until a host that was not reached is left alone until the next look: the others' news are not to wait longer.
const NEXT_TRY_DEADLINE: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    pub version: u32,
    pub cluster: ClusterName,
    /// In the order of the file.
    pub hosts: Vec<HostStatus>,
    /// The root that the hosts agree on; `None` where they do not, or the fabric has none.
    pub root: Option<HostName>,
    /// Those with an end at one of the hosts, in the order of the plan.
    pub links: Vec<LinkStatus>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostStatus {
    pub host: HostName,
    pub address: IpAddr,
    /// Why nothing is known of it.
    pub not_reached: Option<String>,
    /// What is not as planned; nothing if it was not reached.
    pub problems: Vec<String>,
    /// Versions that run.
    pub open_vswitch: Option<String>,
    pub docker: Option<String>,
    /// On Docker's bridge, those that run.
    pub containers: Option<usize>,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStatus {
    #[serde(flatten)]
    pub link: TopologyLink,
    /// How often BFD has found it dead or alive since it was made, of the end that says more; `None` where nobody says.
    pub flaps: Option<u64>,
}

impl Status {
    /// Whether every host was reached and is as planned, and no link is down or unknown.
    pub fn is_fine(&self) -> bool {
        let fine = |host: &HostStatus| host.not_reached.is_none() && host.problems.is_empty();
        let up = |link: &LinkStatus| matches!(link.link.state, LinkState::Forwarding | LinkState::Blocked);
        self.hosts.iter().all(fine) && self.links.iter().all(up)
    }
}

/// A look at the hosts of `remote`.
pub fn look(remote: &Remote<'_>) -> Status {
    let facts = facts::gather(remote.plan, &remote.all(), Scope::Versions, LOOK_DEADLINE);
    of(remote.plan, &remote.names(), &facts)
}

/// The next of several: hosts that were not reached are tried again.
pub fn look_again(remote: &mut Remote<'_>) -> Status {
    remote.try_again(NEXT_TRY_DEADLINE);
    let facts = facts::gather(remote.plan, &remote.all(), Scope::Versions, NEXT_LOOK_DEADLINE);
    for (host, facts) in &facts {
        if let Some(why) = not_reached(facts) {
            remote.lost(host, &why);
        }
    }
    of(remote.plan, &remote.names(), &facts)
}

/// What `facts` say of `names`.
fn of(plan: &Plan, names: &BTreeSet<HostName>, facts: &BTreeMap<HostName, Facts>) -> Status {
    let found = topology(plan, facts);
    let verdicts = on_hosts(plan, facts);
    let hosts = plan.hosts.iter().filter(|host| names.contains(&host.name));
    let links = found
        .links
        .into_iter()
        .filter(|link| link.ends.iter().any(|end| names.contains(end)));
    Status {
        version: STATUS_VERSION,
        cluster: plan.cluster.clone(),
        hosts: hosts.map(|host| host_status(host, facts.get(&host.name), &verdicts)).collect(),
        root: found.root,
        links: links
            .map(|link| LinkStatus {
                flaps: flaps(plan, facts, &link),
                link,
            })
            .collect(),
    }
}

/// The probes that say something of one host alone, and go by what changes while a mesh comes up.
pub(super) fn on_hosts(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    let mut verdicts = [
        probe::ovs(plan, facts),
        probe::tunnels(plan, facts),
        probe::docker0(plan, facts),
        probe::docker(plan, facts),
    ]
    .concat();
    if plan.tree().is_none() {
        verdicts.extend(probe::loop_free(plan, facts));
    }
    verdicts.retain(|verdict| matches!(verdict.subject, Subject::Host { .. }));
    verdicts
}

fn host_status(host: &HostPlan, facts: Option<&Facts>, verdicts: &[Verdict]) -> HostStatus {
    let not_reached = match facts {
        None => Some("not asked".to_owned()),
        Some(facts) => not_reached(facts),
    };
    let subject = Subject::Host { host: host.name.clone() };
    let red = verdicts.iter().filter(|verdict| verdict.is_red() && verdict.subject == subject);
    let problems = red.map(|verdict| format!("{}: {}", verdict.probe, verdict.summary));
    let docker = facts.and_then(|facts| facts.docker.known().ok());
    HostStatus {
        host: host.name.clone(),
        address: host.address,
        problems: if not_reached.is_some() { Vec::new() } else { problems.collect() },
        not_reached,
        open_vswitch: facts.and_then(|facts| facts.vswitchd_version.known().ok().cloned()),
        docker: docker.and_then(|docker| docker.version.known().ok().cloned()),
        containers: docker.map(|docker| docker.network.containers.len()),
    }
}

/// Every host that was reached has an identifier of its boot.
fn not_reached(facts: &Facts) -> Option<String> {
    match &facts.boot_id {
        Found::Known(_) => None,
        Found::Unknown(why) => Some(why.strip_prefix("not reached: ").unwrap_or(why).to_owned()),
    }
}

/// `flap_count` of ovs-vswitchd.conf.db(5), `bfd_status`.
fn flaps(plan: &Plan, facts: &BTreeMap<HostName, Facts>, link: &TopologyLink) -> Option<u64> {
    let of_end = |end: &HostName| {
        let bridge = &plan.hosts.iter().find(|host| host.name == *end)?.mesh_bridge.name;
        let ovs = facts.get(end)?.ovs.known().ok()?;
        let port = ovs.bridges.get(bridge.as_str())?.ports.get(&link.name)?;
        port.interface.bfd_status.get("flap_count")?.parse().ok()
    };
    link.ends.iter().filter_map(of_end).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample;

    fn all(plan: &Plan) -> BTreeSet<HostName> {
        plan.hosts.iter().map(|host| host.name.clone()).collect()
    }

    #[test]
    fn a_healthy_cluster_is_fine() {
        let plan = sample::plan();
        let status = of(&plan, &all(&plan), &sample::facts(&plan));
        assert!(status.is_fine(), "{status:?}");
        assert_eq!(status.root.as_ref().map(HostName::as_str), Some("host1"));
        assert_eq!((status.hosts.len(), status.links.len()), (3, 3));
        let host = &status.hosts[0];
        assert_eq!((host.open_vswitch.as_deref(), host.containers), (Some("3.5.0"), Some(1)));
        assert_eq!(status.links[2].link.state, LinkState::Blocked);
    }

    #[test]
    fn a_host_that_is_not_reached_says_so_once_and_its_links_are_not_known() {
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        facts.insert("host2".parse().unwrap(), Facts::unknown("not reached: Connection refused"));
        let status = of(&plan, &all(&plan), &facts);
        assert!(!status.is_fine());
        assert_eq!(status.hosts[1].not_reached.as_deref(), Some("Connection refused"));
        assert!(status.hosts[1].problems.is_empty() && status.hosts[0].problems.is_empty());
        assert_eq!(status.links[0].link.state, LinkState::Unknown);
    }

    #[test]
    fn what_is_not_as_planned_is_a_problem_of_its_host_and_a_dead_link_of_its_own() {
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        let Found::Known(ovs) = &mut facts.get_mut(&"host2".parse::<HostName>().unwrap()).unwrap().ovs else {
            unreachable!()
        };
        let ports = &mut ovs.bridges.get_mut("br0").unwrap().ports;
        ports.remove("gre3");
        let status = &mut ports.get_mut("gre1").unwrap().interface.bfd_status;
        status.insert("flap_count".into(), "7".into());
        let status = of(&plan, &all(&plan), &facts);
        assert_eq!(status.hosts[1].problems, ["tunnels: port gre3 to host3 is not there"]);
        assert!(status.hosts[0].problems.is_empty() && !status.is_fine());
        let states: Vec<_> = status.links.iter().map(|link| (link.link.state, link.flaps)).collect();
        assert_eq!(
            states,
            [
                (LinkState::Forwarding, Some(7)),
                (LinkState::Forwarding, None),
                (LinkState::Down, None)
            ]
        );
        // Of one host alone: itself, and the links that it has.
        let alone = of(&plan, &["host1".parse().unwrap()].into(), &facts);
        assert_eq!((alone.hosts.len(), alone.links.len(), alone.is_fine()), (1, 2, true));
    }
}
