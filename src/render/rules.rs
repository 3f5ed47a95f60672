//! The rules of a direct fabric, in the words of ovs-ofctl(8) and ovs-actions(7), each as Open vSwitch prints it, so that what a bridge has can be
//! compared. docs/fabric.md explains them. A host makes its own from [`Numbers`], by the script `mesh-rules`; tests hold that to what is here.
//!
//! Host numbers are the numbers of ports and of groups. For each host that there is a link to there are four rules and a group, for each other one a rule and
//! a group, and some rules are always the same.

use serde::Serialize;

use crate::plan::direct::{KeyPart, key};
use crate::plan::{DirectFabric, FabricPlan, HostPlan, Path, Plan};

/// Where frames come from: the host itself, a peer, or nowhere that is known.
const ENTRY: u8 = 0;
/// Frames that came by their origin's own link: for this host, or to be passed on.
const FROM_ORIGIN: u8 = 1;
/// MAC addresses, learnt: the number of the host that each was seen on goes to register 1.
pub const LEARNT: u8 = 2;
/// Frames of this host, by what register 1 says.
const TO_HOSTS: u8 = 3;
/// Frames for this host: their origin is remembered.
const DELIVER: u8 = 4;

/// The rules of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// As `ovs-ofctl add-group` takes them.
    pub groups: Vec<String>,
    /// As `ovs-ofctl add-flow` takes them.
    pub flows: Vec<String>,
}

impl Rules {
    /// A file for `ovs-ofctl bundle`: in the place of what is there, all at once or not at all, what was learnt by it too.
    pub fn bundle(&self) -> String {
        let groups = self.groups.iter().map(|group| format!("group add {group}"));
        let flows = self.flows.iter().map(|flow| format!("flow add {flow}"));
        let lines = ["flow delete".to_owned(), "group delete".to_owned()].into_iter();
        lines.chain(groups).chain(flows).collect::<Vec<_>>().join("\n")
    }
}

/// The rules of `host`; `None` where the fabric is a spanning tree.
pub fn rules(plan: &Plan, host: &HostPlan) -> Option<Rules> {
    let FabricPlan::Direct(fabric) = &plan.fabric else { return None };
    let own = u16::try_from(host.number).ok()?;
    let paths = &host.mesh_bridge.paths;
    Some(Rules {
        groups: paths.iter().map(group).collect(),
        flows: [
            entry(fabric, own, paths),
            from_origin(own, paths),
            to_hosts(own, paths),
            vec![deliver(fabric)],
        ]
        .concat(),
    })
}

/// What the script `mesh-rules` makes a host's rules from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Numbers {
    pub own: u16,
    /// For each other host its number and those of the ports that lead there, its own first where there is a link: `1: 1 3 4`.
    pub paths: Vec<String>,
    /// Seconds.
    pub mac_age: u16,
    pub mac_limit: u32,
}

/// The numbers that the rules of `host` are made from; `None` where the fabric is a spanning tree.
pub fn numbers(plan: &Plan, host: &HostPlan) -> Option<Numbers> {
    let FabricPlan::Direct(fabric) = &plan.fabric else { return None };
    let line = |path: &Path| {
        let direct = path.linked.then_some(path.to);
        let ports = direct.iter().chain(&path.relays).map(|port| format!(" {port}"));
        format!("{}:{}", path.to, ports.collect::<String>())
    };
    Some(Numbers {
        own: u16::try_from(host.number).ok()?,
        paths: host.mesh_bridge.paths.iter().map(line).collect(),
        mac_age: fabric.mac_age,
        mac_limit: fabric.mac_limit,
    })
}

