//! Which hosts are linked, and what the links are called.

use std::net::IpAddr;

use super::Link;
use crate::spec::{Fabric, HostSpec, InterfaceName, InvalidName, Topology, Tunnel};

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

/// All links, numbered from 1 (the kernel owns gre0) in the order of the hosts: the link of hosts 1 and 2 is the first.
///
/// # Errors
/// When the number makes the name too long for an interface, which takes millions of links.
pub fn links(hosts: &[HostSpec], topology: Topology, fabric: Fabric, tunnel: Tunnel) -> Result<Vec<Link>, InvalidName> {
    let Fabric::SpanningTree = fabric;
    let pairs: Vec<[usize; 2]> = match topology {
        Topology::Full => (0..hosts.len()).flat_map(|a| (a + 1..hosts.len()).map(move |b| [a, b])).collect(),
    };
    let link = |(index, [a, b]): (usize, [usize; 2])| {
        let name: InterfaceName = format!("{}{}", link_prefix(tunnel), index + 1).parse()?;
        Ok(Link {
            name,
            hosts: [hosts[a].name.clone(), hosts[b].name.clone()],
        })
    };
    pairs.into_iter().enumerate().map(link).collect()
}
