//! How many hosts must go before the rest falls apart.

use super::Graph;

/// The vertex connectivity, as far as it is known for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// Exactly this, by maximum flows.
    Exact(u32),
    /// At least this: 0, 1, or 2 where no host is one whose loss cuts others off. The flows would take too long.
    AtLeast(u32),
}

impl Connectivity {
    /// What it is at least.
    pub fn least(self) -> u32 {
        match self {
            Self::Exact(value) | Self::AtLeast(value) => value,
        }
    }
}

/// The vertex connectivity of `graph`: that of a graph of n hosts all linked is n - 1. A graph that looks the same from each host
/// (`symmetric`) is looked at from one.
///
/// By Menger's theorem two hosts are joined by as many ways without a common host as hosts must go to part them, and these ways are a
/// maximum flow where each host is split in two with a capacity of 1 between its halves. The least over all pairs is the connectivity; one of the
/// first k + 1 hosts is not among k that part the graph, so flows from these are enough (S. Even, Graph Algorithms, 1979, section 6.2).
///
/// Flows are computed if about `effort` steps are enough for them.
pub fn connectivity(graph: &Graph, symmetric: bool, effort: usize) -> Connectivity {
    let hosts = graph.hosts();
    if hosts < 2 || graph.parts().len() > 1 {
        return Connectivity::Exact(0);
    }
    let least_degree = graph.degrees().0;
    let sources = if symmetric { 1 } else { least_degree + 1 };
    let steps = sources * hosts * least_degree * (hosts + 2 * graph.links().len());
    if steps > effort {
        // Of two hosts one is left, and nothing to cut it off from.
        return Connectivity::AtLeast(if hosts < 3 || has_cut_host(graph) { 1 } else { 2 });
    }
    let mut flows = Flows::new(graph);
    let mut least = least_degree;
    let mut source = 0;
    while source < hosts && if symmetric { source == 0 } else { source <= least } {
        for target in source + 1..hosts {
            least = least.min(flows.ways(source, target, least));
        }
        source += 1;
    }
    Connectivity::Exact(u32::try_from(least).unwrap_or(u32::MAX))
}

/// Whether the loss of one host cuts others off, in time by hosts and links: a depth first search notes for each host the earliest one that it
/// or any after it is linked to (J. Hopcroft, R. Tarjan, Algorithm 447, 1973). `graph` is connected.
fn has_cut_host(graph: &Graph) -> bool {
    let mut entered = vec![usize::MAX; graph.hosts()];
    let mut earliest = vec![usize::MAX; graph.hosts()];
    let mut clock = 1;
    let mut first_steps = 0;
    (entered[0], earliest[0]) = (0, 0);
    // A host, the one it was entered from, and how many of its links were looked at. No recursion: it would be as deep as there are hosts.
    let mut path = vec![(0, 0, 0)];
    while let Some((host, parent, looked)) = path.last_mut() {
        let (host, parent) = (*host, *parent);
        if let Some(&next) = graph.neighbours(host).get(*looked) {
            *looked += 1;
            if entered[next] == usize::MAX {
                (entered[next], earliest[next]) = (clock, clock);
                clock += 1;
                first_steps += usize::from(host == 0);
                path.push((next, host, 0));
            } else if next != parent {
                earliest[host] = earliest[host].min(entered[next]);
            }
        } else {
            path.pop();
            if parent != 0 && earliest[host] >= entered[parent] {
                return true;
            }
            earliest[parent] = earliest[parent].min(earliest[host]);
        }
    }
    first_steps > 1
}

/// The network of flows of a graph: host h comes in at node 2h and goes out at 2h + 1.
struct Flows {
    /// Per node its arcs, by number.
    arcs: Vec<Vec<usize>>,
    /// Where an arc leads; arc a and a ^ 1 are the two directions of one.
    to: Vec<usize>,
    capacity: Vec<bool>,
    /// What [`Self::capacity`] is without a flow.
    fresh: Vec<bool>,
}

impl Flows {
    fn new(graph: &Graph) -> Self {
        let mut flows = Self {
            arcs: vec![Vec::new(); 2 * graph.hosts()],
            to: Vec::new(),
            capacity: Vec::new(),
            fresh: Vec::new(),
        };
        for host in 0..graph.hosts() {
            flows.add(2 * host, 2 * host + 1);
        }
        for &[a, b] in graph.links() {
            flows.add(2 * a + 1, 2 * b);
            flows.add(2 * b + 1, 2 * a);
        }
        flows
    }

    fn add(&mut self, from: usize, to: usize) {
        for (from, to, capacity) in [(from, to, true), (to, from, false)] {
            self.arcs[from].push(self.to.len());
            self.to.push(to);
            self.fresh.push(capacity);
        }
    }

    /// Ways from `source` to `target` without a common host between, at most `most`.
    fn ways(&mut self, source: usize, target: usize, most: usize) -> usize {
        self.capacity.clone_from(&self.fresh);
        (0..most).take_while(|_| self.augment(2 * source + 1, 2 * target)).count()
    }

    /// One more way by a breadth first search; `false` if there is none.
    fn augment(&mut self, source: usize, target: usize) -> bool {
        let mut by = vec![usize::MAX; self.arcs.len()];
        let mut queue = vec![source];
        let mut next = 0;
        while let Some(&node) = queue.get(next) {
            next += 1;
            for &arc in &self.arcs[node] {
                let to = self.to[arc];
                if self.capacity[arc] && by[to] == usize::MAX && to != source {
                    by[to] = arc;
                    if to == target {
                        let mut node = target;
                        while node != source {
                            let arc = by[node];
                            self.capacity[arc] = false;
                            self.capacity[arc ^ 1] = true;
                            node = self.to[arc ^ 1];
                        }
                        return true;
                    }
                    queue.push(to);
                }
            }
        }
        false
    }
}
