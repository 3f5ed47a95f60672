//! What a host that is as planned has on its disk.

use std::collections::BTreeMap;

use super::{bridge, map};
use crate::machine::facts::{Config, FileFacts, Found, UnitFile};
use crate::machine::openvswitch::{Bridge, OpenVSwitch};
use crate::plan::{HostPlan, Plan};
use crate::render::host_files;

pub fn config(plan: &Plan, host: &HostPlan) -> Config {
    let planned = host_files(plan, host).unwrap();
    let unit = |name: &str, state: &str| {
        let of = |path: &&str| path.contains(&format!("/{name}"));
        let paths = planned
            .iter()
            .map(|file| file.path.as_str())
            .filter(of)
            .map(str::to_owned)
            .collect();
        let unit = UnitFile {
            load_state: "loaded".into(),
            state: state.into(),
            paths,
            needs_reload: false,
        };
        (name.to_owned(), unit)
    };
    let stored = OpenVSwitch {
        bridges: BTreeMap::from([(host.mesh_bridge.name.to_string(), stored(bridge(plan, host)))]),
        ..OpenVSwitch::default()
    };
    let ports: Vec<&str> = host.mesh_bridge.ports.iter().map(|port| port.name.as_str()).collect();
    Config {
        files: planned.iter().map(|file| (file.path.clone(), FileFacts::from(file))).collect(),
        units: BTreeMap::from([
            unit("docker.service", "enabled"),
            unit("meshimg-mesh.service", "enabled"),
            unit("meshimg-setup.service", "enabled"),
            unit("networking.service", "enabled"),
            unit("openvswitch-switch.service", "enabled"),
            unit("ovs-vswitchd.service", "static"),
            unit("ovsdb-server.service", "static"),
        ]),
        ovs: Found::Known(stored),
        sysctls: map([
            ("net/ipv4/ip_forward", "1".into()),
            ("net/bridge/bridge-nf-call-iptables", "0".into()),
            ("net/bridge/bridge-nf-call-ip6tables", "0".into()),
        ]),
        stanzas: Found::Known(map([
            ("ovs_ports", ports.join(" ")),
            ("address", host.container_bridge.address.to_string()),
        ])),
        docker: Found::default(),
    }
}

/// A bridge as the database on disk has it: without what only the daemon knows.
fn stored(mut bridge: Bridge) -> Bridge {
    bridge.rstp_status.clear();
    bridge.status.clear();
    for port in bridge.ports.values_mut() {
        port.rstp_status.clear();
        port.status.clear();
        let interface = &mut port.interface;
        (interface.mac_in_use, interface.mtu, interface.admin_state, interface.link_state) = (None, None, None, None);
        interface.bfd_status.clear();
    }
    bridge
}
