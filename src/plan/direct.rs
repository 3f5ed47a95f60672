//! The direct fabric: numbers, keys, and through which hosts a frame may go when its direct link is dead.

use std::collections::{BTreeMap, BTreeSet};

use super::{DirectFabric, Path};

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

/// The number of a host as it stands in keys; a validated file and lock have none above [`HOST_NUMBER_MAX`].
pub(super) fn number(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Who is linked to whom, and from where the relays of a pair are taken.
pub(super) struct Ways {
    /// Per number of a host those of the hosts that it is linked to.
    linked: BTreeMap<u16, BTreeSet<u16>>,
    circle: usize,
}

impl Ways {
    /// `links` join places of hosts, which have these `numbers`; `circle` is that of a lock, without which it is the number of hosts.
    pub fn new(numbers: &[u16], links: &[[usize; 2]], circle: Option<u16>) -> Self {
        let mut linked: BTreeMap<u16, BTreeSet<u16>> = numbers.iter().map(|number| (*number, BTreeSet::new())).collect();
        for ends in links {
            let [a, b] = ends.map(|place| numbers[place]);
            linked.entry(a).or_default().insert(b);
            linked.entry(b).or_default().insert(a);
        }
        let circle = circle.map_or(numbers.len(), usize::from).max(1);
        Self { linked, circle }
    }

    /// The ways from host `own` to each other host, by number.
    ///
    /// Both ends choose the same relays: a path there and one back over different ones would fail when either of them does. They are
    /// taken in a circle from a number that is another one for each pair, so that a dead link does not load the same host for all. With a lock that
    /// number does not depend on who comes or goes.
    pub fn paths(&self, own: u16) -> Vec<Path> {
        let others = self.linked.keys().copied().filter(|to| *to != own);
        let path = |to| Path {
            to,
            linked: self.peers(own).any(|peer| peer == to),
            relays: self.between(own, to).take(FABRIC.relays).collect(),
        };
        others.map(path).collect()
    }

    fn peers(&self, own: u16) -> impl Iterator<Item = u16> {
        self.linked.get(&own).into_iter().flatten().copied()
    }

    fn are_linked(&self, own: u16, to: u16) -> bool {
        self.linked.get(&own).is_some_and(|peers| peers.contains(&to))
    }

    /// The hosts that have a link to both, in the order in which they serve as relays.
    fn between(&self, own: u16, to: u16) -> impl Iterator<Item = u16> {
        let start = (usize::from(own) + usize::from(to)) % self.circle + 1;
        let start = u16::try_from(start).unwrap_or(u16::MAX);
        let circle = self
            .peers(own)
            .filter(move |peer| *peer >= start)
            .chain(self.peers(own).filter(move |peer| *peer < start));
        circle.filter(move |relay| self.are_linked(*relay, to))
    }
}

/// What a pair of hosts lacks, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// No link, and no host that both have a link to: a frame is passed on only once.
    Reach,
    /// A link: the sender can't know whether a relay's link to the destination is dead.
    Link,
    /// A host to go through when their link is dead.
    Relay,
}

/// The pair of places of hosts that lacks most, the first of several; `None` where each pair has a link and a relay. `links` join places of `hosts` hosts.
pub fn weakest(hosts: usize, links: &[[usize; 2]]) -> Option<(Lack, [usize; 2])> {
    // What is lacking does not depend on numbers.
    let numbers: Vec<u16> = (0..hosts).map(place_as_number).collect();
    let ways = Ways::new(&numbers, links, None);
    let lack = |a: usize, b: usize| {
        let (from, to) = (numbers[a], numbers[b]);
        match (ways.are_linked(from, to), ways.between(from, to).next().is_some()) {
            (true, true) => None,
            (true, false) => Some(Lack::Relay),
            (false, true) => Some(Lack::Link),
            (false, false) => Some(Lack::Reach),
        }
    };
    let pairs = (0..hosts).flat_map(|a| (a + 1..hosts).map(move |b| [a, b]));
    pairs.filter_map(|[a, b]| Some((lack(a, b)?, [a, b]))).min()
}

fn place_as_number(place: usize) -> u16 {
    u16::try_from(place + 1).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
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
    fn a_pair_lacks_a_link_or_a_relay_or_both() {
        let ring = |hosts: usize| -> Vec<[usize; 2]> { (0..hosts).map(|host| [host, (host + 1) % hosts]).collect() };
        assert_eq!(weakest(2, &[[0, 1]]), Some((Lack::Relay, [0, 1])));
        assert_eq!(weakest(3, &ring(3)), None);
        assert_eq!(weakest(4, &ring(4)), Some((Lack::Link, [0, 2])));
        assert_eq!(weakest(5, &ring(5)), Some((Lack::Link, [0, 2])));
        assert_eq!(weakest(6, &ring(6)), Some((Lack::Reach, [0, 3])));
        let hub: Vec<[usize; 2]> = (1..5).map(|host| [0, host]).collect();
        assert_eq!(weakest(5, &hub), Some((Lack::Link, [1, 2])));
        assert_eq!(
            Ways::new(&[1, 2, 3, 4, 5], &hub, None).paths(2)[1],
            Path {
                to: 3,
                linked: false,
                relays: vec![1]
            }
        );
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
