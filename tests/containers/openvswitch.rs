//! What must be in Open vSwitch's database once ifupdown has brought up the mesh.

use std::collections::{BTreeMap, BTreeSet};

use meshimg::machine::openvswitch::{Bridge, OpenVSwitch, Port, parse};
use meshimg::spec::{LoopProtection, Network};

use super::container::Ended;
use super::host::Host;
use super::parsers::differences;

type Settings = BTreeMap<String, String>;

/// What is wrong with the database, and what anybody complained of.
pub fn read(host: &Host, ended: &Ended) -> Vec<String> {
    if host.plan.network != Network::Ifupdown {
        return ended.complaints();
    }
    let mut findings = ended.complaints();
    let tables: Vec<&str> = ended.stdout.lines().filter(|line| !line.starts_with("wrong: ")).collect();
    match parse(&tables.join("\n")) {
        Ok(found) => findings.extend(differences(&wanted(host), &shown(&found))),
        Err(error) => findings.push(format!("the database: {error}")),
    }
    findings
}

/// A line for each bridge and each port, and one for the daemon where there are any.
pub fn shown(found: &OpenVSwitch) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    if !found.bridges.is_empty() {
        lines.insert(daemon_line(found.other_config.get("max-revalidator")));
    }
    for (name, bridge) in &found.bridges {
        lines.insert(bridge_line(name, bridge));
        lines.extend(bridge.ports.iter().map(|(port, settings)| port_line(name, port, settings)));
    }
    lines
}

fn daemon_line(max_revalidator: Option<&String>) -> String {
    format!("daemon max-revalidator {max_revalidator:?}")
}

fn bridge_line(name: &str, bridge: &Bridge) -> String {
    let Bridge {
        fail_mode,
        rstp_enable,
        stp_enable,
        other_config,
        ..
    } = bridge;
    format!("bridge {name} {fail_mode:?} rstp={rstp_enable} stp={stp_enable} {other_config:?}")
}

fn port_line(bridge: &str, name: &str, port: &Port) -> String {
    let interface = &port.interface;
    format!(
        "port {name} of {bridge} {} {:?} {:?} bfd {:?} mtu {:?} error {:?}",
        interface.kind, interface.options, port.other_config, interface.bfd, interface.mtu_request, interface.error
    )
}

fn settings<const N: usize>(pairs: [(&str, String); N]) -> Settings {
    pairs.map(|(key, value)| (key.to_owned(), value)).into()
}

/// The same lines, of the plan.
pub fn wanted(host: &Host) -> BTreeSet<String> {
    let (mesh, tree) = (&host.plan.mesh_bridge, host.cluster.tree());
    let is = |protocol: LoopProtection| tree.is_some_and(|tree| tree.protocol == protocol);
    let (rstp, stp) = (is(LoopProtection::Rstp), is(LoopProtection::Stp));
    let prefix = if rstp { "rstp" } else { "stp" };
    let mut other_config = settings([("hwaddr", mesh.mac.to_string())]);
    if let (Some(tree), Some(priority)) = (tree, mesh.priority) {
        other_config.extend(settings([
            (&format!("{prefix}-priority"), priority.to_string()),
            (&format!("{prefix}-max-age"), tree.max_age.to_string()),
            (&format!("{prefix}-forward-delay"), tree.forward_delay.to_string()),
        ]));
    }
    if let Some(count) = tree.and_then(|tree| tree.transmit_hold_count) {
        other_config.insert("rstp-transmit-hold-count".to_owned(), count.to_string());
    }
    if let (true, Some(tree)) = (stp, tree) {
        // Milliseconds, whatever the manual says.
        other_config.insert("stp-hello-time".to_owned(), format!("{}000", tree.hello));
    }
    let bridge = Bridge {
        fail_mode: Some(if tree.is_some() { "standalone" } else { "secure" }.to_owned()),
        rstp_enable: rstp,
        stp_enable: stp,
        other_config,
        ..Bridge::default()
    };
    let name = mesh.name.as_str();
    let mut own = Port::default();
    own.interface.kind = "internal".to_owned();
    own.interface.mtu_request = Some(host.cluster.mtu.mesh.into());
    let mut lines = BTreeSet::from([
        daemon_line(Some(&mesh.max_revalidator_ms.to_string())),
        bridge_line(name, &bridge),
        port_line(name, name, &own),
    ]);
    for planned in &mesh.ports {
        let mut port = Port {
            other_config: planned
                .path_cost
                .map(|cost| (format!("{prefix}-path-cost"), cost.to_string()))
                .into_iter()
                .collect(),
            ..Port::default()
        };
        port.interface.kind = planned.kind.to_owned();
        port.interface.options = settings([("remote_ip", planned.remote.to_string())]);
        let key = planned.number.map(|_| ("key".to_owned(), "flow".to_owned()));
        port.interface.options.extend(key);
        port.interface.bfd = match planned.bfd {
            None => settings([("enable", "false".to_owned())]),
            Some(bfd) => settings([
                ("enable", "true".to_owned()),
                ("min_tx", bfd.interval_ms.to_string()),
                ("min_rx", bfd.interval_ms.to_string()),
                ("mult", bfd.multiplier.to_string()),
            ]),
        };
        lines.insert(port_line(name, planned.name.as_str(), &port));
    }
    lines
}
