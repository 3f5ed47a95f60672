//! What holds for every cluster that `check` accepts. Nothing here is looked up in the code it judges.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use meshimg::plan::{Plan, plan};
use meshimg::render::{Artifacts, RenderError, USER_DATA_MAX, cloud_init, user_data_bytes, with_seeds};
use meshimg::spec::{LoopProtection, Spec, Tunnel};

/// Plans and renders `spec` and judges all of it; `twice` also asks whether a second time gives the same bytes and the size that was
/// announced, and makes the seeds.
pub fn judge(spec: &Spec, twice: bool) {
    let plan = plan(spec).expect("a spec that was accepted can be planned");
    judge_plan(spec, &plan);
    match cloud_init(&plan, None) {
        Ok(artifacts) if twice => once_more(spec, &plan, artifacts),
        Ok(_) => {}
        Err(RenderError::TooLarge { host, bytes }) => {
            let number = plan.hosts.iter().position(|other| other.name == host).expect("a host of ours");
            assert!(bytes > USER_DATA_MAX && user_data_bytes(&plan).expect("sizes")[number] == bytes);
        }
        Err(error) => panic!("{error}"),
    }
}

/// What `plan`, which is of `spec`, promises by itself.
pub fn judge_plan(spec: &Spec, plan: &Plan) {
    addresses_are_disjoint(plan);
    links_join_all(plan);
    names_are_legal(plan);
    mtus_add_up(plan);
    the_tree_is_as_chosen(spec, plan);
    failures_cut_nobody_off(spec, plan);
}

fn once_more(spec: &Spec, plan: &Plan, artifacts: Artifacts) {
    let announced = user_data_bytes(plan).expect("sizes");
    for (host, bytes) in plan.hosts.iter().zip(announced) {
        assert_eq!(artifacts.0[&format!("{}/user-data", host.name)].bytes.len(), bytes, "{}", host.name);
    }
    let again = meshimg::plan::plan(spec).expect("it was planned before");
    let json = |plan: &Plan| serde_json::to_string(plan).expect("JSON");
    assert_eq!(json(plan), json(&again), "the same input gave another plan");
    let again = cloud_init(&again, None).expect("it was rendered before");
    assert!(artifacts == again, "the same input gave other bytes");
    assert!(with_seeds(artifacts).expect("a seed holds it") == with_seeds(again).expect("a seed holds it"));
}

fn addresses_are_disjoint(plan: &Plan) {
    let subnet = plan.containers.subnet;
    let mut slices: Vec<_> = plan.hosts.iter().map(|host| host.container_bridge.slice).collect();
    slices.sort_by_key(|slice| slice.network());
    for pair in slices.windows(2) {
        assert!(pair[0].broadcast() < pair[1].network(), "slices overlap: {pair:?}");
    }
    let bridges: BTreeSet<Ipv4Addr> = plan.hosts.iter().map(|host| host.container_bridge.address).collect();
    assert_eq!(bridges.len(), plan.hosts.len(), "a bridge address twice");
    for address in &bridges {
        assert!(subnet.contains(address) && *address != subnet.network() && *address != subnet.broadcast());
        let before = slices.partition_point(|slice| slice.network() <= *address);
        assert!(before == 0 || slices[before - 1].broadcast() < *address, "{address} is handed out");
    }
    assert!(slices.iter().all(|slice| subnet.contains(slice) && *slice != subnet));
    let underlay: BTreeSet<IpAddr> = plan.hosts.iter().map(|host| host.address).collect();
    assert_eq!(underlay.len(), plan.hosts.len(), "an underlay address twice");
    assert!(
        underlay
            .iter()
            .all(|address| !matches!(address, IpAddr::V4(address) if subnet.contains(address)))
    );
    let macs = plan.hosts.iter().flat_map(|host| [host.mesh_bridge.mac, host.container_bridge.mac]);
    assert_eq!(macs.collect::<BTreeSet<_>>().len(), 2 * plan.hosts.len(), "a MAC address twice");
}

