//! A healthy mesh of three hosts, and machines that answer from memory; for tests.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Facts;
use super::facts::{Found, Listener, RuleFacts, Traffic, Transport};
use super::openvswitch::{Bridge, Interface, OpenVSwitch, Port};
use super::probe::container::{Containers, ProbeContainer};
use crate::plan::*;
use crate::render::rules::rules;
use crate::spec::{Api, Bfd, HostName, LoopProtection, Network, OpenVSwitchSource, Os, Tunnel};

mod config;
mod scripted;
mod state;

use config::config;
pub use scripted::{Scripted, machines};
use state::{boot, docker, links};

const LINKS: [(&str, usize, usize); 3] = [("gre1", 0, 1), ("gre2", 0, 2), ("gre3", 1, 2)];

/// Three hosts in full mesh, as `meshimg init` would have them.
pub fn plan() -> Plan {
    let hosts: Vec<HostName> = (1..=3).map(|number| format!("host{number}").parse().unwrap()).collect();
    let links = LINKS.map(|(name, one, other)| Link {
        name: name.parse().unwrap(),
        hosts: [hosts[one].clone(), hosts[other].clone()],
    });
    Plan {
        version: PLAN_VERSION,
        cluster: "demo".parse().unwrap(),
        mtu: MtuPlan {
            underlay: 1500,
            overhead: Vec::new(),
            mesh: 1462,
        },
        topology: full_mesh_of_three(),
        fabric: FabricPlan::SpanningTree(SpanningTree {
            protocol: LoopProtection::Rstp,
            root: hosts[0].clone(),
            stand_in: hosts[1].clone(),
            hello: 2,
            max_age: 6,
            forward_delay: 4,
            transmit_hold_count: Some(10),
            depth_after_failure: 2,
        }),
        containers: ContainerPlan {
            subnet: "172.17.0.0/16".parse().unwrap(),
            blocks: 4,
            held_back: 1,
            capacity: 3,
        },
        tunnel: Tunnel::Gre,
        hosts: hosts.iter().enumerate().map(|(index, name)| host(index, name, &links)).collect(),
        links: links.into(),
        growth: None,
        lock: crate::plan::plan(&crate::plan::tests::classic()).unwrap().lock,
    }
}

fn full_mesh_of_three() -> TopologyPlan {
    let known = |value| Figure {
        value,
        exact: true,
        proof: Proof::FullMesh,
    };
    TopologyPlan {
        kind: "full",
        survive: 1,
        least_links_per_host: 2,
        most_links_per_host: 2,
        fewest_links: 3,
        diameter: known(1),
        moore_diameter: 1,
        diameter_after_failures: Some(known(2)),
        connectivity: known(2),
    }
}

fn host(index: usize, name: &HostName, links: &[Link]) -> HostPlan {
    let number = index as u8 + 1;
    let port = |link: &Link| {
        let peer = link.hosts.iter().find(|host| *host != name)?.clone();
        let last: u8 = peer.as_str()[4..].parse().unwrap();
        link.hosts.contains(name).then(|| TunnelPort {
            name: link.name.clone(),
            peer,
            kind: "gre",
            remote: Ipv4Addr::new(192, 0, 2, last).into(),
            path_cost: Some(2000),
            number: None,
            bfd: Some(Bfd {
                interval_ms: 100,
                multiplier: 3,
            }),
        })
    };
    HostPlan {
        number: number.into(),
        name: name.clone(),
        address: Ipv4Addr::new(192, 0, 2, number).into(),
        os: Os::Debian13,
        network: Network::Ifupdown,
        underlay_interface: None,
        mesh_bridge: MeshBridge {
            name: "br0".parse().unwrap(),
            mac: MacAddress::local([2, 0, 0, 0, 0, number]),
            priority: Some(4096 * u16::from(number)),
            paths: Vec::new(),
            max_revalidator_ms: 200,
            ports: links.iter().filter_map(port).collect(),
        },
        container_bridge: ContainerBridge {
            name: "docker0".parse().unwrap(),
            mac: MacAddress::local([2, 0, 0, 0, 1, number]),
            address: Ipv4Addr::new(172, 17, 42, number),
            prefix_length: 16,
            slice: format!("172.17.{}.0/18", 64 * u32::from(number)).parse().unwrap(),
        },
        docker: DockerPlan {
            daemon: BTreeMap::new(),
            api: Api::None,
        },
        packages: Vec::new(),
        archive: None,
        open_vswitch: OpenVSwitchSource::Distribution,
        user: "root".parse().unwrap(),
        authorized_keys: Vec::new(),
    }
}

