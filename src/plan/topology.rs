//! Which hosts are linked, and what that is good for.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Connectivity, Graph, after_failures, connectivity, depth_after_one, moore_diameter};
use super::keep::{Anew, Ranks, kept};
use super::sparse::{EFFORT, Sparse, sparse, steps_bound};
use super::{Figure, MacAddress, Proof, TopologyPlan, host, keep, sites, spanning_tree};
use crate::spec::{Fabric, HostName, LoopProtection, SiteName, Spec, Topology};

/// Steps of the searches from each host, each of some nanoseconds.
const SEARCH_EFFORT: usize = 50_000_000;

/// The same for links that were kept: nothing is known of them by their making, and what can't be shown is planned anew. Some 4,000 hosts.
const KEPT_EFFORT: usize = 300_000_000;

/// The links of a cluster, and all that follows from them.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Places of hosts, in the order of the links' numbers.
    pub links: Vec<[usize; 2]>,
    pub figures: TopologyPlan,
    /// Priority and MAC address of each bridge.
    pub identifiers: Vec<(u16, MacAddress)>,
    /// Places of the hosts as they become the root, one after the other.
    pub order: Vec<usize>,
    /// Most links between the acting root and any bridge that it reaches, after any failures to survive.
    pub depth: Figure,
    /// Hosts that no links lead to from the first; empty if all are connected.
    pub cut_off: Vec<usize>,
    /// Why the links of the lock are not kept; `None` where they are, or where there is no lock.
    pub anew: Option<Anew>,
}

/// How deep a tree may be after failures where the planner chooses the links: what the file's max age reaches, else 20 links, which is RSTP's usual
/// max age (802.1D-2004 table 17-1), or with STP what its longest does.
fn depth_limit(spec: &Spec) -> u32 {
    match (spec.loop_protection, spec.timers.max_age) {
        (protocol, Some(max_age)) => spanning_tree::reach(protocol, max_age),
        (LoopProtection::Rstp, None) => 20,
        (LoopProtection::Stp, None) => spanning_tree::STP_DEPTH_MAX,
    }
}

/// How deep a tree may be after failures at all: what the file's max age reaches, or the longest.
fn depth_reached(spec: &Spec) -> u32 {
    match (spec.loop_protection, spec.timers.max_age) {
        (LoopProtection::Rstp, None) => spanning_tree::reach(LoopProtection::Rstp, *spanning_tree::MAX_AGE.end()),
        _ => depth_limit(spec),
    }
}

/// The graph of `spec` by rank, as the file alone has it.
fn graph(spec: &Spec, ranks: &[usize]) -> Sparse {
    let hosts = spec.hosts.len();
    let plain = |links: Vec<[usize; 2]>, symmetric| Sparse {
        graph: Graph::new(hosts, links),
        symmetric,
        steps: None,
    };
    let by_rank = || ranks.iter().map(|place| &spec.hosts[*place]).zip(0..);
    let known: BTreeMap<&HostName, usize> = by_rank().map(|(host, rank)| (&host.name, rank)).collect();
    let rank = |name: &HostName| known.get(name).copied();
    match &spec.topology {
        Topology::Full => plain((0..hosts).flat_map(|a| (a + 1..hosts).map(move |b| [a, b])).collect(), true),
        Topology::Ring => plain((0..hosts).map(|host| [host, (host + 1) % hosts]).collect(), true),
        Topology::Hub(names) => {
            let hubs: Vec<usize> = names.iter().filter_map(rank).collect();
            plain(hubs.iter().flat_map(|hub| (0..hosts).map(|host| [*hub, host])).collect(), false)
        }
        Topology::Links(links) => plain(links.iter().filter_map(|[a, b]| Some([rank(a)?, rank(b)?])).collect(), false),
        Topology::Sparse => {
            let mut of_site: BTreeMap<Option<&SiteName>, Vec<usize>> = BTreeMap::new();
            for (host, rank) in by_rank() {
                of_site.entry(host.site.as_ref()).or_default().push(rank);
            }
            let survive = spec.survive.max(1) as usize;
            match of_site.len() {
                0 | 1 => sparse(hosts, survive, depth_limit(spec)),
                _ => plain(
                    sites::links(&of_site.into_values().collect::<Vec<_>>(), survive, depth_limit(spec)),
                    false,
                ),
            }
        }
    }
}

