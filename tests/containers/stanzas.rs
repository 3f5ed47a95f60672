//! What ifupdown must have read: the stanzas that meshimg writes, and those that cloud-init makes of network-config.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use meshimg::spec::{Network, UnderlayInterface};

use super::host::Host;

/// The lines that scripts/ifquery.sh prints.
pub fn wanted(host: &Host) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in &host.files {
        if file.path.starts_with("/etc/network/interfaces.d/") {
            options(&file.text, &mut lines);
        }
    }
    if host.plan.network == Network::Ifupdown {
        let bridge = &host.plan.container_bridge;
        // ifupdown works it out.
        let broadcast = host.cluster.containers.subnet.broadcast();
        lines.insert(format!("{}: broadcast: {broadcast}", bridge.name));
    }
    if let Some(interface) = &host.plan.underlay_interface {
        underlay(host, interface, &mut lines);
    }
    lines
}

/// The stanzas of interfaces(5) as they are written, a line for each option.
fn options(text: &str, lines: &mut BTreeSet<String>) {
    let mut stanza = "";
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "auto" => lines.extend(
                rest.split(' ')
                    .map(|name| format!("auto {}", name.split('=').next().unwrap_or(name))),
            ),
            "iface" => {
                stanza = rest.split(' ').next().unwrap_or(rest);
                lines.insert(format!("iface {stanza}"));
            }
            _ if word.starts_with("allow-") => lines.extend(rest.split(' ').map(|name| format!("{word} {name}"))),
            // ifquery has one name for each of the two.
            "post-up" => drop(lines.insert(format!("{stanza}: up: {rest}"))),
            "pre-down" => drop(lines.insert(format!("{stanza}: down: {rest}"))),
            _ => drop(lines.insert(format!("{stanza}: {word}: {rest}"))),
        }
    }
}

/// As cloud-init writes it; only IPv4 is in the examples.
fn underlay(host: &Host, interface: &UnderlayInterface, lines: &mut BTreeSet<String>) {
    let name = &interface.name;
    lines.extend([
        format!("auto {name}"),
        format!("iface {name}"),
        format!("{name}: address: {}", host.plan.address),
        format!("{name}: mtu: {}", host.cluster.mtu.underlay),
    ]);
    if let (IpAddr::V4(_), Ok(net)) = (host.plan.address, IpNet::new(host.plan.address, interface.prefix_length)) {
        lines.insert(format!("{name}: netmask: {}", net.netmask()));
        lines.insert(format!("{name}: broadcast: {}", net.broadcast()));
    }
    if let Some(gateway) = interface.gateway {
        lines.insert(format!("{name}: up: route add default gw {gateway} || true"));
        lines.insert(format!("{name}: down: route del default gw {gateway} || true"));
    }
    if let Some(management) = &interface.management {
        lines.extend([format!("auto {management}"), format!("iface {management}")]);
    }
}
