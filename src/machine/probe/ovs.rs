//! Probe `ovs`: the bridge of each host is the planned one.

use std::collections::BTreeMap;

use super::check::Check;
use super::loop_free::forwards;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, for_each_host, on};
use crate::machine::openvswitch::{Bridge, parse_bridge_id};
use crate::plan::{DEFAULT_MAX_REVALIDATOR_MS, HostPlan, Plan, SpanningTree};
use crate::spec::{HostName, LoopProtection, OpenVSwitchSource};

const HELP: &str = "on the host: `ovs-vsctl show`, `ovs-vsctl list Bridge`, and `journalctl -u meshimg-mesh -u openvswitch-switch`";

const DEAF_HELP: &str = "with RSTP, Open vSwitch 4.0.0 and the last of some older releases do so: build it by `open-vswitch: {source: build}`, which mends the source, or take another version; docs/openvswitch.md";

/// Bridge, version, fail mode, spanning tree protocol with priority and timers, MAC and MTU, how often packets are counted, and ovs-vswitchd's
/// scheduling, per host.
pub fn ovs(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    for_each_host(Probe::Ovs, plan, facts, |host, facts| judge(plan, host, facts))
}

fn judge(plan: &Plan, host: &HostPlan, facts: &Facts) -> Verdict {
    let red = |summary: String, help| Verdict::red(Probe::Ovs, on(&host.name), summary, help);
    let ovs = match facts.ovs.known() {
        Ok(ovs) => ovs,
        Err(why) => return red(format!("Open vSwitch: {why}"), UNKNOWN_HELP),
    };
    let name = &host.mesh_bridge.name;
    let Some(bridge) = ovs.bridges.get(name.as_str()) else {
        return red(format!("there is no bridge {name}"), HELP);
    };
    let mut check = Check::default();
    let version = facts.vswitchd_version.known();
    if let Err(why) = version {
        check.holds(false, format!("ovs-vswitchd does not answer: {why}"));
    }
    if let (OpenVSwitchSource::Build { version: planned, .. }, Ok(found)) = (&host.open_vswitch, version) {
        check.equal("version of ovs-vswitchd", Some(found), planned);
    }
    // Unset means standalone (ovs-vswitchd.conf.db(5), fail_mode).
    let fail_mode = if plan.tree().is_some() { "standalone" } else { "secure" };
    check.equal("fail mode", bridge.fail_mode.as_deref().or(Some("standalone")), fail_mode);
    protocol(&mut check, plan.tree(), host, bridge);
    let local = bridge.ports.get(name.as_str()).map(|port| &port.interface);
    check.equal(
        &format!("MAC of {name}"),
        local.and_then(|local| local.mac_in_use.as_deref()),
        host.mesh_bridge.mac,
    );
    check.equal(&format!("MTU of {name}"), local.and_then(|local| local.mtu), plan.mtu.mesh);
    // A key that is not set stands for Open vSwitch's default.
    let max_revalidator = ovs.other_config.get("max-revalidator").cloned();
    check.equal(
        "max-revalidator",
        Some(max_revalidator.unwrap_or_else(|| DEFAULT_MAX_REVALIDATOR_MS.to_string())),
        host.mesh_bridge.max_revalidator_ms,
    );
    scheduling(&mut check, facts);
    let deaf = deaf(plan, host, facts, bridge);
    let help = if matches!(&deaf, Ok(ports) if !ports.is_empty()) {
        DEAF_HELP
    } else {
        HELP
    };
    match deaf {
        Ok(ports) => check.holds(
            ports.is_empty(),
            format!("broadcasts from {} do not reach {name}", ports.join(", ")),
        ),
        Err(why) => check.holds(false, format!("where broadcasts go: {why}")),
    }
    let how = match host.mesh_bridge.priority {
        Some(priority) => format!("priority {priority}"),
        None => format!("fail mode {fail_mode}"),
    };
    let version = version.map_or("unknown", String::as_str);
    let summary = format!("{name}, Open vSwitch {version}, {how}, MTU {}", plan.mtu.mesh);
    check.verdict(Probe::Ovs, on(&host.name), summary, help)
}

/// The tunnels whose broadcasts do not reach the host itself, although the tree lets them through.
fn deaf(plan: &Plan, host: &HostPlan, facts: &Facts, bridge: &Bridge) -> Result<Vec<String>, String> {
    // Without a tree the rules say where broadcasts go, and those are compared.
    let Some(tree) = plan.tree() else { return Ok(Vec::new()) };
    let floods = facts.floods.known()?;
    let name = host.mesh_bridge.name.as_str();
    let ports = host.mesh_bridge.ports.iter().map(|port| port.name.as_str());
    let forwarding = ports.filter(|port| {
        let found = bridge.ports.get(*port);
        found.is_some_and(|found| forwards(found, tree.protocol))
    });
    let deaf = forwarding.filter(|port| floods.get(*port).is_some_and(|names| !names.contains(name)));
    Ok(deaf.map(str::to_owned).collect())
}

/// Before all others: else BFD's messages are late on a busy host, and its peers take it for dead.
fn scheduling(check: &mut Check, facts: &Facts) {
    match facts.vswitchd_policy.known() {
        Ok(policy) => check.equal("scheduling of ovs-vswitchd", Some(policy), "SCHED_RR"),
        Err(why) => check.holds(false, format!("scheduling of ovs-vswitchd: {why}")),
    }
}

fn protocol(check: &mut Check, tree: Option<&SpanningTree>, host: &HostPlan, bridge: &Bridge) {
    let is = |protocol: LoopProtection| tree.is_some_and(|tree| tree.protocol == protocol);
    check.equal("RSTP", Some(bridge.rstp_enable), is(LoopProtection::Rstp));
    check.equal("STP", Some(bridge.stp_enable), is(LoopProtection::Stp));
    let (Some(tree), Some(planned_priority)) = (tree, host.mesh_bridge.priority) else {
        return;
    };
    let id = match tree.protocol {
        LoopProtection::Rstp => bridge.rstp_status.get("rstp_bridge_id"),
        LoopProtection::Stp => bridge.status.get("stp_bridge_id"),
    };
    let id = id.and_then(|id| parse_bridge_id(id));
    check.equal("priority", id.as_ref().map(|(priority, _)| priority), planned_priority);
    check.equal(
        "MAC in the bridge identifier",
        id.as_ref().map(|(_, mac)| mac),
        host.mesh_bridge.mac,
    );
    // A key that is not set stands for Open vSwitch's default (ovs-vswitchd.conf.db(5)).
    let mut timer = |key: &str, planned: u32, default: u32| {
        let set = bridge.other_config.get(key).cloned();
        check.equal(key, Some(set.unwrap_or_else(|| default.to_string())), planned);
    };
    match tree.protocol {
        LoopProtection::Rstp => {
            timer("rstp-max-age", tree.max_age.into(), 20);
            timer("rstp-forward-delay", tree.forward_delay.into(), 15);
            if let Some(count) = tree.transmit_hold_count {
                timer("rstp-transmit-hold-count", count.into(), 6);
            }
        }
        LoopProtection::Stp => {
            // Milliseconds, whatever the manual says; the others are seconds.
            timer("stp-hello-time", u32::from(tree.hello) * 1000, 2000);
            timer("stp-max-age", tree.max_age.into(), 20);
            timer("stp-forward-delay", tree.forward_delay.into(), 15);
        }
    }
}
