//! Every examples/<name>/cluster.yaml, from the file to each artifact: snapshots of the whole, and what other programs make of it.

#[path = "golden/artifacts.rs"]
mod artifacts;
#[path = "golden/droplets.rs"]
mod droplets;
#[path = "golden/interfaces.rs"]
mod interfaces;
#[path = "golden/rules.rs"]
mod rules;
#[path = "golden/scripts.rs"]
mod scripts;
#[path = "golden/setup.rs"]
mod setup;
#[path = "golden/snapshots.rs"]
mod snapshots;

use std::path::{Path, PathBuf};

use meshimg::plan::{Plan, plan};
use meshimg::render::{Artifacts, cloud_init, with_seeds};

/// A file of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The names of the examples, sorted, but for the one whose hosts have no addresses before they are made.
fn examples() -> Vec<String> {
    let entries = std::fs::read_dir(project("examples")).expect("examples/ is there");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name != "digital-ocean").collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    names
}

fn example_file(name: &str) -> PathBuf {
    project("examples").join(name).join("cluster.yaml")
}

/// The plan of an example, which must be free of errors and warnings.
fn example(name: &str) -> Plan {
    let bytes = std::fs::read(example_file(name)).expect("the example can be read");
    let (spec, warnings) = meshimg::spec::load(&bytes).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    assert_eq!(warnings, [], "{name}");
    plan(&spec).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn artifacts_of(plan: &Plan) -> Artifacts {
    with_seeds(cloud_init(plan, None).expect("user-data")).expect("seeds")
}

/// The classic recipe's result, by name: whatever else a snapshot shows, this stays.
#[test]
fn the_classic_three_hosts_give_the_classic_result() {
    let plan = example("classic");
    let hosts: Vec<String> = plan
        .hosts
        .iter()
        .map(|host| {
            let mesh = &host.mesh_bridge;
            let ports: Vec<String> = mesh
                .ports
                .iter()
                .map(|port| format!("{} {} {}", port.name, port.kind, port.remote))
                .collect();
            let bridge = &host.container_bridge;
            format!(
                "{} {}: {}; {} {}/{} {} {}",
                host.name,
                mesh.name,
                ports.join(", "),
                bridge.name,
                bridge.address,
                bridge.prefix_length,
                bridge.slice,
                host.docker.daemon["mtu"]
            )
        })
        .collect();
    assert_eq!(
        hosts,
        [
            "host1 br0: gre1 gre 2.2.2.2, gre2 gre 3.3.3.3; docker0 172.17.42.1/16 172.17.64.0/18 1462",
            "host2 br0: gre1 gre 1.1.1.1, gre3 gre 3.3.3.3; docker0 172.17.42.2/16 172.17.128.0/18 1462",
            "host3 br0: gre2 gre 1.1.1.1, gre3 gre 2.2.2.2; docker0 172.17.42.3/16 172.17.192.0/18 1462",
        ]
    );
    assert_eq!((plan.mtu.underlay, plan.mtu.mesh), (1500, 1462));
    assert_eq!(
        plan.links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(),
        ["gre1", "gre2", "gre3"]
    );
}
