//! Probe `loop-free`: one root, and the links that forward form a spanning tree; or the rules of a direct fabric, [`direct`].

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Probe, Subject, UNKNOWN_HELP, Verdict, direct, never_empty, on};
use crate::machine::openvswitch::{Bridge, Port};
use crate::plan::{HostPlan, Plan, SpanningTree};
use crate::spec::{HostName, LoopProtection};

const ROOT_HELP: &str = "on the hosts: `ovs-appctl rstp/show` or `ovs-appctl stp/show`; a bridge that hears nobody takes itself for the root, \
                         and a lower priority or MAC than planned makes another the root";
const TREE_HELP: &str = "on the hosts: `ovs-appctl rstp/show` or `ovs-appctl stp/show` gives the state of each port; too many forwarding links \
                         are a loop, too few cut the mesh in parts";

/// Exactly the planned root, on which all bridges agree, and a tree of links that forward at both ends. Without a tree: see [`direct`].
pub fn loop_free(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    let Some(planned) = plan.tree() else {
        return direct::direct(plan, facts);
    };
    let protocol = planned.protocol;
    let mut bridges = BTreeMap::new();
    let mut unknown = Vec::new();
    for host in &plan.hosts {
        match bridge(host, facts) {
            Ok(bridge) => {
                bridges.insert(&host.name, bridge);
            }
            Err(why) => unknown.push(Verdict::red(Probe::LoopFree, on(&host.name), why, UNKNOWN_HELP)),
        }
    }
    if !unknown.is_empty() || bridges.is_empty() {
        return never_empty(Probe::LoopFree, unknown);
    }
    vec![root(planned, &bridges, protocol), tree(plan, &bridges, protocol)]
}

pub(super) fn bridge<'a>(host: &HostPlan, facts: &'a BTreeMap<HostName, Facts>) -> Result<&'a Bridge, String> {
    let facts = facts.get(&host.name).ok_or("no facts were gathered")?;
    let name = host.mesh_bridge.name.as_str();
    let ovs = facts.ovs.known().map_err(|why| format!("Open vSwitch: {why}"))?;
    ovs.bridges.get(name).ok_or_else(|| format!("there is no bridge {name}"))
}

/// Own identifier and that of the root, as the bridge sees it.
pub(in crate::machine) fn identifiers(bridge: &Bridge, protocol: LoopProtection) -> (Option<&String>, Option<&String>) {
    match protocol {
        LoopProtection::Rstp => (bridge.rstp_status.get("rstp_bridge_id"), bridge.rstp_status.get("rstp_root_id")),
        LoopProtection::Stp => (bridge.status.get("stp_bridge_id"), bridge.status.get("stp_designated_root")),
    }
}

fn root(tree: &SpanningTree, bridges: &BTreeMap<&HostName, &Bridge>, protocol: LoopProtection) -> Verdict {
    let red = |summary: String| Verdict::red(Probe::LoopFree, Subject::Cluster, summary, ROOT_HELP);
    let mut roots = Vec::new();
    let mut seen: BTreeMap<&String, Vec<&HostName>> = BTreeMap::new();
    for (host, bridge) in bridges {
        let (Some(own), Some(root)) = identifiers(bridge, protocol) else {
            return red(format!("{host} takes no part in the spanning tree"));
        };
        if own == root {
            roots.push(*host);
        }
        seen.entry(root).or_default().push(host);
    }
    if seen.len() > 1 {
        let views: Vec<String> = seen.iter().map(|(root, hosts)| format!("{} say {root}", list(hosts))).collect();
        return red(format!("the bridges disagree about the root: {}", views.join(", ")));
    }
    match roots.as_slice() {
        [] => red("the root is a bridge that is not planned".to_owned()),
        [only] if **only == tree.root => Verdict::green(Probe::LoopFree, Subject::Cluster, format!("{only} is the root, and all agree")),
        [only] if **only == tree.stand_in => red(format!("the stand-in {only} is the root in place of {}", tree.root)),
        [only] => red(format!("{only} is the root, planned {} (stand-in {})", tree.root, tree.stand_in)),
        several => red(format!("{} are all roots", list(several))),
    }
}

fn list(hosts: &[&HostName]) -> String {
    hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether the tree lets frames through the port.
pub(in crate::machine) fn forwards(port: &Port, protocol: LoopProtection) -> bool {
    match protocol {
        LoopProtection::Rstp => port.rstp_status.get("rstp_port_state").is_some_and(|state| state == "Forwarding"),
        LoopProtection::Stp => port.status.get("stp_state").is_some_and(|state| state == "forwarding"),
    }
}

fn tree(plan: &Plan, bridges: &BTreeMap<&HostName, &Bridge>, protocol: LoopProtection) -> Verdict {
    let end_forwards = |host: &HostName, link: &str| {
        let port = bridges.get(host).and_then(|bridge| bridge.ports.get(link));
        port.is_some_and(|port| forwards(port, protocol))
    };
    let both = |hosts: &[HostName; 2], link: &str| hosts.iter().all(|host| end_forwards(host, link));
    let forwarding: Vec<_> = plan.links.iter().filter(|link| both(&link.hosts, link.name.as_str())).collect();
    let reached = reached(plan, forwarding.iter().map(|link| &link.hosts));
    let red = |summary: String| Verdict::red(Probe::LoopFree, Subject::Cluster, summary, TREE_HELP);
    let names: Vec<&str> = forwarding.iter().map(|link| link.name.as_str()).collect();
    let (count, wanted) = (forwarding.len(), plan.hosts.len().saturating_sub(1));
    let verdict = if plan.hosts.len() < 2 {
        red("a mesh has two hosts or more".to_owned())
    } else if reached.len() < plan.hosts.len() {
        let missing: Vec<&HostName> = plan
            .hosts
            .iter()
            .map(|host| &host.name)
            .filter(|host| !reached.contains(host))
            .collect();
        red(format!(
            "no forwarding path leads from {} to {}",
            plan.hosts[0].name,
            list(&missing)
        ))
    } else if count > wanted {
        red(format!(
            "{count} links forward ({}), a tree of {} hosts has {wanted}: there is a loop",
            names.join(", "),
            plan.hosts.len()
        ))
    } else {
        let blocked = plan.links.len() - count;
        let summary = format!("{count} links forward ({}), {blocked} in reserve", names.join(", "));
        Verdict::green(Probe::LoopFree, Subject::Cluster, summary)
    };
    verdict.measured(count as f64, "links")
}

/// The hosts that can be reached from the first one over `links`.
fn reached<'a>(plan: &'a Plan, links: impl Iterator<Item = &'a [HostName; 2]> + Clone) -> BTreeSet<&'a HostName> {
    let mut reached: BTreeSet<&HostName> = plan.hosts.iter().take(1).map(|host| &host.name).collect();
    loop {
        let before = reached.len();
        for [one, other] in links.clone() {
            if reached.contains(one) {
                reached.insert(other);
            } else if reached.contains(other) {
                reached.insert(one);
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}
