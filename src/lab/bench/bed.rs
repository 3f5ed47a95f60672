//! [`Plan`] to [`Bed`]: what each host is told. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::measurement::Conditions;
use crate::plan::{HostPlan, Plan};
use crate::render::ovs::{bridge_settings, interface_settings, port_settings, tunnel_options};
use crate::render::rules::rules;

/// Most hosts: as many as an underlay of RFC 5737 has addresses, and some left.
pub const HOSTS_MAX: u16 = 250;

/// Bridge of each host that has its NIC: a datapath in user space sends tunnels only by a bridge of its own.
const UNDERLAY_BRIDGE: &str = "mi-under";
/// The underlay's NIC on each host.
const NIC: &str = "mi-nic";
/// Namespace of the switch that is the underlay, and its bridge.
pub(super) const SWITCH: &str = "switch";

/// BFD packets per second of all hosts together, and datagrams.
const PACKETS_PER_SECOND: u64 = 2500;

/// How often datagrams may cross a link in a second, all together. Each time takes a processor some 100 us in a datapath in user space, and two
/// processors that have no time left find links dead that are not.
const HOPS_PER_SECOND: u64 = 5000;

/// Milliseconds between two BFD packets where the plan's are too many.
const SLOWER_BFD_MS: [u32; 6] = [200, 300, 500, 1000, 2000, 3000];

/// Milliseconds between two datagrams of a pair of hosts.
const PACES_MS: [u32; 9] = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000];

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The root of the tree loses its power; with direct, the first host
    RootDown,
    /// Another host loses its power, the last that is not the root
    HostDown,
    /// Each host is cut off from each: the mesh can't get whole, and the figures must say so
    UnderlayDown,
}

/// Which timers a tree has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Timers {
    /// Those of the plan
    Planned,
    /// Open vSwitch's own; root and stand-in are the plan's all the same
    Default,
}

/// What is to be measured besides what the plan says.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub fault: Fault,
    pub timers: Timers,
    /// The least between two BFD packets, milliseconds: longer than the plan's, and where there would be too many of them longer still.
    pub bfd_ms: u32,
    /// How long the mesh may take to get whole.
    pub deadline: Duration,
}

/// All that one run needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bed {
    pub conditions: Conditions,
    pub hosts: Vec<BedHost>,
    /// Lines for `ip -batch`: a network namespace for each host and one for the switch.
    pub namespaces: String,
    /// Lines for `ip -n switch -batch`: the underlay.
    pub underlay: String,
    /// Words for `ip` that are the fault; a host whose power is cut is killed besides.
    pub fault: Vec<String>,
    /// Place in `hosts` of the one that dies.
    pub victim: Option<usize>,
    pub pace_ms: u32,
    pub deadline_seconds: u64,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BedHost {
    pub name: String,
    /// Its network namespace.
    pub namespace: String,
    /// The mesh's bridge; its own port has the address.
    pub bridge: String,
    /// In the mesh: that of its docker0.
    pub address: Ipv4Addr,
    /// Lines for `ip -n NAMESPACE -batch` before Open vSwitch has started, and after.
    pub before: String,
    pub after: String,
    /// One transaction of ovs-vsctl.
    pub transaction: Vec<String>,
    /// What `ovs-ofctl bundle` reads.
    pub rules: Option<String>,
    /// Its tunnels, and the place in `hosts` that each leads to.
    pub ports: Vec<(String, usize)>,
}

/// What hosts are told so that `wish` can be measured on `plan`.
///
/// # Errors
/// A sentence that says why this plan cannot be measured.
pub fn bed(plan: &Plan, wish: Wish) -> Result<Bed, String> {
    let hosts = plan.hosts.len();
    if !(2..=usize::from(HOSTS_MAX)).contains(&hosts) {
        return Err(format!("{hosts} hosts cannot be measured on one machine; 2 to {HOSTS_MAX} can"));
    }
    if plan
        .hosts
        .iter()
        .any(|host| host.address.is_ipv6() != plan.hosts[0].address.is_ipv6())
    {
        return Err("hosts with IPv4 and with IPv6 addresses cannot be measured together".to_owned());
    }
    let planned_bfd = bfd_ms(plan);
    let mut plan = plan.clone();
    on_own_underlay(&mut plan);
    slow_down_bfd(&mut plan, wish.bfd_ms);
    let victim = victim(&plan, wish.fault);
    let survivors = hosts - usize::from(victim.is_some());
    let conditions = Conditions {
        hosts,
        survivors,
        fabric: plan
            .tree()
            .map_or("direct", |tree| match tree.protocol {
                crate::spec::LoopProtection::Rstp => "rstp",
                crate::spec::LoopProtection::Stp => "stp",
            })
            .to_owned(),
        topology: plan.topology.kind.to_owned(),
        links: plan.links.len(),
        timers: plan.tree().map(|_| wish.timers),
        bfd_ms: bfd_ms(&plan),
        planned_bfd_ms: planned_bfd,
        pace_ms: pace_ms(&plan),
        fault: wish.fault,
        fault_in_words: in_words(&plan, wish.fault, victim),
    };
    Ok(Bed {
        namespaces: namespaces(&plan),
        underlay: underlay(&plan),
        fault: match (victim, wish.fault) {
            (Some(place), _) => words(&["-n", SWITCH, "link", "set", "dev", &switch_port(&plan.hosts[place]), "down"]),
            (None, _) => words(&["-n", SWITCH, "link", "set", "dev", SWITCH, "down"]),
        },
        hosts: plan.hosts.iter().map(|host| bed_host(&plan, host, wish.timers)).collect(),
        victim,
        pace_ms: conditions.pace_ms,
        deadline_seconds: wish.deadline.as_secs(),
        conditions,
    })
}

