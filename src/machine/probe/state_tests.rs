//! Each state probe is green for a healthy mesh, and red as soon as one thing it checks is different.

mod config;
mod direct;
mod hosts;
mod mesh;

use std::collections::BTreeMap;

use super::*;
use crate::machine::facts::{Boot, CloudInit, Found};
use crate::machine::openvswitch::{Bridge, Port};
use crate::machine::sample;
use crate::spec::{LoopProtection, OpenVSwitchSource};

type AllFacts = BTreeMap<HostName, Facts>;
type StateProbe = fn(&Plan, &AllFacts) -> Vec<Verdict>;

fn stp_plan() -> Plan {
    let mut plan = sample::plan();
    plan.tree_mut().unwrap().protocol = LoopProtection::Stp;
    plan.tree_mut().unwrap().transmit_hold_count = None;
    plan
}

fn default_boot(plan: &Plan, facts: &AllFacts) -> Vec<Verdict> {
    boot(plan, facts, &BootLimits::default())
}

/// Applies `change` to the facts of the healthy mesh of `plan` and returns what is red then.
fn reds_of(plan: &Plan, probe: StateProbe, change: impl FnOnce(&mut AllFacts)) -> Vec<String> {
    let healthy = sample::facts(plan);
    assert!(
        probe(plan, &healthy).iter().all(|verdict| verdict.state == State::Green),
        "{:#?}",
        probe(plan, &healthy)
    );
    let mut facts = healthy;
    change(&mut facts);
    let verdicts = probe(plan, &facts);
    let reds = verdicts.iter().filter(|verdict| verdict.is_red());
    reds.map(|verdict| format!("{}: {}", verdict.subject, verdict.summary)).collect()
}

fn reds(probe: StateProbe, change: impl FnOnce(&mut AllFacts)) -> Vec<String> {
    reds_of(&sample::plan(), probe, change)
}

/// Exactly one verdict is red and says `text`.
#[track_caller]
fn one(reds: &[String], text: &str) {
    assert_eq!(reds, [text.to_owned()]);
}

fn at<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Facts {
    facts.get_mut(&host.parse::<HostName>().unwrap()).unwrap()
}

fn known<T>(found: &mut Found<T>) -> &mut T {
    match found {
        Found::Known(value) => value,
        Found::Unknown(why) => panic!("{why}"),
    }
}

fn br0<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Bridge {
    known(&mut at(facts, host).ovs).bridges.get_mut("br0").unwrap()
}

fn port<'a>(facts: &'a mut AllFacts, host: &str, name: &str) -> &'a mut Port {
    br0(facts, host).ports.get_mut(name).unwrap()
}

fn boot_of<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Boot {
    known(&mut at(facts, host).boot)
}

fn cloud_init_of<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut CloudInit {
    known(&mut boot_of(facts, host).cloud_init)
}

fn set(map: &mut BTreeMap<String, String>, key: &str, value: &str) {
    map.insert(key.to_owned(), value.to_owned());
}

const STATE_PROBES: [(Probe, StateProbe); 10] = [
    (Probe::Ovs, ovs),
    (Probe::Tunnels, tunnels),
    (Probe::Bfd, bfd),
    (Probe::LoopFree, loop_free),
    (Probe::Docker0, docker0),
    (Probe::Docker, docker),
    (Probe::Unique, unique),
    (Probe::Quiet, quiet),
    (Probe::Persistence, persistence),
    (Probe::Boot, default_boot),
];

#[test]
fn all_are_green_for_a_healthy_mesh_of_each_fabric() {
    for plan in [sample::plan(), stp_plan(), sample::direct_plan()] {
        let verdicts = state(&plan, &sample::facts(&plan), &BootLimits::default());
        assert!(verdicts.iter().all(|verdict| verdict.state == State::Green), "{verdicts:#?}");
        for (probe, _) in STATE_PROBES {
            assert!(verdicts.iter().any(|verdict| verdict.probe == probe), "{probe}");
        }
    }
}

#[test]
fn a_host_that_was_not_reached_is_red_in_every_probe() {
    let plan = sample::plan();
    for (name, probe) in STATE_PROBES {
        let unknown = reds(probe, |facts| *at(facts, "host2") = Facts::unknown("not reached: timed out"));
        assert!(
            !unknown.is_empty() && unknown.iter().all(|text| text.contains("not reached: timed out")),
            "{name}: {unknown:?}"
        );
        let absent = reds(probe, |facts| drop(facts.remove(&plan.hosts[1].name)));
        assert!(
            !absent.is_empty() && absent.iter().all(|text| text.contains("no facts were gathered")),
            "{name}: {absent:?}"
        );
    }
}

#[test]
fn a_plan_without_hosts_and_links_is_red_in_every_probe() {
    let mut plan = sample::plan();
    plan.hosts.clear();
    plan.links.clear();
    for (name, probe) in STATE_PROBES {
        let verdicts = probe(&plan, &AllFacts::new());
        assert!(
            verdicts.len() == 1 && verdicts[0].is_red() && verdicts[0].probe == name,
            "{name}: {verdicts:?}"
        );
    }
}
