//! A sparse mesh that hosts have left and joined: its links are kept, and as few as possible come and go.
//!
//! Why what comes out is as connected as it was, k = survive + 1 being the hosts that it takes to part it:
//!
//! - A host that is new and linked to k others: who parts it from the rest must take all k, and the rest is as before.
//! - A new host put into the middle of a link of a and b, and linked to k - 2 more. Take fewer than k hosts away. If the new host is among them, fewer than k - 1
//!   others are, without which the rest is 2-connected, so it is connected without that link too. Else, if a or b is among them, the link is gone
//!   anyway, and one of the new host's k neighbours is left. Else the new host is the way from a to b.
//! - A host that goes, its neighbours linked to each other: fewer than k hosts that part the rest leave all its other neighbours on one side, as those
//!   are linked; so the same hosts parted the mesh as it was, with that host on their side. It takes fewer links than these, so some are tried first.
//!
//! The connectivity of the result is computed all the same: nobody knows what somebody has made of a lock.

use std::collections::BTreeSet;

use super::direct::{Lack, weakest};
use super::graph::{Graph, connectivity};
use super::sparse::sparse;
use crate::spec::SiteName;

/// Steps of the searches for one result.
const EFFORT: usize = 50_000_000;

/// Steps of the searches for one new host; where there are more hosts, it is put near the root.
const PLACE_EFFORT: usize = 1_000_000;

/// Links of fewest links per host that a sparse graph is planned with: one more than a ring's, for short ways.
const LINKS_EACH: usize = 3;

/// Sets of links that are tried instead of a host that is gone.
const TRIES: usize = 300;

/// Most links among which that is.
const CANDIDATES_MAX: usize = 500;

/// Hosts up to which a direct fabric gets links for pairs that it does not reach; it has no use for sparse links between many more.
const DIRECT_HOSTS_MAX: usize = 128;

type Link = [usize; 2];

/// What a mesh is to become. Hosts are those below `hosts`; of them those from `staying` on are new.
pub struct Mesh<'a> {
    pub hosts: usize,
    pub staying: usize,
    /// At least 1.
    pub survive: usize,
    /// Whether a link may be taken away for two others: where frames go through one other host only, that would part hosts.
    pub splits: bool,
    /// A host whose distance counts.
    pub root: usize,
    pub sites: &'a [Option<&'a SiteName>],
}

/// The links that `mesh` has after those of `before`, which has hosts from `mesh.hosts` on that are gone. `None` if it can't be shown that these survive as many
/// failures as they should.
pub fn mend(before: &Graph, mesh: &Mesh<'_>) -> Option<Vec<Link>> {
    let stays = |link: &Link| link.iter().all(|end| *end < mesh.hosts);
    let mut links: Vec<Link> = before.links().iter().copied().filter(stays).collect();
    links.extend(instead_of_gone(before, mesh, &links)?);
    for new in mesh.staying..mesh.hosts {
        join(mesh, new, &mut links);
    }
    if !mesh.splits && mesh.hosts <= DIRECT_HOSTS_MAX {
        while let Some((Lack::Reach, pair)) = weakest(mesh.hosts, &links) {
            links.push(pair);
        }
    }
    survives(mesh.hosts, &links, mesh.survive).then_some(links)
}

fn survives(hosts: usize, links: &[Link], survive: usize) -> bool {
    let enough = survive.min(hosts.saturating_sub(2));
    // That one host cuts nothing off is seen without flows.
    let effort = if enough == 1 { 0 } else { EFFORT };
    connectivity(&Graph::new(hosts, links.iter().copied()), false, effort).least() as usize > enough
}

fn all_pairs(hosts: &[usize]) -> impl Iterator<Item = Link> + '_ {
    let pairs = |(index, a): (usize, &usize)| hosts[index + 1..].iter().map(|b| [*a.min(b), *a.max(b)]).collect::<Vec<_>>();
    hosts.iter().enumerate().flat_map(pairs)
}

