//! Tests of [`super`].

use super::*;
use crate::machine::facts::Found;
use crate::machine::sample;

/// Has the sample's hosts say what their paths to the root cost.
fn facts(plan: &Plan, costs: [&str; 3]) -> BTreeMap<HostName, Facts> {
    let mut facts = sample::facts(plan);
    for (facts, cost) in facts.values_mut().zip(costs) {
        let Found::Known(ovs) = &mut facts.ovs else { unreachable!() };
        let bridge = ovs.bridges.get_mut("br0").unwrap();
        bridge.status.insert("stp_root_path_cost".to_owned(), cost.to_owned());
        bridge.rstp_status.insert("rstp_root_path_cost".to_owned(), cost.to_owned());
    }
    facts
}

fn port<'a>(facts: &'a mut BTreeMap<HostName, Facts>, host: &str, port: &str) -> &'a mut Port {
    let facts = facts.get_mut(&host.parse::<HostName>().unwrap()).unwrap();
    let Found::Known(ovs) = &mut facts.ovs else { unreachable!() };
    ovs.bridges.get_mut("br0").unwrap().ports.get_mut(port).unwrap()
}

#[test]
fn the_planned_tree_is_recognised_under_both_protocols() {
    let mut plan = sample::plan();
    assert_eq!(not_as_planned(&plan, &facts(&plan, ["0", "2000", "2000"])), None);
    plan.tree_mut().unwrap().protocol = LoopProtection::Stp;
    assert_eq!(not_as_planned(&plan, &facts(&plan, ["0", "2000", "2000"])), None);
}

#[test]
fn another_tree_than_the_planned_one_is_not_settled() {
    let plan = sample::plan();
    // gre1 was cut and healed, but host2 still goes by host3: one root, all links up, and a tree.
    let mut detour = facts(&plan, ["0", "4000", "2000"]);
    let states = [
        ("host1", "gre1", "Discarding"),
        ("host2", "gre1", "Discarding"),
        ("host3", "gre3", "Forwarding"),
    ];
    for (host, link, state) in states {
        let port = port(&mut detour, host, link);
        port.rstp_status.insert("rstp_port_state".into(), state.into());
    }
    assert_eq!(
        not_as_planned(&plan, &detour).as_deref(),
        Some("host2: the path to the root costs 4000, planned 2000")
    );
}

#[test]
fn a_port_that_does_not_forward_yet_is_not_settled() {
    let plan = sample::plan();
    for (role, state, wrong) in [
        ("Designated", "Discarding", true),
        ("Root", "Learning", true),
        ("Designated", "Forwarding", false),
        ("Alternate", "Discarding", false),
    ] {
        let mut moving = facts(&plan, ["0", "2000", "2000"]);
        let status = &mut port(&mut moving, "host2", "gre3").rstp_status;
        status.insert("rstp_port_role".into(), role.into());
        status.insert("rstp_port_state".into(), state.into());
        let said = not_as_planned(&plan, &moving).unwrap_or_default();
        let expected = format!("host2: gre3 has the role {role} and does not forward yet");
        assert_eq!(said.contains(&expected), wrong, "{role} {state}: {said}");
    }
    let mut stp = plan;
    stp.tree_mut().unwrap().protocol = LoopProtection::Stp;
    let mut moving = facts(&stp, ["0", "2000", "2000"]);
    let status = port(&mut moving, "host2", "gre3");
    status.rstp_status.clear();
    status.status.insert("stp_role".into(), "designated".into());
    status.status.insert("stp_state".into(), "listening".into());
    let said = not_as_planned(&stp, &moving).unwrap_or_default();
    assert!(said.contains("host2: gre3 has the role designated"), "{said}");
}

#[test]
fn a_link_that_stays_down_is_not_settled() {
    let plan = sample::plan();
    let mut down = facts(&plan, ["0", "2000", "2000"]);
    let status = &mut port(&mut down, "host1", "gre1").interface.bfd_status;
    status.insert("state".into(), "down".into());
    let said = not_as_planned(&plan, &down).unwrap();
    assert!(said.starts_with("bfd (host1 -> host2): gre1 on host1: state"), "{said}");
}

#[test]
fn a_host_that_says_nothing_is_not_settled() {
    let plan = sample::plan();
    let mut silent = facts(&plan, ["0", "2000", "2000"]);
    silent.insert("host3".parse().unwrap(), Facts::unknown("not reached: timed out"));
    let said = not_as_planned(&plan, &silent).unwrap();
    assert!(said.contains("host3: the path to the root costs unknown, planned 2000"), "{said}");
}

#[test]
fn the_link_that_is_tried_carries_traffic_and_can_be_replaced() {
    let plan = sample::plan();
    let mut facts = sample::facts(&plan);
    let found = |facts: &BTreeMap<HostName, Facts>| link_in_use(&plan, facts).map(|found| found.link.name.to_string());
    assert_eq!(found(&facts).as_deref(), Some("gre1"));
    // Blocked at one end is enough: gre3 in the sample is, and gre1 now.
    port(&mut facts, "host2", "gre1")
        .rstp_status
        .insert("rstp_port_state".into(), "Discarding".into());
    assert_eq!(found(&facts).as_deref(), Some("gre2"));
    port(&mut facts, "host3", "gre2").rstp_status.clear();
    assert_eq!(found(&facts), None);
}

#[test]
fn a_link_without_another_path_is_told_from_one_with() {
    let mut plan = sample::plan();
    let facts = sample::facts(&plan);
    assert!(link_in_use(&plan, &facts).unwrap().replaceable);
    // host3 hangs by gre2 alone, then host2 by gre1 alone too.
    plan.links.retain(|link| link.name.as_str() != "gre3");
    assert!(!link_in_use(&plan, &facts).unwrap().replaceable);
}