/// The same with a direct fabric.
pub fn direct_plan() -> Plan {
    let (spec, _) = crate::spec::load(
        b"version: 1\nname: demo\nmesh: {fabric: direct}\nhosts:\n- {name: host1, address: 192.0.2.1}\n\
          - {name: host2, address: 192.0.2.2}\n- {name: host3, address: 192.0.2.3}\n",
    )
    .unwrap();
    let planned = crate::plan::plan(&spec).unwrap();
    let mut plan = plan();
    plan.fabric = planned.fabric;
    for (host, planned) in plan.hosts.iter_mut().zip(planned.hosts) {
        host.mesh_bridge.priority = None;
        host.mesh_bridge.ports = planned.mesh_bridge.ports;
        host.mesh_bridge.paths = planned.mesh_bridge.paths;
    }
    plan
}

fn map<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What the hosts of `plan`, made by [`plan`] and then perhaps changed to STP, say when all is well. The first host is the root; gre3
/// is blocked at host3.
pub fn facts(plan: &Plan) -> BTreeMap<HostName, Facts> {
    plan.hosts.iter().map(|host| (host.name.clone(), host_facts(plan, host))).collect()
}

fn host_facts(plan: &Plan, host: &HostPlan) -> Facts {
    Facts {
        boot_id: Found::Known(format!("boot-{}", host.number)),
        vswitchd_version: Found::Known("3.5.0".to_owned()),
        vswitchd_policy: Found::Known("SCHED_RR".to_owned()),
        ovs: Found::Known(OpenVSwitch {
            other_config: map([("max-revalidator", host.mesh_bridge.max_revalidator_ms.to_string())]),
            bridges: BTreeMap::from([(host.mesh_bridge.name.to_string(), bridge(plan, host))]),
        }),
        links: Found::Known(links(host)),
        docker: Found::Known(docker(plan, host)),
        boot: Found::Known(boot()),
        machine_id: Found::Known(format!("machine-{}", host.number)),
        listening: Found::Known(
            [
                (Transport::Tcp, "0.0.0.0", 22),
                (Transport::Tcp, "0.0.0.0", 9999),
                (Transport::Tcp, "127.0.0.1", 631),
                (Transport::Udp, "0.0.0.0", 5353),
            ]
            .map(|(protocol, address, port)| Listener {
                protocol,
                address: address.parse().unwrap(),
                port,
            })
            .into(),
        ),
        traffic: Found::Known(Traffic {
            seconds: 8.0,
            forwarded: 16,
            bpdus: 4,
        }),
        floods: Found::Known(
            host.mesh_bridge
                .ports
                .iter()
                .map(|port| {
                    (
                        port.name.to_string(),
                        [host.mesh_bridge.name.to_string(), "gre_sys".to_owned()].into(),
                    )
                })
                .collect(),
        ),
        config: Found::Known(config(plan, host)),
        rules: match rules(plan, host) {
            Some(rules) => Found::Known(RuleFacts::from(&rules)),
            None => Found::default(),
        },
    }
}

