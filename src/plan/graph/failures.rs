//! What is left after failures, and how far apart it is.

use super::{Graph, UNREACHABLE};

/// How far apart hosts are after the worst failures that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Most links between any two hosts that are left; `None` if some failures cut hosts off.
    pub diameter: Option<u32>,
    /// Most links between the acting root and any host that it still reaches.
    pub depth: u32,
    /// `false`: these are what it can be at most, as only losses of hosts were looked at.
    pub exact: bool,
}

/// Looks at each loss of up to `failures` hosts and links of `graph`; the acting root is the first host of `order` that is left. `symmetric`: the
/// graph looks the same from each host. `None` if this would take more than about `effort` steps.
///
/// Where hosts and links together are too many, only losses of hosts are looked at, and one link more is the most that it can be. For take a link
/// that failed for a host of its that failed, another than the two whose distance is asked for: what is left is less, and so no nearer. That leaves
/// a failed link between just these two, a and b. If no failures of hosts cut anything off, b has more links than there are failures, so among its neighbours
/// other than a there is a c for which c, its link to b and any to a are whole; from a to c it is no farther than after losses of hosts alone (b for the
/// link), and c to b is one link.
pub fn after_failures(graph: &Graph, failures: usize, order: &[usize], symmetric: bool, effort: usize) -> Option<After> {
    let (hosts, links) = (graph.hosts(), graph.links().len());
    let once = steps_each(graph);
    // Nothing is made for what will not be looked at: it takes hosts times hosts bits.
    if once > effort {
        return None;
    }
    let mut search = Search::new(graph, order);
    if sets(hosts + links, failures).saturating_mul(once) <= effort {
        search.all(0, failures, hosts + links);
        return Some(search.result(true));
    }
    // The diameter is the same whichever host fails first; the depth is no more than the diameter.
    let by_symmetry = symmetric && failures > 0;
    let free = if by_symmetry { failures - 1 } else { failures };
    if sets(hosts, free).saturating_mul(once) > effort {
        return None;
    }
    search.look();
    if by_symmetry {
        search.with(0, |search| search.all(1, free, hosts));
    } else {
        search.all(0, failures, hosts);
    }
    let found = search.result(false);
    Some(match found.diameter {
        Some(diameter) if failures > 0 => After {
            diameter: Some(diameter + 1),
            depth: diameter.max(found.depth) + 1,
            exact: false,
        },
        _ => After {
            exact: failures == 0 || found.diameter.is_none(),
            ..found
        },
    })
}

/// How many sets of up to `most` of `things` there are.
fn sets(things: usize, most: usize) -> usize {
    let mut count: usize = 1;
    let mut of_size: usize = 1;
    for size in 1..=most.min(things) {
        of_size = of_size.saturating_mul(things + 1 - size) / size;
        count = count.saturating_add(of_size);
    }
    count
}

/// About how many words are touched for one set of failures.
fn steps_each(graph: &Graph) -> usize {
    let levels = graph.eccentricity(0, &[]).map_or(1, |levels| levels as usize + 2);
    (graph.hosts() + 2 * graph.links().len()) * graph.hosts().div_ceil(64) * levels
}