/// Decides about the links of `spec`, whose root and whose stand-in are where the tree is shortest unless the file or a lock says otherwise.
pub fn shape(spec: &Spec) -> Shape {
    let ranks = Ranks::new(spec);
    match kept(spec, &ranks) {
        Ok(None) => shape_of(spec, &ranks, graph(spec, &ranks.places), SEARCH_EFFORT),
        Ok(Some(links)) => {
            let made = Sparse {
                graph: Graph::new(spec.hosts.len(), links),
                symmetric: false,
                steps: None,
            };
            let made = as_planned(spec, &ranks, made);
            let effort = if made.symmetric { SEARCH_EFFORT } else { KEPT_EFFORT };
            let shape = shape_of(spec, &ranks, made, effort);
            // Other rings are as deep.
            let can_do_better = spec.fabric == Fabric::SpanningTree && matches!(spec.topology, Topology::Sparse);
            if can_do_better && shape.depth.value > depth_reached(spec) {
                return anew(spec, &ranks, Anew::TooDeep);
            }
            shape
        }
        Err(why) => anew(spec, &ranks, why),
    }
}

fn anew(spec: &Spec, ranks: &Ranks<'_>, why: Anew) -> Shape {
    Shape {
        anew: Some(why),
        ..shape_of(spec, ranks, graph(spec, &ranks.places), SEARCH_EFFORT)
    }
}

/// `made`; where it is what would be planned without a lock, with all that is known of that.
fn as_planned(spec: &Spec, ranks: &Ranks<'_>, made: Sparse) -> Sparse {
    // To find a sparse graph takes a while, and it is another one where hosts have come or gone.
    if matches!(spec.topology, Topology::Sparse) && !ranks.all_stay() {
        return made;
    }
    let planned = graph(spec, &ranks.places);
    let links = |graph: &Graph| -> BTreeSet<[usize; 2]> { graph.links().iter().map(|[a, b]| [*a.min(b), *a.max(b)]).collect() };
    let is_same = planned.graph.links().len() == made.graph.links().len() && links(&planned.graph) == links(&made.graph);
    if is_same { planned } else { made }
}

/// What follows from the links of `made`, whose hosts are ranks.
fn shape_of(spec: &Spec, ranks: &Ranks<'_>, made: Sparse, effort: usize) -> Shape {
    let graph = &made.graph;
    let place = |rank: usize| ranks.places[rank];
    let full = matches!(spec.topology, Topology::Full);
    let preferred = if full {
        vec![0, 1]
    } else {
        roots(spec, ranks, graph, made.symmetric)
    };
    let preferred: Vec<usize> = preferred.into_iter().filter(|rank| *rank < graph.hosts()).map(place).collect();
    let macs = spec
        .hosts
        .iter()
        .map(|host| host::mac(&spec.name, &host.name, host.mesh_bridge.as_str()));
    let identifiers: Vec<(u16, MacAddress)> = spanning_tree::priorities(spec, &preferred).into_iter().zip(macs).collect();
    let mut order: Vec<usize> = (0..spec.hosts.len()).collect();
    order.sort_by_key(|rank| identifiers.get(place(*rank)).copied());
    let (figures, depth) = figures(spec, &made, &order, effort);
    let links = graph.links().iter().map(|[a, b]| [*a.min(b), *a.max(b)]);
    let links = match spec.topology {
        // Somebody else's order and direction.
        Topology::Links(_) => graph.links().to_vec(),
        _ => {
            let mut links: Vec<_> = links.collect();
            links.sort_unstable();
            links
        }
    };
    Shape {
        cut_off: graph.parts().into_iter().skip(1).flatten().map(place).collect(),
        links: links.into_iter().map(|ends| ends.map(place)).collect(),
        figures,
        identifiers,
        order: order.into_iter().map(place).collect(),
        depth,
        anew: None,
    }
}

