//! The direct fabric: numbers, keys, and through which hosts a frame may go when its direct link is dead.

use super::{DirectFabric, Path, TunnelPort};

/// Bits of a host's number in a tunnel's key: two numbers and the bit for relayed frames make 23, and the key of VXLAN and Geneve has 24
/// (RFC 7348 section 5, RFC 8926 section 3.4).
const NUMBER_BITS: u32 = 11;

/// The highest number that a host can have; 0 is nobody's.
pub const HOST_NUMBER_MAX: u16 = (1 << NUMBER_BITS) - 1;

/// What holds for the whole fabric. Forgetting after 300 s is 802.1D-2004 table 7-5's and Open vSwitch's own default; 16384 addresses are twice
/// what Open vSwitch's bridges remember, a kilobyte each. Two relays take the place of a dead link even when one host is dead besides,
/// and keep the rules proportional to the number of hosts.
pub const FABRIC: DirectFabric = DirectFabric {
    relays: 2,
    mac_age: 300,
    mac_limit: 16_384,
};

/// Which part of a key is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart {
    Origin,
    Destination,
    Relayed,
}

impl KeyPart {
    /// The bits of a key that it has.
    pub fn mask(self) -> u32 {
        let number = u32::from(HOST_NUMBER_MAX);
        match self {
            Self::Relayed => 1,
            Self::Destination => number << 1,
            Self::Origin => number << (NUMBER_BITS + 1),
        }
    }

    /// The first and the last of these bits.
    pub fn bits(self) -> (u32, u32) {
        (self.mask().trailing_zeros(), u32::BITS - 1 - self.mask().leading_zeros())
    }
}

/// The key of a frame: from the lowest bit on whether it was relayed, 11 bits for the host it is for, 11 for the one it comes from.
pub fn key(origin: u16, destination: u16, relayed: bool) -> u32 {
    u32::from(origin) << (NUMBER_BITS + 1) | u32::from(destination) << 1 | u32::from(relayed)
}

/// The number of the host at this place in the file; a validated file has no more than [`HOST_NUMBER_MAX`].
pub(super) fn number(place: usize) -> u16 {
    u16::try_from(place + 1).unwrap_or(u16::MAX)
}

/// The ways from host `own` to each host that one of `ports` leads to.
///
/// Both ends of a link choose the same relays: a path there and one back over different ones would fail when either of them does. They are
/// taken in a circle from a place that is another one for each pair, so that a dead link does not load the same host for all.
pub(super) fn paths(own: u32, ports: &[TunnelPort]) -> Vec<Path> {
    let own = u16::try_from(own).unwrap_or(u16::MAX);
    let peers: Vec<u16> = ports.iter().filter_map(|port| port.number).collect();
    let path = |to: &u16| Path {
        to: *to,
        relays: relays(own, *to, &peers),
    };
    peers.iter().map(path).collect()
}

fn relays(own: u16, to: u16, peers: &[u16]) -> Vec<u16> {
    let mut candidates: Vec<u16> = peers.iter().copied().filter(|peer| *peer != to).collect();
    candidates.sort_unstable();
    let count = candidates.len();
    let start = usize::from(own) + usize::from(to);
    let taken = 0..FABRIC.relays.min(count);
    taken.map(|step| candidates[(start + step) % count]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::cluster;
    use crate::spec::{Fabric, Spec};

    fn direct(hosts: u8) -> Spec {
        let addresses: Vec<String> = (1..=hosts).map(|host| format!("192.0.2.{host}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        Spec {
            fabric: Fabric::Direct,
            ..cluster(&addresses)
        }
    }

    #[test]
    fn a_key_has_its_parts_side_by_side_in_24_bits() {
        let parts = [KeyPart::Origin, KeyPart::Destination, KeyPart::Relayed].map(KeyPart::mask);
        assert_eq!(parts, [0x7f_f000, 0xffe, 1]);
        assert_eq!(parts.iter().fold(0, |all, part| all ^ part), 0x7f_ffff);
        assert_eq!(KeyPart::Origin.bits(), (12, 22));
        assert_eq!(key(HOST_NUMBER_MAX, 0, false), KeyPart::Origin.mask());
        assert_eq!(key(0, HOST_NUMBER_MAX, true), KeyPart::Destination.mask() | KeyPart::Relayed.mask());
        assert_eq!(key(1, 2, true), 0x1005);
    }

    /// Each pair has the same relays at both ends, none of them an end; over all pairs no host is one much more often than others.
    #[test]
    fn relays_are_the_same_at_both_ends_and_spread() {
        for hosts in 2..=12_u8 {
            let plan = plan(&direct(hosts)).unwrap();
            let mut firsts: BTreeMap<u16, usize> = BTreeMap::new();
            let paths: BTreeMap<(u16, u16), &Path> = plan
                .hosts
                .iter()
                .flat_map(|host| host.mesh_bridge.paths.iter().map(|path| ((host.number as u16, path.to), path)))
                .collect();
            assert_eq!(paths.len(), usize::from(hosts) * usize::from(hosts - 1));
            for ((own, to), path) in &paths {
                assert_eq!(path.relays, paths[&(*to, *own)].relays, "{own} {to}");
                assert_eq!(path.relays.len(), usize::from(hosts - 2).min(FABRIC.relays));
                assert!(path.relays.iter().all(|relay| relay != own && relay != to));
                firsts.extend(path.relays.first().map(|first| (*first, 0)));
            }
            for path in paths.values() {
                path.relays
                    .first()
                    .map(|first| firsts.entry(*first).and_modify(|count| *count += 1));
            }
            let (least, most) = (firsts.values().min(), firsts.values().max());
            assert!(
                hosts < 3 || (firsts.len() == usize::from(hosts) && most.unwrap() <= &(least.unwrap() * 3)),
                "{hosts}: {firsts:?}"
            );
        }
    }

    #[test]
    fn a_direct_fabric_has_no_tree() {
        let plan = plan(&direct(3)).unwrap();
        assert!(plan.tree().is_none());
        assert_eq!(plan.head().as_str(), "host1");
        assert_eq!(plan.mtu.mesh, 1458);
        let bridge = &plan.hosts[1].mesh_bridge;
        assert_eq!(bridge.priority, None);
        let ports: Vec<_> = bridge.ports.iter().map(|port| (port.number, port.path_cost)).collect();
        assert_eq!(ports, [(Some(1), None), (Some(3), None)]);
    }
}
