//! Graphs of hosts and links: distances, connectivity, what failures do, and families of graphs with few links and short ways. Pure, and
//! without a word about what a host is: hosts are numbers from 0.

mod connectivity;
mod failures;
mod family;

#[cfg(test)]
mod tests;

pub use connectivity::{Connectivity, connectivity};
pub use failures::{After, after_failures, depth_after_one};
pub use family::{circulant, moore_diameter, pinched, reflections};

/// An undirected graph without loops and multiple edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Per host, in the order of the links.
    neighbours: Vec<Vec<usize>>,
    links: Vec<[usize; 2]>,
}

/// What a distance is to a host that can't be reached.
const UNREACHABLE: u32 = u32::MAX;

impl Graph {
    /// The graph of `hosts` hosts with `links` between two different ones below `hosts` each; a pair that is there already is left out.
    pub fn new(hosts: usize, links: impl IntoIterator<Item = [usize; 2]>) -> Self {
        let mut graph = Self {
            neighbours: vec![Vec::new(); hosts],
            links: Vec::new(),
        };
        for [a, b] in links {
            // The end with fewer links is the quicker to look at: the hub of a star has all.
            let [few, many] = if graph.degree(a) <= graph.degree(b) { [a, b] } else { [b, a] };
            if a != b && !graph.neighbours[few].contains(&many) {
                graph.neighbours[a].push(b);
                graph.neighbours[b].push(a);
                graph.links.push([a, b]);
            }
        }
        graph
    }

    pub fn hosts(&self) -> usize {
        self.neighbours.len()
    }

    pub fn links(&self) -> &[[usize; 2]] {
        &self.links
    }

    pub fn neighbours(&self, host: usize) -> &[usize] {
        &self.neighbours[host]
    }

    /// How many links end at `host`.
    pub fn degree(&self, host: usize) -> usize {
        self.neighbours[host].len()
    }

    /// Links of the host with the fewest, and of that with the most.
    pub fn degrees(&self) -> (usize, usize) {
        let degrees = || self.neighbours.iter().map(Vec::len);
        (degrees().min().unwrap_or_default(), degrees().max().unwrap_or_default())
    }

    /// Links from `from` to each host, [`u32::MAX`] where none leads there, once the hosts of `gone` are taken out.
    pub fn distances(&self, from: usize, gone: &[usize]) -> Vec<u32> {
        self.distances_where(from, |_, to| !gone.contains(&to))
    }

    /// As [`Self::distances`], by those links, seen from their near to their far end, that `passes` lets through.
    fn distances_where(&self, from: usize, passes: impl Fn(usize, usize) -> bool) -> Vec<u32> {
        let mut distances = vec![UNREACHABLE; self.hosts()];
        distances[from] = 0;
        let mut queue = Vec::with_capacity(self.hosts());
        queue.push(from);
        let mut next = 0;
        while let Some(&near) = queue.get(next) {
            next += 1;
            for &far in &self.neighbours[near] {
                if distances[far] == UNREACHABLE && passes(near, far) {
                    distances[far] = distances[near] + 1;
                    queue.push(far);
                }
            }
        }
        distances
    }

    /// The most links between `from` and any host but those of `gone`; `None` if one can't be reached.
    pub fn eccentricity(&self, from: usize, gone: &[usize]) -> Option<u32> {
        let distances = self.distances(from, gone);
        let staying = distances.iter().enumerate().filter(|(host, _)| !gone.contains(host));
        let most = staying.map(|(_, distance)| *distance).max()?;
        (most != UNREACHABLE).then_some(most)
    }

    /// The most links between any two hosts; `None` if two are not connected. Takes time by hosts times links.
    pub fn diameter(&self) -> Option<u32> {
        (0..self.hosts())
            .map(|from| self.eccentricity(from, &[]))
            .try_fold(0, |most, next| Some(most.max(next?)))
    }

    /// The parts that the graph falls into, each sorted, the one of host 0 first.
    pub fn parts(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.hosts()];
        let mut parts = Vec::new();
        for host in 0..self.hosts() {
            if seen[host] {
                continue;
            }
            let mut part = vec![host];
            seen[host] = true;
            let mut next = 0;
            while let Some(&near) = part.get(next) {
                next += 1;
                for &far in &self.neighbours[near] {
                    if !std::mem::replace(&mut seen[far], true) {
                        part.push(far);
                    }
                }
            }
            part.sort_unstable();
            parts.push(part);
        }
        parts
    }
}
