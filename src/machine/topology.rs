//! How the links stand, from what the hosts say of their ports: for the report's drawing and its list.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use super::openvswitch::{Bridge, Port, parse_bridge_id};
use super::probe::loop_free::{forwards, identifiers};
use super::report::{LinkState, Topology, TopologyLink};
use crate::plan::{Link, Plan};
use crate::spec::{HostName, LoopProtection};

/// What one end says of its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Forwards,
    Discards,
    Down,
    Unknown,
}

/// The links of `plan` as `facts` have them, in the order of the plan. A host without facts makes unknown what only it could say.
pub fn topology(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Topology {
    Topology {
        direct: plan.tree().is_none(),
        root: plan.tree().and_then(|tree| root(plan, tree.protocol, facts)),
        links: plan.links.iter().map(|link| topology_link(plan, facts, link)).collect(),
    }
}

fn topology_link(plan: &Plan, facts: &BTreeMap<HostName, Facts>, link: &Link) -> TopologyLink {
    let ends = [0, 1].map(|index| end(plan, facts, &link.hosts[index], link));
    TopologyLink {
        name: link.name.to_string(),
        ends: link.hosts.clone(),
        state: link_state(ends),
    }
}

/// One end that sees it down is enough: frames have to pass both.
fn link_state(ends: [End; 2]) -> LinkState {
    if ends.contains(&End::Down) {
        LinkState::Down
    } else if ends.contains(&End::Discards) {
        LinkState::Blocked
    } else if ends.contains(&End::Unknown) {
        LinkState::Unknown
    } else {
        LinkState::Forwarding
    }
}

fn end(plan: &Plan, facts: &BTreeMap<HostName, Facts>, host: &HostName, link: &Link) -> End {
    // Without an answer of Open vSwitch nothing is known; an answer without the bridge or its port is one.
    let Some(Ok(ovs)) = facts.get(host).map(|facts| facts.ovs.known()) else {
        return End::Unknown;
    };
    let planned = plan.hosts.iter().find(|planned| planned.name == *host);
    let bridge = planned.and_then(|planned| ovs.bridges.get(planned.mesh_bridge.name.as_str()));
    let Some(port) = bridge.and_then(|bridge| bridge.ports.get(link.name.as_str())) else {
        return End::Down;
    };
    if is_down(port) {
        End::Down
    } else if plan.tree().is_none_or(|tree| forwards(port, tree.protocol)) {
        End::Forwards
    } else {
        End::Discards
    }
}

/// BFD's session says whether the peer is heard (ovs-vswitchd.conf.db(5), `bfd_status`); without BFD there is the carrier only.
fn is_down(port: &Port) -> bool {
    let interface = &port.interface;
    let session = interface.bfd_status.get("state").is_some_and(|state| state != "up");
    session || interface.link_state.as_deref() == Some("down")
}

/// The host that all bridges which could be asked take for the root; `None` if they disagree, or it is none of the plan.
fn root(plan: &Plan, protocol: LoopProtection, facts: &BTreeMap<HostName, Facts>) -> Option<HostName> {
    let seen = |bridge: &Bridge| {
        let (_, root) = identifiers(bridge, protocol);
        Some(parse_bridge_id(root?)?.1)
    };
    let mut roots = BTreeSet::new();
    for host in &plan.hosts {
        let Some(Ok(ovs)) = facts.get(&host.name).map(|facts| facts.ovs.known()) else {
            continue;
        };
        roots.insert(ovs.bridges.get(host.mesh_bridge.name.as_str()).and_then(seen)?);
    }
    let only = roots.pop_first().filter(|_| roots.is_empty())?;
    let host = plan.hosts.iter().find(|host| host.mesh_bridge.mac.to_string() == only)?;
    Some(host.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::facts::Found;
    use crate::machine::openvswitch::OpenVSwitch;
    use crate::machine::sample;

    fn states(topology: &Topology) -> Vec<(&str, LinkState)> {
        topology.links.iter().map(|link| (link.name.as_str(), link.state)).collect()
    }

    fn bridge<'a>(facts: &'a mut BTreeMap<HostName, Facts>, host: &str) -> &'a mut Bridge {
        let facts = facts.get_mut(&host.parse::<HostName>().unwrap()).unwrap();
        let Found::Known(OpenVSwitch { bridges, .. }) = &mut facts.ovs else {
            panic!("no facts");
        };
        bridges.get_mut("br0").unwrap()
    }

    fn root_of(topology: &Topology) -> Option<&str> {
        topology.root.as_ref().map(HostName::as_str)
    }

    #[test]
    fn a_healthy_mesh_is_a_tree_and_a_link_in_reserve() {
        use LinkState::{Blocked, Forwarding};
        for protocol in [LoopProtection::Rstp, LoopProtection::Stp] {
            let mut plan = sample::plan();
            plan.tree_mut().unwrap().protocol = protocol;
            let found = topology(&plan, &sample::facts(&plan));
            assert_eq!(root_of(&found), Some("host1"), "{protocol:?}");
            assert_eq!(states(&found), [("gre1", Forwarding), ("gre2", Forwarding), ("gre3", Blocked)]);
            assert_eq!(found.links[2].ends, plan.links[2].hosts);
        }
    }

    #[test]
    fn one_end_that_is_down_or_gone_takes_the_link_down() {
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        let gre1 = bridge(&mut facts, "host2").ports.get_mut("gre1").unwrap();
        gre1.interface.bfd_status.insert("state".into(), "down".into());
        bridge(&mut facts, "host3").ports.remove("gre2");
        let carrier = bridge(&mut facts, "host2").ports.get_mut("gre3").unwrap();
        carrier.interface.bfd_status.clear();
        carrier.interface.link_state = Some("down".into());
        let found = topology(&plan, &facts);
        assert!(found.links.iter().all(|link| link.state == LinkState::Down), "{found:?}");
    }

    #[test]
    fn a_host_that_says_nothing_leaves_open_what_only_it_knows() {
        use LinkState::{Blocked, Forwarding, Unknown};
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        facts.insert("host2".parse().unwrap(), Facts::unknown("not reached"));
        let found = topology(&plan, &facts);
        assert_eq!(states(&found), [("gre1", Unknown), ("gre2", Forwarding), ("gre3", Blocked)]);
        assert_eq!(root_of(&found), Some("host1"));
        let found = topology(&plan, &BTreeMap::new());
        assert!(
            found.links.iter().all(|link| link.state == Unknown) && found.root.is_none(),
            "{found:?}"
        );
    }

    #[test]
    fn a_root_that_is_disputed_or_not_planned_is_none() {
        let plan = sample::plan();
        let status = |id: &str| BTreeMap::from([("rstp_root_id".to_owned(), id.to_owned())]);
        let mut facts = sample::facts(&plan);
        bridge(&mut facts, "host3").rstp_status = status("8.000.020000000003");
        assert_eq!(topology(&plan, &facts).root, None);
        for host in ["host1", "host2", "host3"] {
            bridge(&mut facts, host).rstp_status = status("0.000.0200000000ff");
        }
        assert_eq!(topology(&plan, &facts).root, None);
        bridge(&mut facts, "host1").rstp_status.clear();
        assert_eq!(topology(&plan, &facts).root, None);
    }
}