/// The hosts to be the root and to take over: those with the shortest trees, the second when the first is gone; the first of several as good.
fn roots(spec: &Spec, ranks: &Ranks<'_>, graph: &Graph, symmetric: bool) -> Vec<usize> {
    let rank_of = |name: &HostName| ranks.places.iter().position(|place| spec.hosts[*place].name == *name);
    let looks = graph.hosts().saturating_mul(graph.hosts() + 2 * graph.links().len()) <= SEARCH_EFFORT;
    let all = || 0..graph.hosts();
    let depth = |host: usize, gone: &[usize]| graph.eccentricity(host, gone).unwrap_or(u32::MAX);
    let given = spec.root.as_ref().and_then(rank_of);
    let root = given.or_else(|| match (symmetric, looks) {
        (true, _) => Some(0),
        (false, true) => all().min_by_key(|host| depth(*host, &[])),
        // One of many links is seldom at the edge.
        (false, false) => all().min_by_key(|host| (usize::MAX - graph.degree(*host), *host)),
    });
    let Some(root) = root else { return Vec::new() };
    let near = || graph.neighbours(root).iter().copied();
    let stand_in = match looks {
        true => all().filter(|host| *host != root).min_by_key(|host| depth(*host, &[root])),
        false => near().min_by_key(|host| (depth(*host, &[root]), *host)),
    };
    std::iter::once(root).chain(stand_in).collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// All figures, and the depth of the tree after failures.
fn figures(spec: &Spec, made: &Sparse, order: &[usize], effort: usize) -> (TopologyPlan, Figure) {
    let graph = &made.graph;
    let hosts = graph.hosts();
    let survive = spec.survive as usize;
    let full = matches!(spec.topology, Topology::Full);
    let figure = |value, exact, proof| Figure { value, exact, proof };
    let known = |value| figure(value, true, Proof::FullMesh);
    let (least, most) = graph.degrees();
    let connectivity = if full { known(count(hosts) - 1) } else { connectivity_of(made) };
    let diameter = if full { known(1) } else { diameter_of(made, order) };
    let connected = connectivity.value > 0;
    let survives = connectivity.value > spec.survive;
    // Menger: with so many ways without a common host between, at least `left` are whole, and the hosts between are shared out among them.
    let left = (connectivity.value as usize).saturating_sub(survive);
    let menger = || figure(count((hosts.saturating_sub(survive + 2)) / left.max(1) + 1), false, Proof::Menger);
    let (after, depth) = if full {
        // One link down between two hosts, and they meet at any third.
        let after = if survive == 0 { 1 } else { 2 };
        (Some(known(after)), known(if hosts > 2 { 2 } else { 1 }))
    } else {
        let looked = connected
            .then(|| after_failures(graph, survive, order, made.symmetric, EFFORT))
            .flatten();
        let proof = |exact| if exact { Proof::EachCase } else { Proof::EachLossOfHosts };
        let moved = || made.steps.and_then(|steps| steps_bound(diameter.value, steps, survive));
        let after = match looked {
            Some(after) => after.diameter.map(|value| figure(value, after.exact, proof(after.exact))),
            None if !survives => None,
            None => Some(moved().map_or_else(menger, |value| figure(value, false, Proof::MovedWays))),
        };
        let one = || (survive == 1 && connected).then(|| depth_after_one(graph, order, effort)).flatten();
        let depth = match looked {
            Some(looked) if looked.exact || survive != 1 => figure(looked.depth, looked.exact, proof(looked.exact)),
            _ => match (one(), after) {
                (Some(depth), _) => figure(depth, true, Proof::EachCase),
                (None, Some(after)) => after,
                // Nothing is shorter than a tree that goes through all hosts one after the other.
                (None, None) => figure(count(hosts) - 1, false, Proof::Menger),
            },
        };
        (after, depth)
    };
    let plan = TopologyPlan {
        kind: keep::kind(&spec.topology).word(),
        survive: spec.survive,
        least_links_per_host: count(least),
        most_links_per_host: count(most),
        fewest_links: count(((survive + 1) * hosts).div_ceil(2).max(hosts - 1)),
        diameter,
        moore_diameter: moore_diameter(hosts, most),
        diameter_after_failures: after,
        connectivity,
    };
    (plan, depth)
}

fn connectivity_of(made: &Sparse) -> Figure {
    let least_degree = count(made.graph.degrees().0);
    match connectivity(&made.graph, made.symmetric, SEARCH_EFFORT) {
        Connectivity::Exact(value) => Figure {
            value,
            exact: true,
            proof: Proof::MaximumFlow,
        },
        Connectivity::AtLeast(_) if made.symmetric => Figure {
            value: (2 * (least_degree + 1)).div_ceil(3),
            exact: false,
            proof: Proof::Watkins,
        },
        Connectivity::AtLeast(value) => Figure {
            value,
            exact: value < 2 || value == least_degree,
            proof: Proof::CutHosts,
        },
    }
}

/// Where hosts are not connected, that of the part of the root.
fn diameter_of(made: &Sparse, order: &[usize]) -> Figure {
    let graph = &made.graph;
    let farthest = |from: usize| {
        graph
            .distances(from, &[])
            .into_iter()
            .filter(|distance| *distance != u32::MAX)
            .max()
            .unwrap_or_default()
    };
    if made.symmetric {
        return Figure {
            value: farthest(0),
            exact: true,
            proof: Proof::Symmetry,
        };
    }
    if graph.hosts().saturating_mul(graph.hosts() + 2 * graph.links().len()) <= SEARCH_EFFORT {
        let value = (0..graph.hosts()).map(farthest).max().unwrap_or_default();
        return Figure {
            value,
            exact: true,
            proof: Proof::EachCase,
        };
    }
    let root = order.first().copied().unwrap_or_default();
    Figure {
        value: 2 * farthest(root),
        exact: false,
        proof: Proof::TwiceTheDepth,
    }
}