fn bridge(plan: &Plan, host: &HostPlan) -> Bridge {
    let local = Port {
        interface: Interface {
            kind: "internal".into(),
            mac_in_use: Some(host.mesh_bridge.mac.to_string()),
            mtu: Some(plan.mtu.mesh.into()),
            mtu_request: Some(plan.mtu.mesh.into()),
            ..Interface::default()
        },
        ..Port::default()
    };
    let tunnels = host
        .mesh_bridge
        .ports
        .iter()
        .map(|port| (port.name.to_string(), tunnel(plan, host, port)));
    let bridge = Bridge {
        fail_mode: Some("standalone".into()),
        ports: tunnels.chain([(host.mesh_bridge.name.to_string(), local)]).collect(),
        ..Bridge::default()
    };
    let number = host.number;
    let Some(tree) = plan.tree() else {
        return Bridge {
            fail_mode: Some("secure".into()),
            ..bridge
        };
    };
    match tree.protocol {
        LoopProtection::Rstp => Bridge {
            rstp_enable: true,
            other_config: map([
                ("rstp-max-age", tree.max_age.to_string()),
                ("rstp-forward-delay", tree.forward_delay.to_string()),
                ("rstp-transmit-hold-count", "10".into()),
            ]),
            rstp_status: map([
                ("rstp_bridge_id", format!("{number}.000.02000000000{number}")),
                ("rstp_root_id", "1.000.020000000001".into()),
            ]),
            ..bridge
        },
        LoopProtection::Stp => Bridge {
            stp_enable: true,
            other_config: map([
                ("stp-hello-time", format!("{}", u32::from(tree.hello) * 1000)),
                ("stp-max-age", tree.max_age.to_string()),
                ("stp-forward-delay", tree.forward_delay.to_string()),
            ]),
            status: map([
                ("stp_bridge_id", format!("{number}000.02000000000{number}")),
                ("stp_designated_root", "1000.020000000001".into()),
            ]),
            ..bridge
        },
    }
}

fn tunnel(plan: &Plan, host: &HostPlan, planned: &TunnelPort) -> Port {
    let blocked = host.number == 3 && planned.name.as_str() == "gre3";
    let up = map([("state", "up".into()), ("remote_state", "up".into()), ("forwarding", "true".into())]);
    let port = Port {
        interface: Interface {
            kind: planned.kind.into(),
            options: map([("remote_ip", planned.remote.to_string())]),
            admin_state: Some("up".into()),
            link_state: Some("up".into()),
            bfd: map([
                ("enable", "true".into()),
                ("min_rx", "100".into()),
                ("min_tx", "100".into()),
                ("mult", "3".into()),
            ]),
            bfd_status: up,
            ..Interface::default()
        },
        ..Port::default()
    };
    let cost = planned.path_cost.unwrap_or_default().to_string();
    match plan.tree().map(|tree| tree.protocol) {
        None => keyed(port, planned),
        Some(LoopProtection::Rstp) => Port {
            other_config: map([("rstp-path-cost", cost)]),
            rstp_status: map([("rstp_port_state", if blocked { "Discarding" } else { "Forwarding" }.into())]),
            ..port
        },
        Some(LoopProtection::Stp) => Port {
            other_config: map([("stp-path-cost", cost)]),
            status: map([("stp_state", if blocked { "blocking" } else { "forwarding" }.into())]),
            ..port
        },
    }
}

/// With a number, and with keys that rules set.
fn keyed(mut port: Port, planned: &TunnelPort) -> Port {
    port.interface.ofport = planned.number.map(i64::from);
    port.interface.options.insert("key".into(), "flow".into());
    port
}

/// Probe containers with the first address of each slice.
pub fn containers() -> Containers {
    let container = |number: u8| {
        let address = Ipv4Addr::new(172, 17, 64 * number, 0);
        (
            format!("host{number}").parse().unwrap(),
            Ok(ProbeContainer {
                pid: 900 + u32::from(number),
                address,
            }),
        )
    };
    (1..=3).map(container).collect()
}

/// What a machine of a healthy mesh prints for a script of [`super::ping::script`] or of the probe `bulk`.
pub fn answer(script: &str) -> String {
    if script.contains("print(\"sent\"") {
        let hash = "a1".repeat(64);
        return format!("sent 67108864 {hash} -\nreceived 67108864 {hash} -\nseconds 4.0\n");
    }
    if script.contains("listener.listen") {
        return "40001\n".to_owned();
    }
    let names = script.lines().filter_map(|line| line.strip_prefix("show "));
    let ping = |name: &str| match name.rsplit_once('.') {
        Some((_, "exact")) => {
            " 2 packets transmitted, 2 received, 0% packet loss, time 207ms\n rtt min/avg/max/mdev = 1.1/1.5/1.9/0.3 ms".to_owned()
        }
        Some((_, _)) => {
            " ping: sendmsg: Message too long\n 2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 207ms".to_owned()
        }
        None => " 3 packets transmitted, 3 received, 0% packet loss, time 407ms\n rtt min/avg/max/mdev = 1.1/1.5/1.9/0.3 ms".to_owned(),
    };
    names.map(|name| format!("\n[{name} 0]\n{}\n", ping(name))).collect()
}
