//! Tests of [`super`].

use super::*;
use crate::machine::probe::Probe;
use crate::machine::sample;

fn name(name: &str) -> HostName {
    name.parse().unwrap()
}

/// A plan of that many hosts; only their names matter here.
fn plan(hosts: u32) -> Plan {
    let mut plan = sample::plan();
    let pattern = plan.hosts[0].clone();
    let host = |number: u32| {
        let mut host = pattern.clone();
        host.name = name(&format!("host{number}"));
        host
    };
    plan.hosts = (1..=hosts).map(host).collect();
    plan
}

/// What container-ping says where exactly these pairs reach each other.
fn verdicts(sides: &Sides, reached: impl Fn(&HostName, &HostName) -> bool) -> Vec<Verdict> {
    let all: Vec<&HostName> = sides.with_root.iter().chain(&sides.without).collect();
    let mut verdicts = vec![Verdict::green(
        Probe::ContainerPing,
        Subject::Host { host: name("host1") },
        "in its slice",
    )];
    for from in &all {
        for to in all.iter().filter(|to| *to != from) {
            let subject = Subject::Pair {
                from: (*from).clone(),
                to: (*to).clone(),
            };
            verdicts.push(match reached(from, to) {
                true => Verdict::green(Probe::ContainerPing, subject, "reached"),
                false => Verdict::red(Probe::ContainerPing, subject, "no reply", ""),
            });
        }
    }
    verdicts
}

#[test]
fn any_cluster_has_two_sides() {
    let sides = |hosts| Sides::of(&plan(hosts));
    assert_eq!(sides(2).text(), "host1 | host2");
    assert_eq!(sides(3).text(), "host1 | host2, host3");
    assert_eq!(sides(4).text(), "host1, host2 | host3, host4");
    assert_eq!(sides(2).inside(), None);
    assert_eq!(sides(4).inside(), Some([&name("host3"), &name("host4")]));
    let mut other_root = plan(4);
    other_root.tree_mut().unwrap().root = name("host3");
    assert_eq!(Sides::of(&other_root).text(), "host3, host1 | host2, host4");
}

#[test]
fn two_sides_are_apart_when_exactly_those_inside_reach_each_other() {
    let sides = Sides::of(&plan(4));
    let inside = |from: &HostName, to: &HostName| sides.with_root.contains(from) == sides.with_root.contains(to);
    assert_eq!(sides.wrong(&verdicts(&sides, inside)), None);
}

#[test]
fn a_cut_that_did_nothing_is_noticed() {
    let sides = Sides::of(&plan(4));
    let said = sides.wrong(&verdicts(&sides, |_, _| true)).unwrap();
    assert_eq!(said.lines().count(), 8, "{said}");
    assert!(said.starts_with("host1 reaches host3 on the other side"), "{said}");
}

#[test]
fn a_side_that_is_not_whole_in_itself_is_noticed() {
    let sides = Sides::of(&plan(4));
    let said = sides
        .wrong(&verdicts(&sides, |from, to| from == &name("host1") && to == &name("host2")))
        .unwrap();
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(said.contains("host2 does not reach host1 on its own side: no reply"), "{said}");
    assert_eq!(sides.wrong(&[]).as_deref(), Some("nothing was tried across"));
}
