//! What holds for every cluster, not for the examples only.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use meshimg::plan::{Plan, plan};
use meshimg::spec::InterfaceName;
use proptest::prelude::*;

use super::artifacts_of;

/// A cluster.yaml of hosts with these addresses.
fn text(addresses: &BTreeSet<u32>, subnet: &str, capacity: usize, tunnel: &str, loop_protection: &str, root: usize) -> String {
    let hosts: String = addresses
        .iter()
        .zip(1..)
        // Public addresses only, all in 100.0.0.0/10: it overlaps no container subnet below.
        .map(|(address, number)| format!("  - {{name: host{number}, address: {}}}\n", Ipv4Addr::from(0x6400_0001 + address)))
        .collect();
    format!(
        "version: 1\nname: any\ncontainers: {{subnet: {subnet}, capacity: {capacity}}}\n\
         mesh: {{tunnel: {tunnel}, loop-protection: {loop_protection}, root: host{root}}}\nhosts:\n{hosts}"
    )
}

fn any_cluster() -> impl Strategy<Value = String> {
    let addresses = prop::collection::btree_set(0_u32..0x003f_0000, 2..=40);
    let subnets = prop::sample::select(vec!["172.17.0.0/16", "10.0.0.0/8", "10.9.0.0/20", "192.168.0.0/22"]);
    let tunnels = prop::sample::select(vec!["gre", "vxlan", "geneve"]);
    let protocols = prop::sample::select(vec!["rstp", "stp"]);
    let numbers = (any::<prop::sample::Index>(), 0_usize..20);
    (addresses, subnets, tunnels, protocols, numbers).prop_map(|(addresses, subnet, tunnel, protocol, (root, spare))| {
        let hosts = addresses.len();
        text(&addresses, subnet, hosts + spare, tunnel, protocol, root.index(hosts) + 1)
    })
}

fn planned(text: &str) -> Plan {
    let (spec, warnings) = meshimg::spec::load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
    assert_eq!(warnings, []);
    plan(&spec).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn addresses_are_disjoint(plan: &Plan) {
    let subnet = plan.containers.subnet;
    let mut slices: Vec<_> = plan.hosts.iter().map(|host| host.container_bridge.slice).collect();
    slices.sort();
    for pair in slices.windows(2) {
        assert!(pair[0].broadcast() < pair[1].network(), "{pair:?}");
    }
    let bridges: BTreeSet<Ipv4Addr> = plan.hosts.iter().map(|host| host.container_bridge.address).collect();
    assert_eq!(bridges.len(), plan.hosts.len(), "a bridge address twice");
    for address in &bridges {
        assert!(subnet.contains(address) && *address != subnet.network() && *address != subnet.broadcast());
        assert!(!slices.iter().any(|slice| slice.contains(address)), "{address} is handed out");
    }
    assert!(slices.iter().all(|slice| subnet.contains(slice)));
    let macs = plan.hosts.iter().flat_map(|host| [host.mesh_bridge.mac, host.container_bridge.mac]);
    assert_eq!(macs.collect::<BTreeSet<_>>().len(), 2 * plan.hosts.len());
}

fn links_are_symmetric(plan: &Plan) {
    // Both ends of each link: same name, same kind, each with the other's address.
    let mut ends: BTreeMap<&str, Vec<(&str, &str, String, &str)>> = BTreeMap::new();
    for host in &plan.hosts {
        for port in &host.mesh_bridge.ports {
            let end = (host.name.as_str(), port.peer.as_str(), port.remote.to_string(), port.kind);
            ends.entry(port.name.as_str()).or_default().push(end);
        }
    }
    let hosts = plan.hosts.len();
    assert_eq!(ends.len(), hosts * (hosts - 1) / 2, "a full mesh");
    assert_eq!(plan.links.len(), ends.len());
    let address_of: BTreeMap<&str, String> = plan
        .hosts
        .iter()
        .map(|host| (host.name.as_str(), host.address.to_string()))
        .collect();
    for link in &plan.links {
        let [a, b] = [link.hosts[0].as_str(), link.hosts[1].as_str()];
        let kind = ends[link.name.as_str()][0].3;
        let wanted = [(a, b, address_of[b].clone(), kind), (b, a, address_of[a].clone(), kind)];
        assert_eq!(ends[link.name.as_str()], wanted, "{}", link.name);
        // Legal, and none that the kernel makes itself.
        let name = link.name.as_str();
        assert!(
            name.parse::<InterfaceName>().is_ok() && name.len() <= 15 && !name.ends_with(char::is_alphabetic),
            "{name}"
        );
        let number: u32 = name.trim_start_matches(char::is_alphabetic).parse().expect("a number");
        assert!((1..=plan.links.len() as u32).contains(&number), "{name}");
    }
}

/// One bridge has the lowest priority: the root; and the timers satisfy 802.1D-2004 17.14.
fn the_root_is_chosen(plan: &Plan) {
    let tree = &plan.spanning_tree;
    let mut order: Vec<(u16, &str)> = plan
        .hosts
        .iter()
        .map(|host| (host.mesh_bridge.priority, host.name.as_str()))
        .collect();
    order.sort();
    assert!(
        order[0].0 < order[1].0 && order.get(2).is_none_or(|third| order[1].0 < third.0),
        "{order:?}"
    );
    assert_eq!((order[0].1, order[1].1), (tree.root.as_str(), tree.stand_in.as_str()));
    assert!(
        2 * (tree.hello + 1) <= tree.max_age && tree.max_age <= 2 * (tree.forward_delay - 1),
        "{tree:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_cluster_is_sound(text in any_cluster()) {
        let plan = planned(&text);
        addresses_are_disjoint(&plan);
        links_are_symmetric(&plan);
        the_root_is_chosen(&plan);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_input_gives_the_same_bytes(text in any_cluster()) {
        let (one, two) = (planned(&text), planned(&text));
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&two).unwrap());
        prop_assert!(artifacts_of(&one) == artifacts_of(&two));
    }
}
