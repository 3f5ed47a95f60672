//! Probe `docker0`: the container bridge of each host is the planned one, with the mesh as its port.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::check::Check;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, for_each_host, on};
use crate::plan::{HostPlan, Plan};
use crate::spec::HostName;

const HELP: &str = "on the host: `ip -d addr show`, `bridge link`, `journalctl -u meshimg-mesh`; a second address or a random MAC means that \
                    Docker made the bridge itself";

/// Address, MTU, MAC, the mesh bridge as its port, its own spanning tree off, up; per host.
pub fn docker0(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    for_each_host(Probe::Docker0, plan, facts, |host, facts| judge(plan, host, facts))
}

fn judge(plan: &Plan, host: &HostPlan, facts: &Facts) -> Verdict {
    let links = match facts.links.known() {
        Ok(links) => links,
        Err(why) => return Verdict::red(Probe::Docker0, on(&host.name), format!("interfaces: {why}"), UNKNOWN_HELP),
    };
    let planned = &host.container_bridge;
    let name = planned.name.as_str();
    let Some(link) = links.get(name) else {
        return Verdict::red(Probe::Docker0, on(&host.name), format!("there is no bridge {name}"), HELP);
    };
    let mut check = Check::default();
    let ipv4: Vec<String> = link
        .addresses
        .iter()
        .filter(|address| matches!(address.address, IpAddr::V4(_)))
        .map(|address| format!("{}/{}", address.address, address.prefix_length))
        .collect();
    let address = format!("{}/{}", planned.address, planned.prefix_length);
    check.equal("address", (!ipv4.is_empty()).then(|| ipv4.join(" and ")), &address);
    check.equal("kind", link.kind.as_deref(), "bridge");
    check.equal("MTU", Some(link.mtu), plan.mtu.mesh);
    check.equal("MAC", link.mac.as_deref(), planned.mac);
    check.holds(
        link.stp_state == Some(0),
        "the Linux bridge's own STP is not off: it delays each container by 30 s",
    );
    check.holds(link.flags.iter().any(|flag| flag == "UP"), format!("{name} is down"));
    let mesh = host.mesh_bridge.name.as_str();
    let port = links.get(mesh);
    check.equal(&format!("bridge of {mesh}"), port.and_then(|port| port.master.as_deref()), name);
    check.equal(&format!("MTU of {mesh}"), port.map(|port| port.mtu), plan.mtu.mesh);
    let port_up = port.is_some_and(|port| port.flags.iter().any(|flag| flag == "UP"));
    check.holds(port_up, format!("{mesh} is down"));
    check.verdict(
        Probe::Docker0,
        on(&host.name),
        format!("{name} {address}, MTU {}, port {mesh}", plan.mtu.mesh),
        HELP,
    )
}
