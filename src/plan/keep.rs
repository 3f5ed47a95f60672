//! Links that hosts have are kept when others come and go: which links a mesh with a lock has.
//!
//! Hosts are ranks here: those that have links in the lock by their numbers, then new ones in the order of the file, then those that are gone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::graph::Graph;
use super::mend;
use crate::spec::{Fabric, HostName, Lock, LockedTopology, SiteName, Spec, Topology};

/// Why the links of the lock are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anew {
    /// The file has another topology than the lock.
    OtherTopology,
    /// The links of the lock are not such a mesh: somebody has edited it, or a host's line was removed by hand.
    NotThatTopology,
    /// With the links that would be kept the tree is deeper than its protocol or the file's timers reach.
    TooDeep,
    /// That they survive what they are to survive can't be shown.
    NotShown,
}

/// Hosts of a file in the order in which their links are planned.
pub struct Ranks<'a> {
    /// Place in the file of each rank.
    pub places: Vec<usize>,
    /// Per host of the lock's links its rank, hosts that are gone after all others.
    known: BTreeMap<&'a HostName, usize>,
    /// Hosts of the file that have links in the lock.
    pub staying: usize,
}

impl<'a> Ranks<'a> {
    /// Without a lock a rank is a place in the file.
    pub fn new(spec: &'a Spec) -> Self {
        let mut places: Vec<usize> = (0..spec.hosts.len()).collect();
        let Some(lock) = &spec.lock else {
            let known = BTreeMap::new();
            return Self { places, known, staying: 0 };
        };
        let ends = lock.links.keys().flatten();
        let mut known: BTreeMap<&HostName, usize> = ends.map(|name| (name, usize::MAX)).collect();
        let number = |name: &HostName| lock.hosts.get(name).map_or(u32::MAX, |host| host.number);
        places.sort_by_key(|place| {
            let name = &spec.hosts[*place].name;
            let is_new = !known.contains_key(name);
            (is_new, if is_new { 0 } else { number(name) }, *place)
        });
        let mut staying = 0;
        for (rank, place) in places.iter().enumerate() {
            if let Some(known) = known.get_mut(&spec.hosts[*place].name) {
                *known = rank;
                staying += 1;
            }
        }
        let mut gone: Vec<_> = known.iter_mut().filter(|(_, rank)| **rank == usize::MAX).collect();
        gone.sort_by_key(|(name, _)| number(name));
        for (rank, (_, gone)) in (places.len()..).zip(gone) {
            *gone = rank;
        }
        Self { places, known, staying }
    }

    /// Whether no host is new or gone.
    pub fn all_stay(&self) -> bool {
        self.staying == self.places.len() && self.staying == self.known.len()
    }

    /// The links of `lock`.
    fn links(&self, lock: &Lock) -> Vec<[usize; 2]> {
        let mut links: Vec<_> = lock.links.iter().collect();
        links.sort_by_key(|(_, number)| **number);
        let rank = |name| self.known.get(name).copied();
        let ends = links.into_iter().filter_map(|([a, b], _)| Some([rank(a)?, rank(b)?]));
        ends.map(|[a, b]| [a.min(b), a.max(b)]).collect()
    }

    fn with_gone(&self) -> usize {
        self.known.len() + self.places.len() - self.staying
    }
}

/// What the lock says of a topology.
pub fn kind(topology: &Topology) -> LockedTopology {
    match topology {
        Topology::Full => LockedTopology::Full,
        Topology::Ring => LockedTopology::Ring,
        Topology::Hub(_) => LockedTopology::Hub,
        Topology::Sparse => LockedTopology::Sparse,
        Topology::Links(_) => LockedTopology::Links,
    }
}

/// The links of `spec` that follow from those of its lock, by rank; `None` where they follow from the file alone: there is no lock, or the file
/// names each link, or all hosts or hubs have them.
///
/// # Errors
/// Why they are not kept.
pub fn kept(spec: &Spec, ranks: &Ranks<'_>) -> Result<Option<Vec<[usize; 2]>>, Anew> {
    let Some(lock) = spec.lock.as_ref().filter(|_| ranks.staying > 0) else {
        return Ok(None);
    };
    if kind(&spec.topology) != lock.topology {
        return Err(Anew::OtherTopology);
    }
    let hosts = spec.hosts.len();
    let before = || Graph::new(ranks.with_gone(), ranks.links(lock));
    match spec.topology {
        Topology::Ring => ring(&before(), ranks).ok_or(Anew::NotThatTopology).map(Some),
        Topology::Sparse => {
            let site = |place: &usize| spec.hosts[*place].site.as_ref();
            let sites: Vec<Option<&SiteName>> = ranks.places.iter().map(site).collect();
            let root = (0..ranks.staying).min_by_key(|rank| {
                let locked = lock.hosts.get(&spec.hosts[ranks.places[*rank]].name);
                locked.map_or((u16::MAX, *rank), |locked| (locked.priority, *rank))
            });
            let mesh = mend::Mesh {
                hosts,
                staying: ranks.staying,
                survive: spec.survive.max(1) as usize,
                splits: spec.fabric == Fabric::SpanningTree,
                root: root.unwrap_or_default(),
                sites: &sites,
            };
            mend::mend(&before(), &mesh).ok_or(Anew::NotShown).map(Some)
        }
        Topology::Full | Topology::Hub(_) | Topology::Links(_) => Ok(None),
    }
}

/// The ring `before` without hosts that are gone, their neighbours linked instead, and new hosts each between the one with the highest number and
/// the one of its neighbours with the lowest: in the ring of a file without a lock these are the last and the first. `None` if it is no ring.
fn ring(before: &Graph, ranks: &Ranks<'_>) -> Option<Vec<[usize; 2]>> {
    let hosts = ranks.places.len();
    let mut around = cycle(before, ranks)?;
    around.retain(|rank| *rank < hosts);
    for new in ranks.staying..hosts {
        let length = around.len();
        let last = (0..length).max_by_key(|index| around[*index])?;
        let (left, right) = (around[(last + length - 1) % length], around[(last + 1) % length]);
        around.insert(if left < right { last } else { last + 1 }, new);
    }
    let next = |index: usize| around[(index + 1) % around.len()];
    let links = around.iter().enumerate().map(|(index, rank)| [*rank, next(index)]);
    Some(links.collect())
}

/// The hosts of a ring in its order, from the lowest rank on towards the lower of its neighbours; `None` if that is not all of it. Two hosts with one
/// link are a ring.
fn cycle(graph: &Graph, ranks: &Ranks<'_>) -> Option<Vec<usize>> {
    let members: Vec<usize> = (0..ranks.staying).chain(ranks.places.len()..graph.hosts()).collect();
    let each = if members.len() == 2 { 1 } else { 2 };
    if members.iter().any(|rank| graph.degree(*rank) != each) {
        return None;
    }
    let mut around = vec![*members.first()?];
    let mut seen = vec![false; graph.hosts()];
    seen[around[0]] = true;
    loop {
        let here = *around.last()?;
        let ahead = graph.neighbours(here).iter().copied().filter(|rank| !seen[*rank]).min();
        let Some(next) = ahead else { break };
        seen[next] = true;
        around.push(next);
    }
    (around.len() == members.len()).then_some(around)
}