/// Links between hosts that stay, so that they survive as much without those that are gone. `None` if there are too many to choose from.
fn instead_of_gone(before: &Graph, mesh: &Mesh<'_>, left: &[Link]) -> Option<Vec<Link>> {
    let hosts = mesh.staying;
    let survive = |more: &[Link]| survives(hosts, &[left, more].concat(), mesh.survive);
    if hosts < 2 || survive(&[]) {
        return Some(Vec::new());
    }
    if hosts <= mesh.survive + 2 {
        let staying: Vec<usize> = (0..hosts).collect();
        return Some(all_pairs(&staying).filter(|pair| !left.contains(pair)).collect());
    }
    let mut candidates: BTreeSet<Link> = BTreeSet::new();
    for around in around_gone(before, mesh) {
        if around.len() * around.len() > 4 * CANDIDATES_MAX {
            return None;
        }
        candidates.extend(all_pairs(&around));
    }
    let linked: BTreeSet<Link> = left.iter().map(|[a, b]| [*a.min(b), *a.max(b)]).collect();
    let mut chosen: Vec<Link> = candidates.into_iter().filter(|pair| !linked.contains(pair)).collect();
    if chosen.len() > CANDIDATES_MAX {
        return None;
    }
    if survive(&chosen) {
        let few = (1..=2).flat_map(|count| sets(&chosen, count)).take(TRIES).find(|set| survive(set));
        if let Some(few) = few {
            return Some(few);
        }
        // None can be spared of what is left in the end.
        for link in chosen.clone().into_iter().rev() {
            let without: Vec<Link> = chosen.iter().copied().filter(|other| *other != link).collect();
            if survive(&without) {
                chosen = without;
            }
        }
        return Some(chosen);
    }
    // More is to be survived than before. A graph planned anew has enough, and perhaps the first of its links are.
    let enough = sparse(hosts, mesh.survive, u32::MAX).graph;
    let more: Vec<Link> = enough.links().iter().map(|[a, b]| [*a.min(b), *a.max(b)]).collect();
    let more: Vec<Link> = more.into_iter().filter(|pair| !linked.contains(pair)).collect();
    let (mut least, mut most) = (0, more.len());
    while least < most {
        let middle = usize::midpoint(least, most);
        (least, most) = if survive(&more[..middle]) {
            (least, middle)
        } else {
            (middle + 1, most)
        };
    }
    Some(more[..most].to_vec())
}

/// The hosts that stay around each part of those that are gone.
fn around_gone(before: &Graph, mesh: &Mesh<'_>) -> Vec<Vec<usize>> {
    let mut seen = vec![false; before.hosts()];
    let mut parts = Vec::new();
    for gone in mesh.hosts..before.hosts() {
        let mut around = BTreeSet::new();
        let mut next = if seen[gone] { Vec::new() } else { vec![gone] };
        seen[gone] = true;
        while let Some(host) = next.pop() {
            for &near in before.neighbours(host) {
                if near < mesh.hosts {
                    around.insert(near);
                } else if !std::mem::replace(&mut seen[near], true) {
                    next.push(near);
                }
            }
        }
        parts.push(around.into_iter().collect());
    }
    parts
}

fn sets(links: &[Link], count: usize) -> Vec<Vec<Link>> {
    match count {
        1 => links.iter().map(|link| vec![*link]).collect(),
        _ => {
            let pairs = |(index, a): (usize, &Link)| links[index + 1..].iter().map(|b| vec![*a, *b]).collect::<Vec<_>>();
            links.iter().enumerate().flat_map(pairs).collect()
        }
    }
}

/// Links the host `new`, the first that has no links, to hosts below it.
fn join(mesh: &Mesh<'_>, new: usize, links: &mut Vec<Link>) {
    if new <= mesh.survive + 1 {
        links.extend((0..new).map(|host| [host, new]));
        return;
    }
    let graph = Graph::new(new, links.iter().copied());
    let is_small = new.saturating_mul(new + 2 * links.len()) <= PLACE_EFFORT;
    let from_root = if is_small { Vec::new() } else { graph.distances(mesh.root, &[]) };
    let all: Vec<Vec<u32>> = if is_small {
        (0..new).map(|host| graph.distances(host, &[])).collect()
    } else {
        Vec::new()
    };
    // How far the new host has it to the others: the farthest, and all together; to the root where they are many.
    let far = |peers: &[usize]| -> (u32, u64) {
        if !is_small {
            let near = peers.iter().map(|peer| from_root[*peer]);
            return (near.clone().min().unwrap_or_default(), near.map(u64::from).sum());
        }
        let to = |host: usize| peers.iter().map(|peer| all[*peer][host]).min().unwrap_or_default();
        (0..new).fold((0, 0), |(most, sum), host| (most.max(to(host)), sum + u64::from(to(host))))
    };
    let elsewhere = |host: usize| mesh.sites[host] != mesh.sites[new];
    let mut peers: Vec<usize> = Vec::new();
    if mesh.splits {
        let away = |link: &Link| link.iter().filter(|end| elsewhere(**end)).count();
        let best = (0..links.len()).min_by_key(|index| (away(&links[*index]), far(&links[*index]), links[*index]));
        if let Some(best) = best {
            peers.extend(links.remove(best));
        }
    }
    let each = LINKS_EACH.max(mesh.survive + 1);
    while peers.len() < each {
        let needed = peers.len() <= mesh.survive;
        // Whom nothing obliges to have one more has not more than the others by that.
        let others = (0..new).filter(|host| !peers.contains(host) && (needed || graph.degree(*host) < each));
        let with = |host: usize| far(&[&peers[..], &[host]].concat());
        let best = others.min_by_key(|host| (elsewhere(*host), graph.degree(*host) >= each, with(*host), *host));
        let Some(best) = best else { break };
        peers.push(best);
    }
    links.extend(peers.into_iter().map(|peer| [peer, new]));
}
