//! Each promise is broken once, in a plan that is right but for that: a judge who never says no is none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use meshimg::plan::{Plan, plan};
use meshimg::spec::{InterfaceName, load};
use serde_json::json;

use super::inputs::promises::judge_plan;

const CLUSTER: &str = "\
version: 1
name: demo
hosts:
  - {name: host1, address: 192.0.2.1}
  - {name: host2, address: 192.0.2.2}
  - {name: host3, address: 192.0.2.3}
  - {name: host4, address: 192.0.2.4}
";

/// What is said of a plan that `spoil` changed; nothing if all is well.
fn verdict(spoil: impl FnOnce(&mut Plan)) -> String {
    let (spec, _) = load(CLUSTER.as_bytes()).expect("it is valid");
    let mut plan = plan(&spec).expect("it can be planned");
    spoil(&mut plan);
    let panic = catch_unwind(AssertUnwindSafe(|| judge_plan(&spec, &plan))).err();
    panic.map_or_else(String::new, |panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().expect("a text")).to_owned(),
    })
}

#[track_caller]
fn refused(wanted: &str, spoil: impl FnOnce(&mut Plan)) {
    let verdict = verdict(spoil);
    assert!(verdict.contains(wanted), "{verdict:?}");
}

#[test]
fn a_plan_that_is_right_is_accepted() {
    assert_eq!(verdict(|_| {}), "");
}

#[test]
fn addresses_that_meet_are_refused() {
    refused("slices overlap", |plan| {
        plan.hosts[1].container_bridge.slice = plan.hosts[0].container_bridge.slice;
    });
    refused("a bridge address twice", |plan| {
        plan.hosts[1].container_bridge.address = plan.hosts[0].container_bridge.address;
    });
    refused("is handed out", |plan| {
        plan.hosts[1].container_bridge.address = plan.hosts[2].container_bridge.slice.broadcast();
    });
    refused("an underlay address twice", |plan| plan.hosts[3].address = plan.hosts[0].address);
    refused("a MAC address twice", |plan| {
        plan.hosts[3].container_bridge.mac = plan.hosts[0].mesh_bridge.mac;
    });
}

#[test]
fn a_mesh_that_does_not_join_all_is_refused() {
    refused("leads to itself", |plan| plan.links[2].hosts[1] = plan.links[2].hosts[0].clone());
    refused("gre1 has not two ends", |plan| drop(plan.hosts[1].mesh_bridge.ports.remove(0)));
    refused("gre2", |plan| plan.hosts[0].mesh_bridge.ports[1].remote = plan.hosts[3].address);
    refused("gre3", |plan| plan.hosts[3].mesh_bridge.ports[0].kind = "vxlan");
    refused("host1 and host2 are linked twice", |plan| {
        plan.links[1].hosts = plan.links[0].hosts.clone();
    });
    refused("a link twice, or one of no port", |plan| drop(plan.links.pop()));
    refused("the mesh is in parts", |plan| {
        let lonely = plan.hosts[3].name.clone();
        plan.links.retain(|link| !link.hosts.contains(&lonely));
        plan.hosts[3].mesh_bridge.ports.clear();
        for host in &mut plan.hosts {
            host.mesh_bridge.ports.retain(|port| port.peer != lonely);
        }
    });
}

#[test]
fn names_that_are_taken_are_refused() {
    refused("a host name twice", |plan| plan.hosts[1].name = plan.hosts[0].name.clone());
    refused("host2 has two gre1", |plan| {
        plan.hosts[1].mesh_bridge.name = plan.hosts[1].mesh_bridge.ports[0].name.clone();
    });
    // No name that the kernel would refuse gets as far as a plan: there is no such `InterfaceName`.
    assert!("lo".parse::<InterfaceName>().is_err() && "a/b".parse::<InterfaceName>().is_err());
}

#[test]
fn sums_that_are_wrong_are_refused() {
    refused("1463", |plan| plan.mtu.mesh += 1);
    refused("right: 24", |plan| plan.mtu.overhead.truncate(2));
    refused("1500", |plan| {
        plan.hosts[2].docker.daemon.insert("mtu".to_owned(), json!(1500));
    });
}

#[test]
fn a_tree_that_nobody_chose_is_refused() {
    refused("host4", |plan| plan.tree_mut().unwrap().root = plan.hosts[3].name.clone());
    refused("host4", |plan| plan.hosts[3].mesh_bridge.priority = Some(0));
    refused("max_age: 40", |plan| plan.tree_mut().unwrap().max_age = 40);
}