/// The same for any plan: what its hosts' addresses are is no matter in a network of its own, and this one needs no routes.
fn on_own_underlay(plan: &mut Plan) {
    let addresses: std::collections::BTreeMap<_, _> = plan.hosts.iter().map(|host| (host.name.clone(), own_address(host))).collect();
    for host in &mut plan.hosts {
        host.address = own_address(host);
        for port in &mut host.mesh_bridge.ports {
            port.remote = addresses.get(&port.peer).copied().unwrap_or(port.remote);
        }
    }
}

/// RFC 5737 and RFC 3849.
fn own_address(host: &HostPlan) -> IpAddr {
    let number = u8::try_from(host.number).unwrap_or(u8::MAX);
    match host.address {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, number).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

/// The shortest time between two BFD packets of a link.
fn bfd_ms(plan: &Plan) -> Option<u32> {
    ends(plan).filter_map(|port| port.bfd.map(|bfd| bfd.interval_ms)).min()
}

fn ends(plan: &Plan) -> impl Iterator<Item = &crate::plan::TunnelPort> {
    plan.hosts.iter().flat_map(|host| &host.mesh_bridge.ports)
}

fn slow_down_bfd(plan: &mut Plan, wish: u32) {
    let rate = |least: u32| -> u64 {
        let bfds = ends(plan).filter_map(|port| port.bfd);
        bfds.map(|bfd| 1000 / u64::from(bfd.interval_ms.max(least).max(1))).sum()
    };
    let least = [0]
        .into_iter()
        .chain(SLOWER_BFD_MS)
        .find(|least| rate(*least) <= PACKETS_PER_SECOND);
    let least = least.unwrap_or(SLOWER_BFD_MS[SLOWER_BFD_MS.len() - 1]);
    let ports = plan.hosts.iter_mut().flat_map(|host| &mut host.mesh_bridge.ports);
    for bfd in ports.filter_map(|port| port.bfd.as_mut()) {
        bfd.interval_ms = bfd.interval_ms.max(least).max(wish);
    }
}

/// Milliseconds between two datagrams from one host to another, so that all together are not too many.
fn pace_ms(plan: &Plan) -> u32 {
    let hosts = plan.hosts.len() as u64;
    let pairs = hosts * (hosts - 1);
    // From the root to the farthest host: by the root it is up to twice that, between most hosts about that.
    let hops = plan.tree().map_or(1, |tree| u64::from(tree.depth_after_failure.max(1)));
    let fits = |pace: &u32| {
        let rate = pairs * 1000 / u64::from(*pace);
        rate <= PACKETS_PER_SECOND && rate * hops <= HOPS_PER_SECOND
    };
    PACES_MS.into_iter().find(fits).unwrap_or(PACES_MS[PACES_MS.len() - 1])
}

fn victim(plan: &Plan, fault: Fault) -> Option<usize> {
    let head = plan.head();
    match fault {
        Fault::RootDown => plan.hosts.iter().position(|host| host.name == *head),
        Fault::HostDown => plan.hosts.iter().rposition(|host| host.name != *head),
        Fault::UnderlayDown => None,
    }
}

fn in_words(plan: &Plan, fault: Fault, victim: Option<usize>) -> String {
    match (fault, victim) {
        (Fault::RootDown, _) => format!("{} loses its power", plan.head_as_subject()),
        (_, Some(place)) => format!("{} loses its power", plan.hosts[place].name),
        (_, None) => "all hosts are cut off from each other".to_owned(),
    }
}

fn namespace(host: &HostPlan) -> String {
    format!("host{}", host.number)
}

/// The switch's port to a host.
fn switch_port(host: &HostPlan) -> String {
    format!("to{}", host.number)
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn namespaces(plan: &Plan) -> String {
    let hosts = plan.hosts.iter().map(|host| format!("netns add {}\n", namespace(host)));
    hosts.chain([format!("netns add {SWITCH}\n")]).collect()
}

fn underlay(plan: &Plan) -> String {
    let mtu = plan.mtu.underlay;
    // It would ask who listens to which multicast, which is traffic in the quiet.
    let mut lines = format!("link add name {SWITCH} mtu {mtu} type bridge mcast_snooping 0\nlink set dev {SWITCH} addrgenmode none up\n");
    for host in &plan.hosts {
        let (port, namespace) = (switch_port(host), namespace(host));
        lines += &format!("link add name {port} mtu {mtu} type veth peer name {NIC} mtu {mtu} netns {namespace}\n");
        lines += &format!("link set dev {port} master {SWITCH} addrgenmode none up\n");
    }
    lines
}

fn bed_host(plan: &Plan, host: &HostPlan, timers: Timers) -> BedHost {
    let bridge = &host.mesh_bridge;
    let name = &bridge.name;
    // What a host has no IPv6 address on sends nothing of itself.
    let before = format!("link set dev lo up\nlink set dev {NIC} addrgenmode none up\n");
    let (length, no_detection) = if host.address.is_ipv4() { (24, "") } else { (64, " nodad") };
    let mut after = format!(
        "link set dev {UNDERLAY_BRIDGE} addrgenmode none up\naddress add {}/{length} dev {UNDERLAY_BRIDGE}{no_detection}\n",
        host.address
    );
    after += &format!(
        "link set dev {name} addrgenmode none up\naddress add {}/{} dev {name}\n",
        host.container_bridge.address, host.container_bridge.prefix_length
    );
    // So that nobody has to ask, by broadcasts, who has which address.
    for peer in plan.hosts.iter().filter(|peer| peer.number != host.number) {
        let (address, mac) = (peer.container_bridge.address, peer.mesh_bridge.mac);
        after += &format!("neighbour add {address} lladdr {mac} dev {name} nud permanent\n");
    }
    let place = |port: &crate::plan::TunnelPort| plan.hosts.iter().position(|peer| peer.name == port.peer);
    BedHost {
        name: host.name.to_string(),
        namespace: namespace(host),
        bridge: name.to_string(),
        address: host.container_bridge.address,
        before,
        after,
        transaction: transaction(plan, host, timers),
        rules: rules(plan, host).map(|rules| rules.bundle()),
        ports: bridge
            .ports
            .iter()
            .filter_map(|port| Some((port.name.to_string(), place(port)?)))
            .collect(),
    }
}

/// The settings that [`Timers::Default`] leaves to Open vSwitch.
fn is_timer(word: &str) -> bool {
    ["-hello-time=", "-max-age=", "-forward-delay=", "-transmit-hold-count="]
        .iter()
        .any(|timer| word.contains(timer))
}

fn transaction(plan: &Plan, host: &HostPlan, timers: Timers) -> Vec<String> {
    let bridge = &host.mesh_bridge;
    let name = bridge.name.as_str();
    let mtu = |bytes: u16| format!("mtu_request={bytes}");
    let mut all = words(&[
        "add-br",
        UNDERLAY_BRIDGE,
        "--",
        "set",
        "bridge",
        UNDERLAY_BRIDGE,
        "datapath_type=netdev",
    ]);
    all.extend(words(&[
        "--",
        "add-port",
        UNDERLAY_BRIDGE,
        NIC,
        "--",
        "set",
        "interface",
        UNDERLAY_BRIDGE,
        &mtu(plan.mtu.underlay),
    ]));
    all.extend(words(&["--", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev"]));
    let settings = bridge_settings(bridge, plan).into_iter();
    all.extend(settings.filter(|word| timers == Timers::Planned || !is_timer(word)));
    let revalidator = format!("other_config:max-revalidator={}", bridge.max_revalidator_ms);
    all.extend(words(&[
        "--",
        "set",
        "interface",
        name,
        &mtu(plan.mtu.mesh),
        "--",
        "set",
        "Open_vSwitch",
        ".",
        &revalidator,
    ]));
    for port in &bridge.ports {
        let tunnel = port.name.as_str();
        all.extend(words(&["--", "add-port", name, tunnel, "--", "set", "port", tunnel]));
        all.extend(port_settings(port, plan).split_whitespace().map(str::to_owned));
        all.extend(words(&["--", "set", "interface", tunnel, &format!("type={}", port.kind)]));
        all.extend(tunnel_options(port).split_whitespace().map(str::to_owned));
        all.extend(interface_settings(port).split_whitespace().map(str::to_owned));
    }
    all
}

#[cfg(test)]
#[path = "bed_tests.rs"]
mod tests;
