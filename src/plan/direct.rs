//! The direct fabric: numbers, keys, and through which hosts a frame may go when its direct link is dead.

use std::collections::{BTreeMap, BTreeSet};

use super::{DirectFabric, Path};

/// Bits of a host's number in a tunnel's key: two numbers and two bits for relayed frames make 24, and so many has the key of VXLAN and Geneve
/// (RFC 7348 section 5, RFC 8926 section 3.4).
const NUMBER_BITS: u32 = 11;

/// The highest number that a host can have; 0 is nobody's.
pub const HOST_NUMBER_MAX: u16 = (1 << NUMBER_BITS) - 1;

/// What holds for the whole fabric. Forgetting after 300 s is 802.1D-2004 table 7-5's and Open vSwitch's own default; 16384 addresses are twice
/// what Open vSwitch's bridges remember, a kilobyte each. Two relays take the place of a dead link even when one host, or another link, is dead
/// besides, and keep the rules proportional to the number of hosts.
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
    /// By a relay whose own link to the destination is dead.
    RelayedAgain,
}

impl KeyPart {
    /// The bits of a key that it has.
    pub fn mask(self) -> u32 {
        let number = u32::from(HOST_NUMBER_MAX);
        match self {
            Self::Relayed => 1,
            Self::RelayedAgain => 1 << (2 * NUMBER_BITS + 1),
            Self::Destination => number << 1,
            Self::Origin => number << (NUMBER_BITS + 1),
        }
    }

    /// The first and the last of these bits.
    pub fn bits(self) -> (u32, u32) {
        (self.mask().trailing_zeros(), u32::BITS - 1 - self.mask().leading_zeros())
    }
}

/// The key of a frame: from the lowest bit on whether it goes through another host, 11 bits for the host it is for, 11 for the one it comes from, and
/// whether it goes through a second one; `relays` are how many it goes through, at most 2.
pub fn key(origin: u16, destination: u16, relays: u8) -> u32 {
    let bit = |set: bool, part: KeyPart| if set { part.mask() } else { 0 };
    u32::from(origin) << (NUMBER_BITS + 1)
        | u32::from(destination) << 1
        | bit(relays > 0, KeyPart::Relayed)
        | bit(relays > 1, KeyPart::RelayedAgain)
}

