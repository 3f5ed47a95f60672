//! How many bytes a tunnel takes from the underlay's MTU.

use std::net::IpAddr;

use super::{MtuPlan, Overhead};
use crate::spec::{Fabric, Tunnel};

const INNER_ETHERNET: Overhead = Overhead {
    header: "inner Ethernet",
    bytes: 14,
    source: "IEEE 802.3 clause 3: two addresses and the type",
};
const OUTER_IPV4: Overhead = Overhead {
    header: "outer IPv4",
    bytes: 20,
    source: "RFC 791 section 3.1, no options",
};
const OUTER_IPV6: Overhead = Overhead {
    header: "outer IPv6",
    bytes: 40,
    source: "RFC 8200 section 3",
};
const GRE: Overhead = Overhead {
    header: "GRE",
    bytes: 4,
    source: "RFC 2784 section 2, no checksum; RFC 2890 key and sequence unused",
};
const GRE_KEY: Overhead = Overhead {
    header: "GRE key",
    bytes: 4,
    source: "RFC 2890 section 2.1",
};
const UDP: Overhead = Overhead {
    header: "UDP",
    bytes: 8,
    source: "RFC 768",
};
const VXLAN: Overhead = Overhead {
    header: "VXLAN",
    bytes: 8,
    source: "RFC 7348 section 5",
};
const GENEVE: Overhead = Overhead {
    header: "Geneve",
    bytes: 8,
    source: "RFC 8926 section 3.4, no options",
};

/// The headers of a frame on the underlay between hosts with addresses like `address`, outermost first.
pub fn overhead(tunnel: Tunnel, fabric: Fabric, address: IpAddr) -> Vec<Overhead> {
    let outer = if address.is_ipv4() { OUTER_IPV4 } else { OUTER_IPV6 };
    match tunnel {
        // Origin and destination are in the key; that of VXLAN and Geneve is a part of their header.
        Tunnel::Gre if fabric == Fabric::Direct => vec![outer, GRE, GRE_KEY, INNER_ETHERNET],
        Tunnel::Gre => vec![outer, GRE, INNER_ETHERNET],
        Tunnel::Vxlan => vec![outer, UDP, VXLAN, INNER_ETHERNET],
        Tunnel::Geneve => vec![outer, UDP, GENEVE, INNER_ETHERNET],
    }
}

/// The MTU inside the mesh for an underlay of `underlay` bytes; one value for all hosts.
pub fn mtu(underlay: u16, tunnel: Tunnel, fabric: Fabric, address: IpAddr) -> MtuPlan {
    let overhead = overhead(tunnel, fabric, address);
    let taken: u16 = overhead.iter().map(|part| part.bytes).sum();
    MtuPlan {
        underlay,
        overhead,
        mesh: underlay.saturating_sub(taken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mesh_mtu_is_the_underlay_mtu_less_every_header() {
        let four: IpAddr = "192.0.2.1".parse().unwrap();
        let six: IpAddr = "2001:db8::1".parse().unwrap();
        let mesh = |tunnel, address| mtu(1500, tunnel, Fabric::SpanningTree, address).mesh;
        assert_eq!(mesh(Tunnel::Gre, four), 1462);
        assert_eq!(mesh(Tunnel::Gre, six), 1442);
        assert_eq!(mesh(Tunnel::Vxlan, four), 1450);
        assert_eq!(mesh(Tunnel::Vxlan, six), 1430);
        assert_eq!(mesh(Tunnel::Geneve, four), 1450);
        assert_eq!(mesh(Tunnel::Geneve, six), 1430);
        let keyed = |tunnel, address| mtu(1500, tunnel, Fabric::Direct, address).mesh;
        assert_eq!(keyed(Tunnel::Gre, four), 1458);
        assert_eq!(keyed(Tunnel::Gre, six), 1438);
        assert_eq!(keyed(Tunnel::Vxlan, four), 1450);
        assert_eq!(keyed(Tunnel::Geneve, six), 1430);
    }
}
