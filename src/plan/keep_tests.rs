//! Links stay as hosts come and go.

use proptest::prelude::*;

use super::graph::{Graph, connectivity};
use super::tests::cluster;
use super::{Anew, Plan, plan};
use crate::spec::{Fabric, HostName, HostSpec, Lock, Spec, Topology};

fn of(hosts: u32, topology: Topology, survive: u32) -> Spec {
    let addresses: Vec<String> = (1..=hosts)
        .map(|number| std::net::Ipv4Addr::from(0xc612_0000 + number).to_string())
        .collect();
    let mut spec = cluster(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    spec.subnet = "10.0.0.0/8".parse().unwrap();
    (spec.topology, spec.survive) = (topology, survive);
    spec
}

fn add(spec: &mut Spec, number: u32) {
    let host = HostSpec {
        name: format!("host{number}").parse().unwrap(),
        address: Some(std::net::Ipv4Addr::from(0xc612_0000 + number).into()),
        ..spec.hosts[0].clone()
    };
    spec.hosts.push(host);
    spec.capacity += 1;
}

/// The plan of `spec`, and its lock beside it from then on.
fn locked(spec: &mut Spec) -> Plan {
    let plan = plan(spec).unwrap();
    spec.lock = Some(plan.lock.clone());
    plan
}

/// The names of the two hosts of each link, `1-2`, by number.
fn links(plan: &Plan) -> Vec<String> {
    let short = |name: &HostName| name.as_str().trim_start_matches("host").to_owned();
    let ends = plan.links.iter().map(|link| link.hosts.each_ref().map(short));
    ends.map(|[a, b]| format!("{a}-{b}")).collect()
}

/// By flows, from the plan alone.
fn survives(plan: &Plan, failures: u32) -> bool {
    let place = |name: &HostName| plan.hosts.iter().position(|host| host.name == *name).unwrap();
    let links = plan.links.iter().map(|link| link.hosts.each_ref().map(place));
    let most = (plan.hosts.len() as u32).saturating_sub(2);
    connectivity(&Graph::new(plan.hosts.len(), links), false, usize::MAX).least() > failures.min(most)
}

fn changes(plan: &Plan) -> (Vec<String>, Vec<String>, Option<Anew>) {
    let growth = plan.growth.as_ref().unwrap();
    let shown = |links: &[[HostName; 2]]| links.iter().map(|[a, b]| format!("{a}-{b}").replace("host", "")).collect();
    (shown(&growth.links_added), shown(&growth.links_removed), growth.links_anew)
}

#[test]
fn a_ring_opens_and_closes() {
    let mut spec = of(5, Topology::Ring, 1);
    assert_eq!(links(&locked(&mut spec)), ["1-2", "1-5", "2-3", "3-4", "4-5"]);
    add(&mut spec, 6);
    let grown = locked(&mut spec);
    assert_eq!(links(&grown), ["1-2", "2-3", "3-4", "4-5", "1-6", "5-6"]);
    assert_eq!(changes(&grown), (vec![], vec!["1-5".to_owned()], None));
    spec.hosts.remove(2);
    let less = locked(&mut spec);
    assert_eq!(links(&less), ["1-2", "4-5", "1-6", "5-6", "2-4"]);
    assert_eq!(changes(&less), (vec!["2-4".to_owned()], vec![], None));
    // Two at once, neighbours, and the order of the file means nothing.
    spec.hosts.retain(|host| !["host1", "host6"].contains(&host.name.as_str()));
    spec.hosts.reverse();
    let three = locked(&mut spec);
    assert_eq!(links(&three), ["4-5", "2-4", "2-5"]);
    assert!(survives(&three, 1));
}

/// The new one is in the middle of one link, and has a third where somebody has fewer than three.
#[test]
fn a_new_host_of_a_sparse_mesh() {
    let mut spec = of(12, Topology::Sparse, 1);
    let first = locked(&mut spec);
    add(&mut spec, 13);
    let second = locked(&mut spec);
    let (added, removed, anew) = changes(&second);
    assert_eq!((added.len(), removed.len(), anew), (0, 1, None));
    assert_eq!(second.links.len(), first.links.len() + 1);
    add(&mut spec, 14);
    let third = locked(&mut spec);
    assert_eq!(changes(&third).1.len(), 1);
    assert_eq!(third.links.len(), first.links.len() + 3, "the two new ones are linked");
    assert_eq!((third.topology.least_links_per_host, third.topology.most_links_per_host), (3, 3));
    assert!(survives(&third, 1));
    let kept = third.links.iter().filter(|link| first.links.contains(link));
    assert_eq!(kept.count(), first.links.len() - 2);
}

/// As many links as `survive: 2` wants, and none of those that were there goes.
#[test]
fn more_is_to_be_survived() {
    let mut spec = of(12, Topology::Sparse, 1);
    let first = locked(&mut spec);
    spec.survive = 3;
    let more = locked(&mut spec);
    assert!(survives(&more, 3) && !survives(&first, 3));
    assert!(first.links.iter().all(|link| more.links.contains(link)));
    assert_eq!(changes(&more).2, None);
}

#[test]
fn what_is_planned_anew_is_told() {
    let mut spec = of(12, Topology::Full, 1);
    let full = locked(&mut spec);
    spec.topology = Topology::Sparse;
    let sparse = plan(&spec).unwrap();
    assert_eq!(changes(&sparse).2, Some(Anew::OtherTopology));
    // Links that stay have their names.
    assert!(sparse.links.iter().all(|link| full.links.contains(link)));
    let mut ring = of(8, Topology::Ring, 1);
    locked(&mut ring);
    let edited: &mut Lock = ring.lock.as_mut().unwrap();
    let first = edited.links.keys().next().unwrap().clone();
    edited.links.remove(&first);
    assert_eq!(changes(&plan(&ring).unwrap()).2, Some(Anew::NotThatTopology));
    // A tree that the file's timers do not reach any more: host after host in the middle of links.
    let mut deep = of(24, Topology::Sparse, 1);
    deep.timers.max_age = Some(6);
    locked(&mut deep);
    let mut number = 24;
    let anew = loop {
        number += 1;
        add(&mut deep, number);
        let plan = locked(&mut deep);
        assert!(plan.tree().unwrap().depth_after_failure <= 6, "{number} hosts");
        if let Some(why) = changes(&plan).2 {
            break why;
        }
        assert!(number < 200, "it is never too deep");
    };
    assert_eq!(anew, Anew::TooDeep);
}

/// Where frames go through one other host only, each two stay linked or have one that is linked to both.
#[test]
fn a_sparse_direct_fabric_still_reaches_all() {
    let mut spec = of(8, Topology::Sparse, 1);
    spec.fabric = Fabric::Direct;
    let mut before = locked(&mut spec);
    for (number, gone) in (9..16).zip([3, 0, 5, 1, 1, 4, 2]) {
        if number % 2 == 0 {
            spec.hosts.remove(gone);
        }
        add(&mut spec, number);
        let plan = locked(&mut spec);
        assert!(changes(&plan).1.is_empty());
        let reaches = |plan: &Plan| {
            let mut paths = plan.hosts.iter().flat_map(|host| &host.mesh_bridge.paths);
            paths.all(|path| path.linked || !path.relays.is_empty())
        };
        assert!(reaches(&plan) && survives(&plan, 1));
        before = plan;
    }
    assert_eq!(before.hosts.len(), 12);
}

/// A new host goes where its site is.
#[test]
fn sites() {
    let mut spec = of(16, Topology::Sparse, 1);
    for (index, host) in spec.hosts.iter_mut().enumerate() {
        host.site = Some(if index < 8 { "here" } else { "there" }.parse().unwrap());
    }
    locked(&mut spec);
    add(&mut spec, 17);
    spec.hosts[16].site = Some("there".parse().unwrap());
    let plan = locked(&mut spec);
    let peers: Vec<&HostName> = plan.hosts[16].mesh_bridge.ports.iter().map(|port| &port.peer).collect();
    assert!(peers.len() >= 2);
    let site = |name: &HostName| spec.hosts.iter().find(|host| host.name == *name).unwrap().site.clone();
    assert!(peers.iter().all(|peer| site(peer) == spec.hosts[16].site), "{peers:?}");
}

/// Of very many hosts nothing is looked at for each pair, and a new one is still the business of its neighbours alone.
#[test]
fn one_more_of_a_thousand() {
    let mut spec = of(1000, Topology::Sparse, 1);
    let first = locked(&mut spec);
    add(&mut spec, 1001);
    let second = locked(&mut spec);
    assert_eq!(changes(&second).2, None);
    let touched = second.hosts.iter().zip(&first.hosts).filter(|(now, then)| now != then).count();
    assert_eq!(touched, 2);
    spec.hosts.remove(500);
    let third = locked(&mut spec);
    assert!(
        changes(&third).0.len() <= 1 && changes(&third).1.is_empty(),
        "{:?}",
        changes(&third)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes and goes: it survives what it should, and no links between others come or go but those that `changes` tell of.
    #[test]
    fn any_sequence_survives(
        hosts in 4_u32..20,
        survive in 1_u32..4,
        steps in prop::collection::vec((0_u8..10, any::<prop::sample::Index>()), 1..25),
    ) {
        let survive = survive.min(hosts - 3);
        let mut spec = of(hosts, Topology::Sparse, survive);
        let mut before = locked(&mut spec);
        for (number, (kind, place)) in (hosts + 1..).zip(steps) {
            if kind < 5 || spec.hosts.len() <= 4 {
                add(&mut spec, number);
            } else {
                spec.hosts.remove(place.index(spec.hosts.len()));
            }
            if kind == 0 {
                add(&mut spec, 100 + number);
            }
            let spec_before = spec.clone();
            let after = locked(&mut spec);
            prop_assert!(survives(&after, survive));
            let (added, removed, anew) = changes(&after);
            prop_assert_eq!(anew, None);
            prop_assert!(removed.len() <= 2 && added.len() <= 2 * (survive as usize + 2), "{added:?} {removed:?}");
            if spec.hosts.len() > before.hosts.len() {
                prop_assert!(added.is_empty());
            }
            // The same spec gives the same plan, and its lock nothing new.
            prop_assert_eq!(&plan(&spec_before).unwrap().links, &after.links);
            prop_assert_eq!(&plan(&spec).unwrap().links, &after.links);
            before = after;
        }
    }
}