/// The number of a host as it stands in keys; a validated file and lock have none above [`HOST_NUMBER_MAX`].
pub(super) fn number(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Who is linked to whom.
pub(super) struct Ways {
    /// Per number of a host those of the hosts that it is linked to.
    linked: BTreeMap<u16, BTreeSet<u16>>,
}

impl Ways {
    /// `links` join places of hosts, which have these `numbers`.
    pub fn new(numbers: &[u16], links: &[[usize; 2]]) -> Self {
        let mut linked: BTreeMap<u16, BTreeSet<u16>> = numbers.iter().map(|number| (*number, BTreeSet::new())).collect();
        for ends in links {
            let [a, b] = ends.map(|place| numbers[place]);
            linked.entry(a).or_default().insert(b);
            linked.entry(b).or_default().insert(a);
        }
        Self { linked }
    }

    /// The ways from host `own` to each other host, by number.
    ///
    /// Relays are taken in a circle from the host's own number on. So the relay of a host's relay is never that host again, which had to send to it for
    /// its own link is dead, where three others have a link to the destination; and hosts that miss the same one do not all load the same relay.
    pub fn paths(&self, own: u16) -> Vec<Path> {
        let others = self.linked.keys().copied().filter(|to| *to != own);
        let path = |to| Path {
            to,
            linked: self.are_linked(own, to),
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
        let circle = self
            .peers(own)
            .filter(move |peer| *peer > own)
            .chain(self.peers(own).filter(move |peer| *peer < own));
        circle.filter(move |relay| self.are_linked(*relay, to))
    }
}

/// How many hosts or links, any, may be lost, and the others still reach each other, where each of `hosts` hosts is linked to each: a frame goes by its own
/// link, by a relay, or by a relay's relay, and finds two of these dead.
pub fn survived_by_full_mesh(hosts: usize) -> u32 {
    u32::try_from(hosts.saturating_sub(2)).map_or(2, |others| others.min(2))
}

/// What a pair of hosts lacks, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// No link, and no host that both have a link to. A relay may have another way, and nobody counts on it.
    Reach,
    /// A link: the sender can't know whether a relay's link to the destination is dead.
    Link,
    /// A host to go through when their link is dead.
    Relay,
}

/// The pair of places of hosts that lacks most, the first of several; `None` where each pair has a link and a relay. `links` join places of `hosts` hosts.
pub fn weakest(hosts: usize, links: &[[usize; 2]]) -> Option<(Lack, [usize; 2])> {
    // What is lacking does not depend on numbers.
    let numbers: Vec<u16> = (1..).take(hosts).map(number).collect();
    let ways = Ways::new(&numbers, links);
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
        let parts = [KeyPart::Origin, KeyPart::Destination, KeyPart::Relayed, KeyPart::RelayedAgain].map(KeyPart::mask);
        assert_eq!(parts, [0x7f_f000, 0xffe, 1, 0x80_0000]);
        assert_eq!(parts.iter().fold(0, |all, part| all ^ part), 0xff_ffff);
        assert_eq!(KeyPart::Origin.bits(), (12, 22));
        assert_eq!(key(HOST_NUMBER_MAX, 0, 0), KeyPart::Origin.mask());
        assert_eq!(key(0, HOST_NUMBER_MAX, 1), KeyPart::Destination.mask() | KeyPart::Relayed.mask());
        assert_eq!([key(1, 2, 0), key(1, 2, 1), key(1, 2, 2)], [0x1004, 0x1005, 0x80_1005]);
    }

    /// Each pair has relays, neither of them an end; over all pairs no host is one more often than others.
    #[test]
    fn relays_are_spread() {
        for hosts in 2..=12_u8 {
            let plan = plan(&direct(hosts)).unwrap();
            let mut firsts: BTreeMap<u16, usize> = BTreeMap::new();
            for host in &plan.hosts {
                assert_eq!(host.mesh_bridge.paths.len(), usize::from(hosts - 1));
                for path in &host.mesh_bridge.paths {
                    let own = host.number as u16;
                    assert_eq!(path.relays.len(), usize::from(hosts - 2).min(FABRIC.relays));
                    assert!(path.relays.iter().all(|relay| *relay != own && *relay != path.to));
                    if let Some(first) = path.relays.first() {
                        *firsts.entry(*first).or_default() += 1;
                    }
                }
            }
            assert!(
                hosts < 3 || firsts.values().all(|count| *count == usize::from(hosts - 1)),
                "{hosts}: {firsts:?}"
            );
        }
    }

    /// As groups would have it, of which each knows its own links alone: whether a frame gets from `from` to `to` with these links dead.
    fn arrives(ways: &Ways, dead: &[[u16; 2]], from: u16, to: u16) -> bool {
        let alive = |a: u16, b: u16| ways.are_linked(a, b) && !dead.contains(&[a.min(b), a.max(b)]);
        let next = |at: u16| match alive(at, to) {
            true => Some(to),
            false => ways.between(at, to).take(FABRIC.relays).find(|relay| alive(at, *relay)),
        };
        let Some(first) = next(from) else { return false };
        let Some(second) = (if first == to { Some(to) } else { next(first) }) else {
            return false;
        };
        // Not back to where it came from, and a second relay looks for none itself.
        second == to || (second != from && alive(second, to))
    }

    /// Of a full mesh any two links or hosts may be lost, of three hosts any one; the loss of a host is that of its links, and nobody asks for it.
    #[test]
    fn a_full_mesh_survives_what_it_is_said_to() {
        for hosts in 3..=7_u16 {
            let all: Vec<[usize; 2]> = (0..hosts.into()).flat_map(|a| (a + 1..hosts.into()).map(move |b| [a, b])).collect();
            let numbers: Vec<u16> = (1..=hosts).collect();
            let ways = Ways::new(&numbers, &all);
            let links: Vec<[u16; 2]> = all.iter().map(|link| link.map(|place| numbers[place])).collect();
            let cut = links.iter().map(|link| (None, vec![*link]));
            let killed = (1..=hosts).map(|host| (Some(host), links.iter().copied().filter(|link| link.contains(&host)).collect()));
            let faults: Vec<(Option<u16>, Vec<[u16; 2]>)> = cut.chain(killed).collect();
            let whole = |gone: &[Option<u16>], dead: &[[u16; 2]]| {
                let left: Vec<u16> = (1..=hosts).filter(|host| !gone.contains(&Some(*host))).collect();
                let mut pairs = left.iter().flat_map(|from| left.iter().map(move |to| (*from, *to)));
                pairs.all(|(from, to)| from == to || arrives(&ways, dead, from, to))
            };
            assert!(faults.iter().all(|(gone, dead)| whole(&[*gone], dead)), "{hosts}");
            let mut two = faults.iter().flat_map(|one| faults.iter().map(move |other| (one, other)));
            let survived = two.all(|(one, other)| whole(&[one.0, other.0], &[one.1.as_slice(), &other.1].concat()));
            assert_eq!(survived, survived_by_full_mesh(hosts.into()) == 2, "{hosts}");
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
            Ways::new(&[1, 2, 3, 4, 5], &hub).paths(2)[1],
            Path {
                to: 3,
                linked: false,
                relays: vec![1]
            }
        );
    }

    /// By a lock numbers have gaps, and are in no order.
    #[test]
    fn numbers_have_gaps() {
        let all = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
        let ways = Ways::new(&[7, 2000, 3, 40], &all);
        let shown = |own| -> Vec<(u16, Vec<u16>)> { ways.paths(own).into_iter().map(|path| (path.to, path.relays)).collect() };
        assert_eq!(shown(7), [(3, vec![40, 2000]), (40, vec![2000, 3]), (2000, vec![40, 3])]);
        assert_eq!(shown(2000), [(3, vec![7, 40]), (7, vec![3, 40]), (40, vec![3, 7])]);
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
