//! Which hosts are linked, and what the links are called.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Link, TunnelPort};
use crate::spec::{Bfd, HostSpec, InterfaceName, InvalidName, Lock, Tunnel, link_key};

/// Path cost of every link, the same everywhere: the default of a tunnel port changed from release to release (10 Mbit/s to 10 Gbit/s
/// in Open vSwitch 3.1), and hosts that disagree would build a tree that nobody chose. 20000 is 1 Gbit/s in IEEE 802.1D-2004 table 17-3.
pub const RSTP_PATH_COST: u32 = 20_000;

/// The same for STP: 1 Gbit/s in IEEE 802.1D-1998 table 8-5.
pub const STP_PATH_COST: u32 = 4;

/// What link names begin with.
pub fn link_prefix(tunnel: Tunnel) -> &'static str {
    match tunnel {
        Tunnel::Gre => "gre",
        Tunnel::Vxlan => "vxlan",
        Tunnel::Geneve => "geneve",
    }
}

/// Value of Open vSwitch's `type` column (ovs-vswitchd.conf.db(5)): GRE over IPv6 is a type of its own.
pub fn port_kind(tunnel: Tunnel, address: IpAddr) -> &'static str {
    match (tunnel, address) {
        (Tunnel::Gre, IpAddr::V4(_)) => "gre",
        (Tunnel::Gre, IpAddr::V6(_)) => "ip6gre",
        (Tunnel::Vxlan, _) => "vxlan",
        (Tunnel::Geneve, _) => "geneve",
    }
}

/// Open vSwitch's default for `max-revalidator`, milliseconds (ovs-vswitchd.conf.db(5)).
pub const DEFAULT_MAX_REVALIDATOR_MS: u32 = 500;

/// The least that it takes.
const LEAST_MAX_REVALIDATOR_MS: u32 = 100;

/// How often Open vSwitch is to count the packets of its flows: two thirds of the shortest time in which BFD takes a link for dead, and
/// its default without BFD.
///
/// As it counts, it learns the MAC address of each flow with new packets on the port they came from. Where the last ones before a link died are
/// counted only after the spanning tree has had that port's addresses forgotten, the address is learnt on the dead port again, and what
/// goes there is lost until its owner happens to send something. How often that is: docs/bench.md.
pub fn max_revalidator_ms(ports: &[TunnelPort]) -> u32 {
    let detection = |bfd: Bfd| bfd.interval_ms.saturating_mul(u32::from(bfd.multiplier));
    let shortest = ports.iter().filter_map(|port| port.bfd.map(detection)).min();
    shortest.map_or(DEFAULT_MAX_REVALIDATOR_MS, |shortest| {
        (shortest / 3 * 2).clamp(LEAST_MAX_REVALIDATOR_MS, DEFAULT_MAX_REVALIDATOR_MS)
    })
}

/// The last number of a link: with `geneve`, the longest prefix, it makes a name of 15 characters, the longest (IFNAMSIZ, `linux/if.h`).
pub const LINK_NUMBER_MAX: u32 = 999_999_999;

/// The number of each of these pairs of places of hosts: that of the lock where it knows the pair, else the next one, from 1 on (the kernel owns
/// gre0). A number is given a second time only when there is no other.
fn numbers(hosts: &[HostSpec], pairs: &[[usize; 2]], lock: Option<&Lock>) -> Vec<u32> {
    let Some(lock) = lock else {
        return (1..).take(pairs.len()).collect();
    };
    let known: Vec<Option<u32>> = pairs
        .iter()
        .map(|[a, b]| lock.links.get(&link_key(&hosts[*a].name, &hosts[*b].name)).copied())
        .collect();
    let used: BTreeSet<u32> = known.iter().flatten().copied().collect();
    let mut free = (lock.next_link..=LINK_NUMBER_MAX)
        .chain(1..lock.next_link)
        .filter(|number| !used.contains(number));
    known
        .into_iter()
        .map(|known| known.or_else(|| free.next()).unwrap_or(u32::MAX))
        .collect()
}

/// A link, the places of its two hosts, and its number.
pub struct Numbered {
    pub number: u32,
    pub places: [usize; 2],
    pub link: Link,
}

/// The links between the `pairs` of places, in the order of their numbers. Without a lock they are numbered in the order of the pairs: in a full
/// mesh the link of hosts 1 and 2 is the first.
///
/// # Errors
/// When the number makes the name too long for an interface, which takes millions of links.
pub fn links(hosts: &[HostSpec], pairs: &[[usize; 2]], tunnel: Tunnel, lock: Option<&Lock>) -> Result<Vec<Numbered>, InvalidName> {
    let mut numbered: Vec<(u32, [usize; 2])> = numbers(hosts, pairs, lock).into_iter().zip(pairs.iter().copied()).collect();
    // The files of hosts do not depend on where a host stands in the list.
    numbered.sort_by_key(|(number, _)| *number);
    let link = |(number, places): (u32, [usize; 2])| {
        let name: InterfaceName = format!("{}{number}", link_prefix(tunnel)).parse()?;
        let hosts = places.map(|place| hosts[place].name.clone());
        let link = Link { name, hosts };
        Ok(Numbered { number, places, link })
    };
    numbered.into_iter().map(link).collect()
}
