use std::collections::BTreeMap;

use super::*;
use crate::spec::*;

/// A valid cluster of `addresses`, with every default.
pub fn cluster(addresses: &[&str]) -> Spec {
    let host = |(index, address): (usize, &&str)| HostSpec {
        name: format!("host{}", index + 1).parse().unwrap(),
        address: Some(address.parse().unwrap()),
        site: None,
        os: Os::Debian13,
        network: Network::Ifupdown,
        underlay_interface: None,
        mesh_bridge: "br0".parse().unwrap(),
        priority: None,
        bfd: Some(Bfd {
            interval_ms: 100,
            multiplier: 3,
        }),
        container_bridge: "docker0".parse().unwrap(),
        container_address: None,
        slice: None,
        docker_daemon: BTreeMap::new(),
        docker_api: Api::None,
        packages: Vec::new(),
        archive: None,
        open_vswitch: OpenVSwitchSource::Distribution,
        user: "root".parse().unwrap(),
        authorized_keys: Vec::new(),
    };
    Spec {
        name: "demo".parse().unwrap(),
        hosts: addresses.iter().enumerate().map(host).collect(),
        underlay_mtu: 1500,
        subnet: address::DEFAULT_SUBNET.parse().unwrap(),
        first_address: None,
        capacity: u32::try_from(addresses.len()).unwrap(),
        tunnel: Tunnel::Gre,
        topology: Topology::Full,
        survive: u32::from(addresses.len() > 2),
        fabric: Fabric::SpanningTree,
        loop_protection: LoopProtection::Rstp,
        timers: Timers::default(),
        root: None,
        stand_in: None,
        digital_ocean: None,
        lock: None,
    }
}

/// The classic three hosts.
pub fn classic() -> Spec {
    cluster(&["1.1.1.1", "2.2.2.2", "3.3.3.3"])
}

#[test]
fn packets_are_counted_before_a_link_is_taken_for_dead() {
    let counted = |bfd: Option<Bfd>| {
        let mut spec = classic();
        spec.hosts.iter_mut().for_each(|host| host.bfd = bfd);
        plan(&spec).unwrap().hosts[0].mesh_bridge.max_revalidator_ms
    };
    for (interval_ms, multiplier, expected) in [(100, 3, 200), (150, 3, 300), (50, 2, 100), (1000, 3, 500), (u32::MAX, 255, 500)] {
        assert_eq!(counted(Some(Bfd { interval_ms, multiplier })), expected);
    }
    assert_eq!(counted(None), 500);
}

#[test]
fn the_classic_three_hosts_give_the_classic_result() {
    let plan = plan(&classic()).unwrap();
    let hosts: Vec<String> = plan
        .hosts
        .iter()
        .map(|host| {
            let ports: Vec<&str> = host.mesh_bridge.ports.iter().map(|port| port.name.as_str()).collect();
            let bridge = &host.container_bridge;
            format!(
                "{} {} {} {}/{} {}",
                host.mesh_bridge.name,
                ports.join(","),
                bridge.name,
                bridge.address,
                bridge.prefix_length,
                bridge.slice
            )
        })
        .collect();
    assert_eq!(
        hosts,
        [
            "br0 gre1,gre2 docker0 172.17.42.1/16 172.17.64.0/18",
            "br0 gre1,gre3 docker0 172.17.42.2/16 172.17.128.0/18",
            "br0 gre2,gre3 docker0 172.17.42.3/16 172.17.192.0/18",
        ]
    );
    assert_eq!(plan.mtu.mesh, 1462);
}

#[test]
fn root_and_stand_in_are_pinned() {
    let chosen = |edit: fn(&mut Spec)| {
        let mut spec = cluster(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
        edit(&mut spec);
        let plan = plan(&spec).unwrap();
        let priorities: Vec<u16> = plan.hosts.iter().filter_map(|host| host.mesh_bridge.priority).collect();
        let tree = plan.tree().unwrap();
        format!("{} {} {priorities:?}", tree.root, tree.stand_in)
    };
    assert_eq!(chosen(|_| ()), "host1 host2 [4096, 8192, 32768, 32768]");
    assert_eq!(
        chosen(|spec| spec.root = Some("host3".parse().unwrap())),
        "host3 host1 [8192, 32768, 4096, 32768]"
    );
    assert_eq!(
        chosen(|spec| spec.stand_in = Some("host1".parse().unwrap())),
        "host2 host1 [8192, 4096, 32768, 32768]"
    );
    assert_eq!(
        chosen(|spec| spec.hosts[3].priority = Some(0)),
        "host4 host1 [8192, 32768, 32768, 0]"
    );
    assert_eq!(
        chosen(|spec| spec.hosts[3].priority = Some(8192)),
        "host1 host4 [4096, 32768, 32768, 8192]"
    );
}

#[test]
fn the_timers_of_rstp_are_as_short_as_the_depth_allows() {
    let timers = |spec: &Spec| {
        let plan = plan(spec).unwrap();
        let tree = plan.tree().unwrap();
        (
            tree.hello,
            tree.max_age,
            tree.forward_delay,
            tree.transmit_hold_count,
            tree.depth_after_failure,
        )
    };
    let mut spec = classic();
    assert_eq!(timers(&spec), (2, 6, 4, Some(10), 2));
    spec.timers.max_age = Some(20);
    assert_eq!(timers(&spec), (2, 20, 11, Some(10), 2));
    spec.loop_protection = LoopProtection::Stp;
    spec.timers = Timers::default();
    assert_eq!(timers(&spec), (2, 20, 15, None, 2));
}

#[test]
fn bridges_of_clones_have_different_addresses() {
    let plan = plan(&classic()).unwrap();
    let mut macs: Vec<MacAddress> = plan
        .hosts
        .iter()
        .flat_map(|host| [host.mesh_bridge.mac, host.container_bridge.mac])
        .collect();
    let count = macs.len();
    macs.sort();
    macs.dedup();
    assert_eq!(macs.len(), count);
    let first_octet = |mac: &MacAddress| u8::from_str_radix(&mac.to_string()[..2], 16).unwrap();
    assert!(
        macs.iter().all(|mac| first_octet(mac) & 0b11 == 0b10),
        "local and unicast: {macs:?}"
    );
}

#[test]
fn what_the_mesh_owns_wins_over_the_file() {
    let mut spec = classic();
    spec.hosts[0].docker_daemon.insert("debug".into(), true.into());
    spec.hosts[0].docker_daemon.insert("mtu".into(), 9000.into());
    let daemon = &plan(&spec).unwrap().hosts[0].docker.daemon;
    assert_eq!(
        serde_json::to_string(daemon).unwrap(),
        r#"{"bridge":"docker0","debug":true,"fixed-cidr":"172.17.64.0/18","mtu":1462}"#
    );
}