/// Things that fail are numbers: hosts first, then links.
struct Search<'a> {
    graph: &'a Graph,
    order: &'a [usize],
    failed: Vec<bool>,
    /// Per host its links by number, beside the neighbours of the graph.
    links_of: Vec<Vec<usize>>,
    /// Words of 64 hosts each, `width` for each host: which hosts it reaches by now, and with one link more.
    reached: Vec<u64>,
    next: Vec<u64>,
    width: usize,
    diameter: u32,
    depth: u32,
    falls_apart: bool,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, order: &'a [usize]) -> Self {
        let mut links_of = vec![Vec::new(); graph.hosts()];
        for (number, ends) in graph.links().iter().enumerate() {
            for end in ends {
                links_of[*end].push(number);
            }
        }
        let width = graph.hosts().div_ceil(64);
        Self {
            graph,
            order,
            failed: vec![false; graph.hosts() + graph.links().len()],
            links_of,
            reached: vec![0; width * graph.hosts()],
            next: vec![0; width * graph.hosts()],
            width,
            diameter: 0,
            depth: 0,
            falls_apart: false,
        }
    }

    fn result(&self, exact: bool) -> After {
        After {
            diameter: (!self.falls_apart).then_some(self.diameter),
            depth: self.depth,
            exact,
        }
    }

    /// Looks at what is left after each set of up to `more` failures among the things `from..to`, on top of those there are.
    fn all(&mut self, from: usize, more: usize, to: usize) {
        self.look();
        if more > 0 {
            for thing in from..to {
                self.with(thing, |search| search.all(thing + 1, more - 1, to));
            }
        }
    }

    fn with(&mut self, thing: usize, look: impl FnOnce(&mut Self)) {
        self.failed[thing] = true;
        look(self);
        self.failed[thing] = false;
    }

    /// All distances at once: in round k each host learns from its neighbours whom it reaches with k links.
    fn look(&mut self) {
        let (hosts, width) = (self.graph.hosts(), self.width);
        let left: Vec<usize> = (0..hosts).filter(|host| !self.failed[*host]).collect();
        let Some(&root) = self.order.iter().find(|host| !self.failed[**host]) else {
            return;
        };
        let mut all = vec![0_u64; width];
        self.reached.fill(0);
        for &host in &left {
            all[host / 64] |= 1 << (host % 64);
            self.reached[host * width + host / 64] = 1 << (host % 64);
        }
        let mut round = 0;
        loop {
            let mut grew = false;
            for &host in &left {
                let row = host * width..(host + 1) * width;
                self.next[row.clone()].copy_from_slice(&self.reached[row.clone()]);
                for (&other, &link) in self.graph.neighbours(host).iter().zip(&self.links_of[host]) {
                    if self.failed[other] || self.failed[hosts + link] {
                        continue;
                    }
                    for word in 0..width {
                        self.next[row.start + word] |= self.reached[other * width + word];
                    }
                }
                let more = self.next[row.clone()] != self.reached[row];
                grew |= more;
                if more && host == root {
                    self.depth = self.depth.max(round + 1);
                }
            }
            if !grew {
                break;
            }
            round += 1;
            std::mem::swap(&mut self.reached, &mut self.next);
        }
        self.diameter = self.diameter.max(round);
        self.falls_apart |= left.iter().any(|host| self.reached[host * width..(host + 1) * width] != all[..]);
    }
}

/// As [`after_failures`] for the depth alone and one failure, which takes less: a search from the acting root for each. `None` beyond `effort`.
pub fn depth_after_one(graph: &Graph, order: &[usize], effort: usize) -> Option<u32> {
    let (hosts, links) = (graph.hosts(), graph.links().len());
    let [root, stand_in] = [*order.first()?, *order.get(1)?];
    if (hosts + links).saturating_mul(hosts + 2 * links) > effort {
        return None;
    }
    let depth = |distances: Vec<u32>| distances.into_iter().filter(|distance| *distance != UNREACHABLE).max();
    let whole = graph.distances(root, &[]);
    let mut most = depth(whole.clone())?.max(depth(graph.distances(stand_in, &[root]))?);
    for host in (0..hosts).filter(|host| *host != root) {
        most = most.max(depth(graph.distances(root, &[host]))?);
    }
    for &[a, b] in graph.links() {
        // A link between two hosts equally far from the root is on no shortest way from it.
        if whole[a] != whole[b] {
            let passes = |near: usize, far: usize| ![[a, b], [b, a]].contains(&[near, far]);
            most = most.max(depth(graph.distances_where(root, passes))?);
        }
    }
    Some(most)
}
