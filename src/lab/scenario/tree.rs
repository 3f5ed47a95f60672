//! The spanning tree: which links are in use, and whether all is as planned again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ground::Ground;
use crate::lab::LabError;
use crate::machine::facts::{Facts, Scope, gather};
use crate::machine::openvswitch::{Bridge, Port};
use crate::machine::probe::{self, Verdict};
use crate::plan::{HostPlan, Link, Plan, SpanningTree};
use crate::spec::{HostName, LoopProtection};
use crate::wait::{Look, until};

/// One look at all hosts.
const LOOK_DEADLINE: Duration = Duration::from_secs(60);

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long the mesh may take to get back to what was planned: the longest timers of spanning tree are 40 s and twice 30 s.
pub(super) const SETTLE_DEADLINE: Duration = Duration::from_secs(240);

/// What Open vSwitch says on all hosts now.
pub(super) fn look<'a>(ground: &impl Ground<'a>) -> BTreeMap<HostName, Facts> {
    gather(ground.plan(), &ground.machines(), Scope::Mesh, LOOK_DEADLINE)
}

/// Waits until all links are up, the root is the planned one, and each host reaches it over the planned path.
///
/// # Errors
/// [`LabError::Wait`] with what is still otherwise after `deadline`.
pub fn settled<'a>(ground: &impl Ground<'a>, deadline: Duration) -> Result<(), LabError> {
    until("the mesh as planned", deadline, INTERVAL, || {
        if let Some(why) = ground.any_ended() {
            return Look::Gone(why);
        }
        match not_as_planned(ground.plan(), &look(ground)) {
            None => Look::Ready(()),
            Some(why) => Look::Pending(why),
        }
    })?;
    Ok(())
}

/// What is otherwise than planned, if anything is. That the links which forward are a tree is not enough: while one is down they are a tree
/// too, but another one.
pub(super) fn not_as_planned(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Option<String> {
    let verdicts = probe::links(plan, facts);
    let line = |verdict: &Verdict| format!("{} ({}): {}", verdict.probe, verdict.subject, verdict.summary);
    let mut wrong: Vec<String> = verdicts.iter().filter(|verdict| verdict.is_red()).map(line).collect();
    if let Some(tree) = plan.tree() {
        wrong.extend(another_tree(plan, tree, facts));
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// Ports that are on their way to forwarding, and hosts that do not reach the root over the planned path.
fn another_tree(plan: &Plan, tree: &SpanningTree, facts: &BTreeMap<HostName, Facts>) -> Vec<String> {
    let mut wrong = Vec::new();
    let planned = root_path_costs(plan, tree);
    for host in &plan.hosts {
        for (name, port) in bridge(host, facts).into_iter().flat_map(|bridge| &bridge.ports) {
            if let Some(role) = on_its_way(port) {
                wrong.push(format!("{}: {name} has the role {role} and does not forward yet", host.name));
            }
        }
        let found = bridge(host, facts).and_then(|bridge| root_path_cost(bridge, tree.protocol));
        let planned = planned.get(&host.name).copied();
        if found != planned {
            let show = |cost: Option<u64>| cost.map_or("unknown".to_owned(), |cost| cost.to_string());
            wrong.push(format!(
                "{}: the path to the root costs {}, planned {}",
                host.name,
                show(found),
                show(planned)
            ));
        }
    }
    wrong
}

fn bridge<'a>(host: &HostPlan, facts: &'a BTreeMap<HostName, Facts>) -> Option<&'a Bridge> {
    let ovs = facts.get(&host.name)?.ovs.known().ok()?;
    ovs.bridges.get(host.mesh_bridge.name.as_str())
}

fn root_path_cost(bridge: &Bridge, protocol: LoopProtection) -> Option<u64> {
    let cost = match protocol {
        LoopProtection::Rstp => bridge.rstp_status.get("rstp_root_path_cost"),
        LoopProtection::Stp => bridge.status.get("stp_root_path_cost"),
    };
    cost?.parse().ok()
}

/// What the planned path from each host to the root costs: the least sum of the path costs of the ports on it (802.1D-2004 17.5).
fn root_path_costs<'a>(plan: &'a Plan, tree: &'a SpanningTree) -> BTreeMap<&'a HostName, u64> {
    let mut costs = BTreeMap::from([(&tree.root, 0)]);
    // Bellman and Ford: the longest path has one link less than there are hosts.
    for _ in &plan.hosts {
        for host in &plan.hosts {
            for port in &host.mesh_bridge.ports {
                if let Some(beyond) = costs.get(&port.peer).copied() {
                    let cost: &mut u64 = costs.entry(&host.name).or_insert(u64::MAX);
                    *cost = (*cost).min(beyond + u64::from(port.path_cost.unwrap_or_default()));
                }
            }
        }
    }
    costs
}

/// A link that carries traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InUse {
    pub link: Link,
    /// Whether the mesh stays connected without it.
    pub replaceable: bool,
}

/// The link to be tried: of those that forward at both ends the first that the mesh can do without, else the first.
pub(super) fn link_in_use(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Option<InUse> {
    let end_forwards = |name: &HostName, link: &Link| {
        let host = plan.hosts.iter().find(|host| host.name == *name)?;
        bridge(host, facts)?.ports.get(link.name.as_str()).map(|port| in_use(plan, port))
    };
    let forwarding = |link: &&Link| link.hosts.iter().all(|host| end_forwards(host, link) == Some(true));
    let mut links = plan.links.iter().filter(forwarding).map(|link| InUse {
        link: link.clone(),
        replaceable: connected_without(plan, link),
    });
    let first = links.next()?;
    match first.replaceable {
        true => Some(first),
        false => links.find(|link| link.replaceable).or(Some(first)),
    }
}

/// The role of a port that will forward, and does not yet: after a change of the tree a port that faces a blocked one takes twice the
/// forward delay. A fault in that time costs more than one that finds the tree at rest (802.1D-2004 17.29.3).
fn on_its_way(port: &Port) -> Option<&str> {
    let role = port.rstp_status.get("rstp_port_role").or_else(|| port.status.get("stp_role"))?;
    let forwarding = ["root", "designated"].iter().any(|name| role.eq_ignore_ascii_case(name));
    (forwarding && !forwards(port)).then_some(role)
}

/// Whether a port carries what is sent by its link: without a tree each does whose peer BFD hears.
fn in_use(plan: &Plan, port: &Port) -> bool {
    match plan.tree() {
        Some(_) => forwards(port),
        None => port.interface.bfd_status.get("forwarding").is_some_and(|word| word == "true"),
    }
}

fn forwards(port: &Port) -> bool {
    let rstp = port.rstp_status.get("rstp_port_state").is_some_and(|state| state == "Forwarding");
    rstp || port.status.get("stp_state").is_some_and(|state| state == "forwarding")
}

/// Whether there is another path between the ends of `without`.
fn connected_without(plan: &Plan, without: &Link) -> bool {
    let [from, to] = &without.hosts;
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(host) = reached.get(next).copied() {
        next += 1;
        for link in plan.links.iter().filter(|link| link.name != without.name) {
            let other = match &link.hosts {
                [one, other] if one == host => other,
                [one, other] if other == host => one,
                _ => continue,
            };
            if !reached.contains(&other) {
                reached.push(other);
            }
        }
    }
    reached.contains(&to)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
