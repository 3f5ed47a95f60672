//! Probe `loop-free` in a direct fabric: each bridge has the planned rules and no others, and each host reaches each.

use std::collections::BTreeMap;

use super::loop_free::bridge;
use super::{Facts, Probe, Subject, UNKNOWN_HELP, Verdict, never_empty, on};
use crate::machine::facts::{Found, RuleFacts};
use crate::machine::openvswitch::Bridge;
use crate::plan::{HostPlan, Path, Plan};
use crate::render::rules::rules;
use crate::spec::HostName;

const RULES_HELP: &str = "on the host: `ovs-ofctl --no-stats dump-flows br0` and `ovs-ofctl dump-groups br0` have what the bridge forwards by; \
                          `systemctl reload-or-restart meshimg-mesh` puts the planned rules there, and `journalctl -u ovs-vswitchd` says \
                          why a start of it did not";
const PAIRS_HELP: &str = "on the hosts: `ovs-appctl bfd/show`; a frame goes through another host where the sender's own link to the \
                          destination is dead, through a second one where that host's is dead too, and no further (docs/fabric.md)";

/// The rules of each host, what was learnt by them apart, and the pairs of hosts between which frames get through.
pub fn direct(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    let mut bridges = BTreeMap::new();
    let mut verdicts = Vec::new();
    for host in &plan.hosts {
        match bridge(host, facts) {
            Ok(bridge) => {
                bridges.insert(host.number, bridge);
                let found = facts.get(&host.name).map_or(&Found::default(), |facts| &facts.rules).clone();
                verdicts.push(judge(plan, host, found.known()));
            }
            Err(why) => verdicts.push(Verdict::red(Probe::LoopFree, on(&host.name), why, UNKNOWN_HELP)),
        }
    }
    if bridges.len() == plan.hosts.len() {
        verdicts.push(pairs(plan, &bridges));
    }
    never_empty(Probe::LoopFree, verdicts)
}

fn judge(plan: &Plan, host: &HostPlan, found: Result<&RuleFacts, &str>) -> Verdict {
    let red = |summary: String, help| Verdict::red(Probe::LoopFree, on(&host.name), summary, help);
    let (planned, found) = match (rules(plan, host), found) {
        (Some(planned), Ok(found)) => (RuleFacts::from(&planned), found),
        (None, _) => return red("no rules are planned".to_owned(), RULES_HELP),
        (_, Err(why)) => return red(format!("rules: {why}"), UNKNOWN_HELP),
    };
    let missing: Vec<&String> = planned.all().filter(|rule| !found.has(rule)).collect();
    let extra: Vec<&String> = found.all().filter(|rule| !planned.has(rule)).collect();
    let said = |what: &str, rules: &[&String]| {
        let first = rules.first()?;
        Some(match rules.len() {
            1 => format!("a rule is {what}: {first}"),
            count => format!("{count} rules are {what}, among them: {first}"),
        })
    };
    match (said("missing", &missing), said("not planned", &extra)) {
        (None, None) => {
            let summary = format!("{} rules and {} groups as planned", found.flows.len(), found.groups.len());
            Verdict::green(Probe::LoopFree, on(&host.name), summary)
        }
        (Some(one), Some(other)) => red(format!("{one}; {other}"), RULES_HELP),
        (Some(one), None) | (None, Some(one)) => red(one, RULES_HELP),
    }
}

/// How a frame gets to where it is for.
enum Reached {
    Directly,
    Relayed,
    No(String),
}

fn pairs(plan: &Plan, bridges: &BTreeMap<u32, &Bridge>) -> Verdict {
    let name = |number: u16| {
        let host = plan.hosts.iter().find(|host| host.number == u32::from(number));
        host.map_or_else(|| format!("host number {number}"), |host| host.name.to_string())
    };
    let (mut pairs, mut relayed, mut lost) = (0, Vec::new(), Vec::new());
    for host in &plan.hosts {
        for path in &host.mesh_bridge.paths {
            pairs += 1;
            match reached(plan, bridges, host, path) {
                Reached::Directly => {}
                Reached::Relayed => relayed.push(format!("{} to {}", host.name, name(path.to))),
                Reached::No(why) => lost.push(format!("{} does not reach {}: {why}", host.name, name(path.to))),
            }
        }
    }
    if pairs == 0 || !lost.is_empty() {
        let summary = if pairs == 0 {
            "no host has a path".to_owned()
        } else {
            lost.join("; ")
        };
        return Verdict::red(Probe::LoopFree, Subject::Cluster, summary, PAIRS_HELP);
    }
    let how = match relayed.len() {
        0 => "all directly".to_owned(),
        _ => format!("through another host {}", relayed.join(", ")),
    };
    let summary = format!("each host reaches each other, {how}");
    Verdict::green(Probe::LoopFree, Subject::Cluster, summary).measured(f64::from(pairs), "paths")
}

/// As the bridges' groups would have it: the sender takes the first port that is alive, and does not know of what comes after.
fn reached(plan: &Plan, bridges: &BTreeMap<u32, &Bridge>, host: &HostPlan, path: &Path) -> Reached {
    let alive = |from: u32, to: u16| {
        let planned = plan.hosts.iter().find(|host| host.number == from);
        let port = planned.and_then(|host| host.mesh_bridge.ports.iter().find(|port| port.number == Some(to)));
        let found = port.and_then(|port| bridges.get(&from)?.ports.get(port.name.as_str()));
        found.is_some_and(|found| found.interface.bfd_status.get("forwarding").is_some_and(|word| word == "true"))
    };
    if alive(host.number, path.to) {
        return Reached::Directly;
    }
    let own = if path.linked {
        "its own link is dead"
    } else {
        "it has no link of its own"
    };
    let relay_of = |from: u32, relays: &[u16]| relays.iter().copied().find(|relay| alive(from, *relay));
    let Some(relay) = relay_of(host.number, &path.relays) else {
        return Reached::No(format!("{own}, and those to all relays are dead"));
    };
    if alive(relay.into(), path.to) {
        return Reached::Relayed;
    }
    // The relay sends to one of its own, and that one to the destination or nowhere. Nobody sends back.
    let planned = plan.hosts.iter().find(|host| host.number == u32::from(relay));
    let its_path = planned.and_then(|host| host.mesh_bridge.paths.iter().find(|own| own.to == path.to));
    let another = its_path.and_then(|path| relay_of(relay.into(), &path.relays));
    match another.filter(|another| u32::from(*another) != host.number) {
        Some(another) if alive(another.into(), path.to) => Reached::Relayed,
        Some(another) => Reached::No(format!(
            "{own}, and so are those of hosts number {relay} and {another}, through which frames would go"
        )),
        None => Reached::No(format!("{own}, and that of host number {relay}, through which it sends, is dead")),
    }
}