fn links_join_all(plan: &Plan) {
    let numbers: BTreeMap<&str, usize> = plan
        .hosts
        .iter()
        .enumerate()
        .map(|(number, host)| (host.name.as_str(), number))
        .collect();
    assert_eq!(numbers.len(), plan.hosts.len(), "a host name twice");
    // What each end of a link says: own host, peer, its address, kind.
    let mut ends: BTreeMap<&str, Vec<(&str, &str, IpAddr, &str)>> = BTreeMap::new();
    for host in &plan.hosts {
        for port in &host.mesh_bridge.ports {
            let end = (host.name.as_str(), port.peer.as_str(), port.remote, port.kind);
            ends.entry(port.name.as_str()).or_default().push(end);
        }
    }
    assert_eq!(plan.links.len(), ends.len(), "a link twice, or one of no port");
    let mut pairs = BTreeSet::new();
    let mut group: Vec<usize> = (0..plan.hosts.len()).collect();
    for link in &plan.links {
        let [a, b] = [link.hosts[0].as_str(), link.hosts[1].as_str()];
        assert_ne!(a, b, "{} leads to itself", link.name);
        assert!(pairs.insert([a.min(b), a.max(b)]), "{a} and {b} are linked twice");
        let [first, second] = &ends[link.name.as_str()][..] else {
            panic!("{} has not two ends", link.name)
        };
        let mut wanted = [
            (a, b, plan.hosts[numbers[b]].address, first.3),
            (b, a, plan.hosts[numbers[a]].address, first.3),
        ];
        wanted.sort_by_key(|end| numbers[end.0]);
        assert_eq!([*first, *second], wanted, "{}", link.name);
        let (from, to) = (group[numbers[a]], group[numbers[b]]);
        if from != to {
            group.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        }
    }
    assert!(group.iter().all(|number| *number == group[0]), "the mesh is in parts");
}

/// Interface names that the kernel takes (dev_valid_name, net/core/dev.c) and does not make itself (net/ipv4/ip_gre.c, vport-*.c).
fn names_are_legal(plan: &Plan) {
    let legal = |name: &str| {
        (1..=15).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
            && !["gre0", "gretap0", "erspan0", "gre_sys", "ip6gre0", "ip6gre_sys", "lo", "ovs-system"].contains(&name)
            && !name.starts_with("vxlan_sys")
            && !name.starts_with("genev_sys")
    };
    let mut host_names = BTreeSet::new();
    for host in &plan.hosts {
        let mut names = BTreeSet::new();
        let underlay = host.underlay_interface.iter();
        let underlay = underlay.flat_map(|interface| std::iter::once(&interface.name).chain(&interface.management));
        let own = [&host.mesh_bridge.name, &host.container_bridge.name].into_iter().chain(underlay);
        for name in own.chain(host.mesh_bridge.ports.iter().map(|port| &port.name)) {
            assert!(legal(name.as_str()), "{name} of {}", host.name);
            assert!(names.insert(name.as_str()), "{} has two {name}", host.name);
        }
        let label = host.name.as_str();
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!((1..=63).contains(&label.len()) && label.bytes().all(good) && !label.starts_with('-') && !label.ends_with('-'));
        assert!(host_names.insert(label));
    }
}

/// Bytes from the first of the outer IP header to the last of the inner Ethernet header, as ovs-vsctl(8)'s users count them.
fn overhead(plan: &Plan, is_ipv4: bool) -> u16 {
    // The key's 4, which VXLAN and Geneve have anyway.
    let key = if plan.tree().is_none() && plan.tunnel == Tunnel::Gre {
        4
    } else {
        0
    };
    let bytes = match (plan.tunnel, is_ipv4) {
        (Tunnel::Gre, true) => 38,
        (Tunnel::Gre, false) => 58,
        (Tunnel::Vxlan | Tunnel::Geneve, true) => 50,
        (Tunnel::Vxlan | Tunnel::Geneve, false) => 70,
    };
    bytes + key
}

fn mtus_add_up(plan: &Plan) {
    let is_ipv4 = plan.hosts[0].address.is_ipv4();
    assert!(plan.hosts.iter().all(|host| host.address.is_ipv4() == is_ipv4));
    assert_eq!(plan.mtu.mesh, plan.mtu.underlay - overhead(plan, is_ipv4));
    assert_eq!(
        plan.mtu.underlay - plan.mtu.mesh,
        plan.mtu.overhead.iter().map(|part| part.bytes).sum::<u16>()
    );
    // RFC 791 and RFC 8200: what every host must be able to send.
    assert!(plan.mtu.mesh >= if is_ipv4 { 576 } else { 1280 });
    for host in &plan.hosts {
        assert_eq!(host.docker.daemon["mtu"], plan.mtu.mesh);
    }
}

