//! Probe `unique`: no address, MAC or bridge identifier is in the cluster twice.

use std::collections::BTreeMap;

use super::{Facts, Probe, Subject, UNKNOWN_HELP, Verdict, never_empty, on};
use crate::plan::{HostPlan, Plan};
use crate::spec::{HostName, LoopProtection};

const HELP: &str = "frames for the one go to the other, now and then. A container's addresses are Docker's to give (`docker network inspect bridge`): \
                    was it given one by hand? MACs of br0 and docker0 come from the names of cluster and host: did two hosts get one user-data?";

/// What was seen, and on what.
#[derive(Default)]
struct Seen<'a>(BTreeMap<(&'static str, &'a str), Vec<String>>);

impl<'a> Seen<'a> {
    fn add(&mut self, kind: &'static str, value: &'a str, owner: String) {
        self.0.entry((kind, value)).or_default().push(owner);
    }

    fn count(&self, kind: &str) -> usize {
        self.0.keys().filter(|(of, _)| *of == kind).count()
    }
}

const MAC: &str = "MAC";
const ADDRESS: &str = "address";
const BRIDGE: &str = "bridge identifier";

/// Of the interfaces on the segment that all containers share (br0, docker0 and its ports, the containers themselves) and of the underlay's
/// interfaces; for the cluster. Two hosts with one machine-id are named, but that is no fault of the mesh, which takes nothing from it.
pub fn unique(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    let mut unknown = Vec::new();
    // Addresses as text, to be borrowed from.
    let mut texts = Vec::new();
    for host in &plan.hosts {
        match facts
            .get(&host.name)
            .ok_or("no facts were gathered")
            .and_then(|facts| all(plan, host, facts))
        {
            Ok(of_host) => texts.extend(of_host),
            Err(why) => unknown.push(Verdict::red(Probe::Unique, on(&host.name), why, UNKNOWN_HELP)),
        }
    }
    if !unknown.is_empty() || texts.is_empty() {
        return never_empty(Probe::Unique, unknown);
    }
    let mut seen = Seen::default();
    for (kind, value, owner) in &texts {
        seen.add(kind, value, owner.clone());
    }
    let twice: Vec<String> = seen
        .0
        .iter()
        .filter(|(_, owners)| owners.len() > 1)
        .map(|((kind, value), owners)| format!("{kind} {value} is that of {}", owners.join(" and ")))
        .collect();
    if !twice.is_empty() {
        return vec![Verdict::red(Probe::Unique, Subject::Cluster, twice.join("; "), HELP)];
    }
    let (macs, addresses, bridges) = (seen.count(MAC), seen.count(ADDRESS), seen.count(BRIDGE));
    let counted = match plan.tree() {
        Some(_) => format!("{macs} MACs, {addresses} addresses and {bridges} bridge identifiers"),
        None => format!("{macs} MACs and {addresses} addresses"),
    };
    let summary = format!("{counted}, each once{}", clones(plan, facts));
    vec![Verdict::green(Probe::Unique, Subject::Cluster, summary)]
}

type Owned = Vec<(&'static str, String, String)>;

fn all<'a>(plan: &Plan, host: &HostPlan, facts: &'a Facts) -> Result<Owned, &'a str> {
    let (links, docker, ovs) = (facts.links.known()?, facts.docker.known()?, facts.ovs.known()?);
    let mut owned = Owned::new();
    let name = &host.name;
    let bridge = host.container_bridge.name.as_str();
    for (interface, link) in links {
        let on_segment = interface == bridge || link.master.as_deref() == Some(bridge);
        let underlay = link.addresses.iter().any(|address| address.address == host.address);
        if !on_segment && !underlay {
            continue;
        }
        let owner = || format!("{interface} of {name}");
        owned.extend(link.mac.iter().map(|mac| (MAC, mac.clone(), owner())));
        owned.extend(link.addresses.iter().map(|address| (ADDRESS, address.address.to_string(), owner())));
    }
    for (container, place) in &docker.network.containers {
        let owner = || format!("container {container} on {name}");
        owned.extend(place.mac.iter().map(|mac| (MAC, mac.clone(), owner())));
        owned.extend(place.addresses.iter().map(|address| (ADDRESS, address.to_string(), owner())));
    }
    for (bridge, found) in &ovs.bridges {
        let id = match plan.tree().map(|tree| tree.protocol) {
            Some(LoopProtection::Rstp) => found.rstp_status.get("rstp_bridge_id"),
            Some(LoopProtection::Stp) => found.status.get("stp_bridge_id"),
            None => None,
        };
        owned.extend(id.map(|id| (BRIDGE, id.clone(), format!("{bridge} of {name}"))));
    }
    Ok(owned)
}

/// Names the hosts that share a machine-id.
fn clones(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> String {
    let mut hosts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for host in &plan.hosts {
        if let Some(Ok(id)) = facts.get(&host.name).map(|facts| facts.machine_id.known()) {
            hosts.entry(id).or_default().push(host.name.as_str());
        }
    }
    let shared = hosts.values().filter(|hosts| hosts.len() > 1);
    shared
        .map(|hosts| format!("; {} have one machine-id, which the mesh can do with", hosts.join(" and ")))
        .collect()
}
