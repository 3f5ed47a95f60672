use proptest::prelude::*;

use super::*;

fn graph(hosts: usize, bits: &[bool]) -> Graph {
    let pairs = (0..hosts).flat_map(|a| (a + 1..hosts).map(move |b| [a, b]));
    Graph::new(hosts, pairs.zip(bits).filter(|(_, is_linked)| **is_linked).map(|(pair, _)| pair))
}

/// What is left of `graph`: hosts by their bit, and distances of those that are, by as many rounds as there are hosts.
fn distances_by_rounds(graph: &Graph, lost_hosts: u32, lost_links: u32) -> Vec<Vec<u32>> {
    let hosts = graph.hosts();
    let is_left = |host: usize| lost_hosts >> host & 1 == 0;
    let mut far = vec![vec![u32::MAX; hosts]; hosts];
    for host in (0..hosts).filter(|host| is_left(*host)) {
        far[host][host] = 0;
    }
    for (number, &[a, b]) in graph.links().iter().enumerate() {
        if lost_links >> number & 1 == 0 && is_left(a) && is_left(b) {
            (far[a][b], far[b][a]) = (1, 1);
        }
    }
    for by in 0..hosts {
        for from in 0..hosts {
            for to in 0..hosts {
                far[from][to] = far[from][to].min(far[from][by].saturating_add(far[by][to]));
            }
        }
    }
    far
}

/// The least number of hosts whose loss parts two others, by trying all sets; of hosts all linked one less than there are.
fn connectivity_by_exhaustion(graph: &Graph) -> u32 {
    let hosts = graph.hosts();
    let parts = |lost: u32| {
        let far = distances_by_rounds(graph, lost, 0);
        let is_left = |host: &usize| lost >> host & 1 == 0;
        (0..hosts)
            .filter(is_left)
            .any(|from| (0..hosts).filter(is_left).any(|to| far[from][to] == u32::MAX))
    };
    let sets = 0..1_u32 << hosts;
    sets.filter(|lost| parts(*lost))
        .map(u32::count_ones)
        .min()
        .unwrap_or(hosts as u32 - 1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Flows find what trying all sets of hosts finds; and where they would take too long, what is said instead is no more than that.
    #[test]
    fn connectivity_is_that_of_exhaustion(hosts in 2_usize..7, bits in prop::collection::vec(prop::bool::weighted(0.7), 21)) {
        let graph = graph(hosts, &bits);
        let wanted = connectivity_by_exhaustion(&graph);
        prop_assert_eq!(connectivity(&graph, false, usize::MAX), Connectivity::Exact(wanted));
        prop_assert_eq!(connectivity(&graph, false, 0).least(), wanted.min(2));
    }

    /// One failure, hosts and links: as by Floyd and Warshall's algorithm on each that is left; the quicker ways say no less.
    #[test]
    fn failures_are_those_of_exhaustion(hosts in 3_usize..7, bits in prop::collection::vec(prop::bool::weighted(0.7), 21)) {
        let graph = graph(hosts, &bits);
        let order: Vec<usize> = (0..hosts).rev().collect();
        let mut sets = vec![(0_u32, 0_u32)];
        sets.extend((0..hosts).map(|host| (1 << host, 0)));
        sets.extend((0..graph.links().len()).map(|link| (0, 1 << link)));
        let (mut diameter, mut depth, mut whole) = (0, 0, true);
        for (lost_hosts, lost_links) in sets {
            let far = distances_by_rounds(&graph, lost_hosts, lost_links);
            let left: Vec<usize> = (0..hosts).filter(|host| lost_hosts >> host & 1 == 0).collect();
            let root = *left.last().expect("two at least");
            for &from in &left {
                for &to in &left {
                    whole &= far[from][to] != u32::MAX;
                    if far[from][to] != u32::MAX {
                        diameter = diameter.max(far[from][to]);
                        depth = if from == root { depth.max(far[from][to]) } else { depth };
                    }
                }
            }
        }
        let found = after_failures(&graph, 1, &order, false, usize::MAX).expect("no limit");
        prop_assert_eq!(found, After { diameter: whole.then_some(diameter), depth, exact: true });
        prop_assert_eq!(depth_after_one(&graph, &order, usize::MAX), Some(depth));
        if whole {
            // Enough for the losses of hosts, too little for those of links.
            for effort in (0..14).map(|bits| 1_usize << bits) {
                if let Some(bound) = after_failures(&graph, 1, &order, false, effort) {
                    prop_assert!(bound.diameter >= Some(diameter) && bound.depth >= depth, "{bound:?}");
                }
            }
        }
    }

    /// Circulants and chordal rings look the same from each host, which is why one is looked at for all.
    #[test]
    fn families_look_the_same_from_each_host(half in 3_usize..20, steps in prop::collection::vec(1_usize..20, 1..4)) {
        let hosts = 2 * half;
        let steps: Vec<usize> = steps.into_iter().map(|step| step % (hosts - 1) + 1).collect();
        let odd: Vec<usize> = steps.iter().map(|step| step | 1).chain([1, hosts - 1]).collect();
        for graph in [circulant(hosts, &steps), reflections(hosts, &odd)] {
            let spread = |host: usize| { let mut all = graph.distances(host, &[]); all.sort_unstable(); all };
            for host in 1..hosts {
                prop_assert_eq!(spread(host), spread(0));
            }
        }
    }
}

#[test]
fn moore_bounds() {
    let bounds: Vec<u32> = [(2, 1), (3, 1), (4, 3), (10, 3), (11, 3), (22, 3), (23, 3), (50, 7), (51, 7), (7, 2)]
        .map(|(hosts, degree)| moore_diameter(hosts, degree))
        .into();
    // Petersen's graph has 10 hosts of 3 links, Hoffman and Singleton's 50 of 7: no more fit in two steps.
    assert_eq!(bounds, [1, u32::MAX, 1, 2, 3, 3, 4, 2, 3, 3]);
}

#[test]
fn a_host_in_the_middle_of_two_links() {
    let graph = pinched(&circulant(6, &[1]), &[[0, 1], [3, 4]]);
    assert_eq!((graph.hosts(), graph.links().len(), graph.degrees()), (7, 8, (2, 4)));
    assert_eq!(connectivity(&graph, false, usize::MAX), Connectivity::Exact(1));
}