/// The first bucket whose port's BFD is up takes the frame: the direct link, then one of the relays. It has its key already. A relay takes frames that it is
/// to pass on to the same group: what goes through another host gets the bit for that, and what had that bit the one for a second time.
fn group(path: &Path) -> String {
    let (relayed, again) = (KeyPart::Relayed.bits().0, KeyPart::RelayedAgain.bits().0);
    let bucket = |port: u16, marks: &str| format!(",bucket=watch_port:{port},actions={marks}output:{port}");
    let marks = format!("move:NXM_NX_TUN_ID[{relayed}]->NXM_NX_TUN_ID[{again}],load:0x1->NXM_NX_TUN_ID[{relayed}],");
    let direct = if path.linked { bucket(path.to, "") } else { String::new() };
    let relays: String = path.relays.iter().map(|relay| bucket(*relay, &marks)).collect();
    format!("group_id={},type=ff{direct}{relays}", path.to)
}

/// A match of some parts of the key of a frame from `origin` for `destination`; 0 where that part is not compared.
fn tunnel(parts: &[KeyPart], origin: u16, destination: u16, relays: u8) -> String {
    let mask = parts.iter().fold(0, |mask, part| mask | part.mask());
    format!("tun_id={:#x}/{mask:#x}", key(origin, destination, relays) & mask)
}

/// Notes for the source of a frame on which host it is (register 0), until it has been silent for long enough: the timeout is not that of the last frame
/// for the address, and starts anew with each frame from it.
fn learn(fabric: &DirectFabric) -> String {
    format!(
        "learn(table={LEARNT},hard_timeout={},priority=1,limit={},NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],\
         load:NXM_NX_REG0[]->NXM_NX_REG1[])",
        fabric.mac_age, fabric.mac_limit
    )
}

fn entry(fabric: &DirectFabric, own: u16, paths: &[Path]) -> Vec<String> {
    use KeyPart::{Destination, Origin, Relayed, RelayedAgain};
    let mut flows = vec![
        // Nobody has a group address, and who claims one must not be learnt (IEEE 802.3 clause 3.2.3).
        format!("table={ENTRY},priority=400,dl_src=01:00:00:00:00:00/01:00:00:00:00:00 actions=drop"),
        // What a bridge never forwards (802.1D-2004 7.12.6).
        format!("table={ENTRY},priority=400,dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0 actions=drop"),
        // An address of this host is no longer looked for elsewhere.
        format!(
            "table={ENTRY},priority=300,in_port=LOCAL actions=load:{own:#x}->NXM_NX_REG0[],{},resubmit(,{LEARNT}),resubmit(,{TO_HOSTS})",
            learn(fabric)
        ),
    ];
    flows.extend(paths.iter().filter(|path| path.linked).map(|path| {
        let tunnel = tunnel(&[Origin], path.to, 0, 0);
        format!(
            "table={ENTRY},priority=200,{tunnel},in_port={} actions=resubmit(,{FROM_ORIGIN})",
            path.to
        )
    }));
    let claims_to_be_us = tunnel(&[Origin], own, 0, 0);
    flows.push(format!("table={ENTRY},priority=150,{claims_to_be_us} actions=drop"));
    // By another host's link only what that host has passed on.
    let relayed = tunnel(&[Destination, Relayed], 0, own, 1);
    flows.push(format!("table={ENTRY},priority=100,{relayed} actions=resubmit(,{DELIVER})"));
    // Or has a relay passed on that has no link to its destination either: to that, and nowhere else.
    flows.extend(paths.iter().filter(|path| path.linked).map(|path| {
        let again = tunnel(&[Destination, Relayed, RelayedAgain], 0, path.to, 2);
        format!("table={ENTRY},priority=100,{again} actions=output:{}", path.to)
    }));
    flows.push(format!("table={ENTRY},priority=0 actions=drop"));
    flows
}

/// A frame to be passed on goes to the group of its destination: by that one's own link it does not come by its origin's, so nobody passes it on again; by another
/// relay's it has the mark with which that one sends it to its destination alone.
fn from_origin(own: u16, paths: &[Path]) -> Vec<String> {
    let parts = [KeyPart::Destination, KeyPart::Relayed, KeyPart::RelayedAgain];
    let direct = tunnel(&parts, 0, own, 0);
    let mut flows = vec![format!("table={FROM_ORIGIN},priority=200,{direct} actions=resubmit(,{DELIVER})")];
    flows.extend(paths.iter().filter(|path| path.linked).map(|path| {
        let relayed = tunnel(&parts, 0, path.to, 1);
        format!("table={FROM_ORIGIN},priority=100,{relayed} actions=group:{}", path.to)
    }));
    flows
}

