//! What the planner's topologies are good for, of many sizes.

use super::graph::{connectivity, moore_diameter};
use super::sparse::sparse;
use super::tests::cluster;
use super::{Plan, plan, shape};
use crate::render::{USER_DATA_MAX, user_data_bytes};
use crate::spec::{LoopProtection, Spec, Topology, load};

fn of(hosts: u32, edit: impl FnOnce(&mut Spec)) -> Spec {
    let addresses: Vec<String> = (1..=hosts)
        .map(|number| std::net::Ipv4Addr::from(0xc612_0000 + number).to_string())
        .collect();
    let mut spec = cluster(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    spec.topology = Topology::Sparse;
    edit(&mut spec);
    spec
}

/// A row of the table in docs/bench.md.
fn row(hosts: u32) -> String {
    let figures = shape(&of(hosts, |_| ())).figures;
    let links = shape(&of(hosts, |_| ())).links.len();
    let after = figures.diameter_after_failures.expect("it survives");
    assert!(figures.connectivity.exact && after.exact && figures.diameter.exact, "{figures:?}");
    format!(
        "| {hosts} | {links} ({}) | {} | {} | {} ({}) | {} |",
        figures.fewest_links,
        figures.most_links_per_host,
        figures.connectivity.value,
        figures.diameter.value,
        figures.moore_diameter,
        after.value
    )
}

/// Within 1.5 times of both bounds, survived by flows that know nothing of how the links were chosen, and as docs/bench.md says.
#[test]
fn sparse_stays_within_one_and_a_half_times_of_both_bounds() {
    let rows: Vec<String> = (4..=64).map(row).collect();
    for hosts in 4..=64_usize {
        let graph = sparse(hosts, 1, 20).graph;
        let (links, diameter) = (graph.links().len(), graph.diameter().expect("it is connected"));
        assert!(2 * links <= 3 * hosts, "{hosts} hosts: {links} links");
        let bound = moore_diameter(hosts, graph.degrees().1);
        assert!(
            2 * diameter <= 3 * bound,
            "{hosts} hosts: {diameter} links apart, and the bound is {bound}"
        );
        assert!(connectivity(&graph, false, usize::MAX).least() >= 2, "{hosts} hosts");
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bench.md");
    let page = std::fs::read_to_string(&path).expect("docs/bench.md");
    let table = rows.join("\n");
    if std::env::var_os("MESHIMG_UPDATE").is_some() {
        let first = page.find("\n| 4 | ").expect("the row of 4 hosts") + 1;
        let last = page.find("\n| 64 | ").expect("the row of 64 hosts") + 1;
        let end = last + page[last..].find('\n').expect("a line");
        std::fs::write(&path, format!("{}{table}{}", &page[..first], &page[end..])).expect("it can be written");
    } else {
        assert!(
            page.contains(&table),
            "docs/bench.md differs; `MESHIMG_UPDATE=1 cargo test one_and_a_half` writes it"
        );
    }
}

#[test]
fn sparse_survives_more_than_one() {
    for survive in [2, 3] {
        for hosts in 5..=64 {
            let graph = sparse(hosts, survive, 20).graph;
            assert!(
                connectivity(&graph, false, usize::MAX).least() as usize > survive,
                "{hosts}, {survive}"
            );
            assert!(4 * graph.links().len() <= 3 * (survive + 1) * hosts || graph.links().len() == hosts * (hosts - 1) / 2);
            let bound = moore_diameter(hosts, graph.degrees().1);
            assert!(2 * graph.diameter().expect("it is connected") <= 3 * bound, "{hosts}, {survive}");
        }
    }
}

/// The depth the file's max age reaches is kept, by as many links as it takes.
#[test]
fn links_are_as_many_as_the_depth_needs() {
    for hosts in [20, 60, 130] {
        let quick = of(hosts, |spec| spec.timers.max_age = Some(6));
        let (shape, usual) = (shape(&quick), shape(&of(hosts, |_| ())));
        assert!(shape.depth.value <= 6, "{hosts}: {:?}", shape.depth);
        assert!(shape.links.len() >= usual.links.len());
        assert!(usual.depth.value <= 20, "{hosts}: {:?}", usual.depth);
    }
}

#[test]
fn timers_follow_the_depth_after_failures() {
    let tree = |spec: &Spec| {
        let tree = plan(spec).unwrap().tree().unwrap().clone();
        (tree.depth_after_failure, tree.max_age, tree.forward_delay)
    };
    let ring = |protocol| {
        of(16, |spec| {
            spec.topology = Topology::Ring;
            spec.loop_protection = protocol;
        })
    };
    // The root dies, and the one that takes over is in the middle of what is left; a link of the root is cut, and the far end is 15 away.
    assert_eq!(tree(&ring(LoopProtection::Rstp)), (15, 15, 9));
    assert_eq!(tree(&ring(LoopProtection::Stp)), (15, 38, 28));
}

/// The root is in the middle of a chain, and the stand-in in the middle of what it leaves.
#[test]
fn the_root_is_where_the_tree_is_shortest() {
    let plan = plan(&of(9, |spec| {
        let names: Vec<_> = spec.hosts.iter().map(|host| host.name.clone()).collect();
        spec.topology = Topology::Links(names.windows(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect());
        spec.survive = 0;
    }))
    .unwrap();
    assert_eq!(
        (plan.tree().unwrap().root.as_str(), plan.tree().unwrap().depth_after_failure),
        ("host5", 4)
    );
    assert_eq!(
        plan.links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>().join(" "),
        "gre1 gre2 gre3 gre4 gre5 gre6 gre7 gre8"
    );
}

#[test]
fn links_between_sites_are_few_and_survive() {
    for (sites, survive) in [(2, 1), (2, 2), (3, 1), (4, 1)] {
        let spec = of(24, |spec| {
            spec.survive = survive;
            for (host, number) in spec.hosts.iter_mut().zip(0..) {
                host.site = Some(format!("site{}", number % sites).parse().unwrap());
            }
        });
        let shape = shape(&spec);
        assert!(
            shape.figures.connectivity.exact && shape.figures.connectivity.value > survive,
            "{:?}",
            shape.figures
        );
        let between = shape
            .links
            .iter()
            .filter(|[a, b]| spec.hosts[*a].site != spec.hosts[*b].site)
            .count();
        let pairs = if sites == 2 { 1 } else { sites * (sites - 1) / 2 };
        assert!(between <= pairs * (survive as usize + 1), "{sites} sites: {between}");
        assert!(
            between * 4 <= shape.links.len(),
            "{sites} sites: {between} of {}",
            shape.links.len()
        );
    }
}

/// Few links per host at every size, so user-data stays within what providers take.
#[test]
fn user_data_fits_at_every_size() {
    let cut = |plan: &mut Plan| plan.hosts.truncate(2);
    for hosts in [9, 64, 129, 1000, 10_000] {
        let mut plan = plan(&of(hosts, |spec| spec.subnet = "10.0.0.0/8".parse().unwrap())).unwrap();
        let most = plan.hosts.iter().map(|host| host.mesh_bridge.ports.len()).max().unwrap();
        plan.hosts.sort_by_key(|host| most - host.mesh_bridge.ports.len());
        cut(&mut plan);
        let bytes = user_data_bytes(&plan).unwrap();
        assert!(bytes.iter().all(|bytes| *bytes <= USER_DATA_MAX), "{hosts} hosts: {bytes:?}");
        assert!(most <= 8, "{hosts} hosts: {most} links each");
    }
}

#[test]
fn ten_thousand_hosts_are_a_warning() {
    let list: String = (0..10_000_u32)
        .map(|number| {
            format!(
                "  - {{name: h{number}, address: 198.{}.{}.{}}}\n",
                18 + number / 65_536,
                number / 256 % 256,
                number % 256
            )
        })
        .collect();
    let text = format!("version: 1\nname: big\ncontainers: {{subnet: 10.0.0.0/8}}\nhosts:\n{list}");
    let (spec, warnings) = load(text.as_bytes()).expect("it is fine");
    assert_eq!(
        warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>(),
        ["hosts::large-domain"]
    );
    let plan = plan(&spec).unwrap();
    assert_eq!((plan.hosts.len(), plan.topology.survive), (10_000, 1));
    assert!(
        plan.topology.connectivity.value >= 2 && plan.tree().unwrap().depth_after_failure <= 20,
        "{:?}",
        plan.topology
    );
}
