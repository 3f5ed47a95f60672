//! Probe `tunnels`: the ports of each bridge are the planned tunnels, and nothing else.

use std::collections::BTreeMap;

use super::check::Check;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, for_each_host, on};
use crate::machine::openvswitch::Bridge;
use crate::plan::{HostPlan, Plan, TunnelPort};
use crate::spec::{HostName, LoopProtection};

const HELP: &str = "on the host: `ovs-vsctl show` lists the ports and their errors; a port that is not planned can close a loop";

/// Each planned port with kind, remote address, path cost and no error, and none beyond the plan; per host.
pub fn tunnels(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    for_each_host(Probe::Tunnels, plan, facts, |host, facts| judge(plan, host, facts))
}

fn judge(plan: &Plan, host: &HostPlan, facts: &Facts) -> Verdict {
    let red = |summary: String, help| Verdict::red(Probe::Tunnels, on(&host.name), summary, help);
    let ovs = match facts.ovs.known() {
        Ok(ovs) => ovs,
        Err(why) => return red(format!("Open vSwitch: {why}"), UNKNOWN_HELP),
    };
    let name = host.mesh_bridge.name.as_str();
    let Some(bridge) = ovs.bridges.get(name) else {
        return red(format!("there is no bridge {name}"), HELP);
    };
    if host.mesh_bridge.ports.is_empty() {
        return red("no tunnel is planned".to_owned(), "a host without a link is not in the mesh");
    }
    let mut check = Check::default();
    for planned in &host.mesh_bridge.ports {
        port(&mut check, plan, planned, bridge);
    }
    let is_planned = |port: &str| port == name || host.mesh_bridge.ports.iter().any(|planned| planned.name.as_str() == port);
    for extra in bridge.ports.keys().filter(|port| !is_planned(port)) {
        check.holds(false, format!("port {extra} is not planned"));
    }
    let names: Vec<String> = host
        .mesh_bridge
        .ports
        .iter()
        .map(|port| format!("{} to {}", port.name, port.peer))
        .collect();
    check.verdict(Probe::Tunnels, on(&host.name), names.join(", "), HELP)
}

fn port(check: &mut Check, plan: &Plan, planned: &TunnelPort, bridge: &Bridge) {
    let name = &planned.name;
    let Some(port) = bridge.ports.get(name.as_str()) else {
        check.holds(false, format!("port {name} to {} is not there", planned.peer));
        return;
    };
    let interface = &port.interface;
    check.equal(&format!("kind of {name}"), Some(&interface.kind), planned.kind);
    check.equal(
        &format!("remote address of {name}"),
        interface.options.get("remote_ip"),
        planned.remote,
    );
    let key = match plan.tree().map(|tree| tree.protocol) {
        Some(LoopProtection::Rstp) => Some("rstp-path-cost"),
        Some(LoopProtection::Stp) => Some("stp-path-cost"),
        None => None,
    };
    if let (Some(key), Some(cost)) = (key, planned.path_cost) {
        check.equal(&format!("{key} of {name}"), port.other_config.get(key), cost);
    }
    if let Some(number) = planned.number {
        check.equal(&format!("OpenFlow number of {name}"), interface.ofport, i64::from(number));
        check.equal(&format!("key of {name}"), interface.options.get("key"), "flow");
    }
    if let Some(error) = &interface.error {
        check.holds(false, format!("{name}: {error}"));
    }
}