/// To the host of a known address; broadcasts, multicasts and what is for an unknown address once to each host.
fn to_hosts(own: u16, paths: &[Path]) -> Vec<String> {
    let mut flows: Vec<String> = paths
        .iter()
        .map(|path| format!("table={TO_HOSTS},priority=200,reg1={:#x} actions={}", path.to, send(own, path)))
        .collect();
    flows.push(format!("table={TO_HOSTS},priority=200,reg1={own:#x} actions=drop"));
    let all: Vec<String> = paths.iter().map(|path| send(own, path)).collect();
    flows.push(format!("table={TO_HOSTS},priority=100 actions={}", all.join(",")));
    flows
}

fn send(own: u16, path: &Path) -> String {
    format!("load:{:#x}->NXM_NX_TUN_ID[],group:{}", key(own, path.to, 0), path.to)
}

fn deliver(fabric: &DirectFabric) -> String {
    let (first, last) = KeyPart::Origin.bits();
    format!(
        "table={DELIVER},priority=100 actions=move:NXM_NX_TUN_ID[{first}..{last}]->NXM_NX_REG0[0..{}],{},LOCAL",
        last - first,
        learn(fabric)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::cluster;
    use crate::spec::{Fabric, Spec};

    fn direct(hosts: usize) -> Plan {
        let addresses: Vec<String> = (1..=hosts)
            .map(|host| format!("198.51.{}.{}", host / 200, 1 + host % 200))
            .collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let mut spec = Spec {
            fabric: Fabric::Direct,
            ..cluster(&addresses)
        };
        spec.subnet = "10.0.0.0/8".parse().unwrap();
        plan(&spec).unwrap()
    }

    #[test]
    fn the_rules_of_the_second_of_four_hosts() {
        let plan = direct(4);
        insta::assert_snapshot!(rules(&plan, &plan.hosts[1]).unwrap().bundle());
    }

    #[test]
    fn a_pair_of_hosts_has_no_relay() {
        let plan = direct(2);
        let rules = rules(&plan, &plan.hosts[0]).unwrap();
        assert_eq!(rules.groups, ["group_id=2,type=ff,bucket=watch_port:2,actions=output:2"]);
    }

    #[test]
    fn numbers_name_the_ports_in_the_order_of_the_buckets() {
        let mut plan = direct(4);
        plan.hosts[1].mesh_bridge.paths[1].linked = false;
        let numbers = numbers(&plan, &plan.hosts[1]).unwrap();
        assert_eq!(numbers.paths, ["1: 1 3 4", "3: 4 1", "4: 4 3 1"]);
        assert_eq!((numbers.own, numbers.mac_age, numbers.mac_limit), (2, 300, 16_384));
    }

    /// Not only their number: the one rule that names all hosts is as long as there are hosts.
    #[test]
    fn rules_grow_with_the_number_of_hosts() {
        let size = |hosts: usize| {
            let plan = direct(hosts);
            let rules = rules(&plan, &plan.hosts[0]).unwrap();
            (rules.groups.len() + rules.flows.len(), rules.bundle().len())
        };
        let ((few, small), (many, large)) = (size(20), size(200));
        assert_eq!((few, many), (19 * 5 + 10, 199 * 5 + 10));
        assert!(large < small * 12, "{small} {large}");
    }

    #[test]
    fn a_tree_has_no_rules() {
        let plan = plan(&cluster(&["192.0.2.1", "192.0.2.2"])).unwrap();
        assert_eq!(rules(&plan, &plan.hosts[0]), None);
        assert_eq!(numbers(&plan, &plan.hosts[0]), None);
    }
}
