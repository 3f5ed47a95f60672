//! Many links inside a site, few between sites.

use super::graph::{Graph, connectivity};
use super::sparse::{EFFORT, sparse};

/// The links of hosts that stand at several sites, each a list of hosts: a sparse graph inside each, and between sites that are linked, which are few, as many
/// links between different hosts as it takes to survive `survive` failures, and no more.
pub fn links(sites: &[Vec<usize>], survive: usize, depth: u32) -> Vec<[usize; 2]> {
    let hosts = sites.iter().map(Vec::len).sum();
    let inside = sites.iter().flat_map(|site| {
        let graph = sparse(site.len(), survive, depth).graph;
        graph.links().iter().map(|[a, b]| [site[*a], site[*b]]).collect::<Vec<_>>()
    });
    let inside: Vec<[usize; 2]> = inside.collect();
    let pairs = match sites.len() {
        0 | 1 => return inside,
        2 => vec![[0, 1]],
        // A small site can be lost as a whole; and a ring of large ones survives what its links do.
        count => {
            let small = sites.iter().any(|site| site.len() <= survive);
            sparse(count, if small { survive } else { 1 }, depth).graph.links().to_vec()
        }
    };
    // Each part of the sites has links to the others at two places or more, unless there are two sites.
    let least = if sites.len() == 2 { survive + 1 } else { (survive + 1).div_ceil(2) };
    let mut links = Vec::new();
    for each in least..=survive + 1 {
        links = inside.clone();
        links.extend(between(sites, &pairs, each));
        if connectivity(&Graph::new(hosts, links.iter().copied()), false, EFFORT).least() as usize > survive {
            break;
        }
    }
    links
}

/// `each` links for each pair of linked sites, their ends spread over the hosts of a site.
fn between(sites: &[Vec<usize>], pairs: &[[usize; 2]], each: usize) -> Vec<[usize; 2]> {
    let mut ends = vec![0; sites.len()];
    for site in pairs.iter().flatten() {
        ends[*site] += each;
    }
    let mut used = vec![0; sites.len()];
    let mut next = |site: usize| {
        let (size, number) = (sites[site].len(), used[site]);
        used[site] += 1;
        sites[site][if ends[site] <= size {
            number * size / ends[site]
        } else {
            number % size
        }]
    };
    let mut links: Vec<[usize; 2]> = Vec::new();
    for [one, other] in pairs {
        for _ in 0..each {
            let a = next(*one);
            let mut b = next(*other);
            // In small sites the same two hosts would come together again.
            for host in &sites[*other] {
                if !links.contains(&[a, b]) {
                    break;
                }
                b = *host;
            }
            links.push([a, b]);
        }
    }
    links
}
