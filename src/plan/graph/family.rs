//! Graphs with few links and short ways.

use super::Graph;

/// The fewest links between the two hosts farthest apart in any graph of `hosts` hosts with at most `degree` links each (Moore bound): from one host,
/// `degree` are one link away, and each of these leads to at most `degree - 1` more.
pub fn moore_diameter(hosts: usize, degree: usize) -> u32 {
    let (mut reached, mut next, mut diameter) = (1_usize, degree, 0);
    while reached < hosts {
        if next == 0 {
            return u32::MAX;
        }
        reached = reached.saturating_add(next);
        next = next.saturating_mul(degree - 1);
        diameter += 1;
    }
    diameter
}

/// The circulant C(steps): host i is linked to i + s and i - s, modulo `hosts`, for each step s from 1 to half of `hosts`. With step 1 it is connected.
///
/// It looks the same from each host: i -> i + 1 maps links to links.
pub fn circulant(hosts: usize, steps: &[usize]) -> Graph {
    Graph::new(
        hosts,
        steps
            .iter()
            .flat_map(|step| (0..hosts).map(move |host| [host, (host + step) % hosts])),
    )
}

/// A chordal ring: for an even number of hosts, each even host i is linked to i + o, modulo `hosts`, for each of the odd `offsets`. With
/// 1 and `hosts - 1` among these it is a ring with chords.
///
/// It looks the same from each host: i -> i + 2 maps links to links, and i -> 1 - i takes the even hosts to the odd ones and the link of
/// i and i + o to that of 1 - i and (1 - i - o), which is an even host and itself plus o. Where a circulant with d links per host has steps in d/2 directions, this
/// has d - 1, so the hosts within k links grow with a higher power of k.
pub fn reflections(hosts: usize, offsets: &[usize]) -> Graph {
    let links = |offset: &usize| {
        let offset = *offset;
        (0..hosts).step_by(2).map(move |host| [host, (host + offset) % hosts])
    };
    Graph::new(hosts, offsets.iter().flat_map(links))
}

/// `graph` with one host more, put in the middle of each of `links`, which have no host in common: the new host has twice as many links as that, the others as
/// many as before.
pub fn pinched(graph: &Graph, links: &[[usize; 2]]) -> Graph {
    let new = graph.hosts();
    let kept = graph.links().iter().filter(|link| !links.contains(link)).copied();
    let ends = links.iter().flatten().map(|end| [*end, new]);
    Graph::new(new + 1, kept.chain(ends))
}