/// Whom the file names is root and stand-in, the lowest identifiers are theirs, and the timers go together (802.1D-2004 17.14).
fn the_tree_is_as_chosen(spec: &Spec, plan: &Plan) {
    let Some(tree) = plan.tree() else {
        return the_paths_are_whole(plan);
    };
    let mut order: Vec<_> = plan
        .hosts
        .iter()
        .map(|host| (host.mesh_bridge.priority.expect("a priority"), host.mesh_bridge.mac, &host.name))
        .collect();
    order.sort();
    assert_eq!((order[0].2, order[1].2), (&tree.root, &tree.stand_in));
    assert!(
        spec.root.as_ref().is_none_or(|root| *root == tree.root),
        "another root than the file's"
    );
    assert!(
        spec.stand_in.as_ref().is_none_or(|stand_in| *stand_in == tree.stand_in),
        "another stand-in than the file's"
    );
    assert!(order.iter().all(|(priority, ..)| priority % 4096 == 0));
    assert!(
        2 * (tree.hello + 1) <= tree.max_age && tree.max_age <= 2 * (tree.forward_delay - 1),
        "{tree:?}"
    );
    assert!(tree.protocol == LoopProtection::Stp || u32::from(tree.max_age) >= tree.depth_after_failure);
}

/// Each host has a path by the number of each other, a port by that of each that it has a link to, and relays that are neither end and that both have a link to.
fn the_paths_are_whole(plan: &Plan) {
    let ports = |number: u32| -> BTreeSet<u32> {
        let host = plan.hosts.iter().find(|host| host.number == number).expect("a host");
        let numbers = host.mesh_bridge.ports.iter().map(|port| port.number.expect("a number").into());
        numbers.collect()
    };
    for host in &plan.hosts {
        let others: Vec<u32> = plan.hosts.iter().map(|other| other.number).collect();
        let mut others: Vec<u32> = others.into_iter().filter(|number| *number != host.number).collect();
        others.sort_unstable();
        let bridge = &host.mesh_bridge;
        let mut paths: Vec<u32> = bridge.paths.iter().map(|path| path.to.into()).collect();
        paths.sort_unstable();
        assert_eq!(paths, others);
        assert!(bridge.priority.is_none() && bridge.ports.iter().all(|port| port.path_cost.is_none() && port.bfd.is_some()));
        let own = ports(host.number);
        for path in &bridge.paths {
            let (to, theirs) = (u32::from(path.to), ports(path.to.into()));
            assert_eq!(path.linked, own.contains(&to));
            assert!(path.linked || !path.relays.is_empty(), "{} does not reach {to}", host.name);
            assert!(
                path.relays
                    .iter()
                    .all(|relay| own.contains(&(*relay).into()) && theirs.contains(&(*relay).into()))
            );
        }
    }
}

/// After the loss of any one host the others still reach each other, if one is to be survived and the plan chose the links; and what the plan says of
/// connectivity is so for one.
fn failures_cut_nobody_off(spec: &Spec, plan: &Plan) {
    let figures = &plan.topology;
    if matches!(figures.kind, "sparse" | "full" | "ring") {
        assert!(figures.connectivity.value > spec.survive, "{figures:?}");
    }
    if figures.connectivity.value < 2 || plan.hosts.len() > 40 {
        return;
    }
    for lost in &plan.hosts {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = plan
            .hosts
            .iter()
            .filter(|host| host.name != lost.name)
            .take(1)
            .map(|host| &host.name)
            .collect();
        while let Some(name) = next.pop() {
            if reached.insert(name) {
                let links = plan.links.iter().filter(|link| link.hosts.contains(name));
                next.extend(links.flat_map(|link| &link.hosts).filter(|other| **other != lost.name));
            }
        }
        assert_eq!(reached.len(), plan.hosts.len() - 1, "{} cuts others off", lost.name);
    }
}
