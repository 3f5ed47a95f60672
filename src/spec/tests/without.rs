//! A file without the lines of some hosts, as `meshimg remove` plans it.

use std::collections::BTreeMap;

use crate::plan::{Plan, plan};
use crate::render::host_files;
use crate::spec::{Code, HostName, load, load_with_lock, load_without, lock_text};

const HEAD: &str = "version: 1\nname: demo\nhosts:\n";

fn file(topology: &str) -> String {
    let host = |number: u32| format!("  - {{name: host{number}, address: 192.0.2.{number}}}\n");
    format!("{HEAD}{}mesh: {{topology: {topology}}}\n", (1..=5).map(host).collect::<String>())
}

/// The lock of a file.
fn lock(text: &str) -> String {
    let (spec, _) = load(text.as_bytes()).expect("it is fine");
    lock_text(&plan(&spec).expect("it has a plan").lock).expect("a lock is YAML")
}

fn host(name: &str) -> HostName {
    name.parse().expect("a name")
}

fn files(plan: &Plan, name: &str) -> BTreeMap<String, String> {
    let host = plan.hosts.iter().find(|host| host.name.as_str() == name).expect("it is there");
    let files = host_files(plan, host).expect("they are there");
    files.into_iter().map(|file| (file.path, file.text)).collect()
}

/// The same as if somebody takes the lines out by hand: what is applied today is as planned tomorrow.
#[test]
fn it_is_the_file_without_those_lines() {
    for topology in ["full", "ring", "sparse"] {
        let text = file(topology);
        let lock = lock(&text);
        let (spec, _) = load_without(text.as_bytes(), lock.as_bytes(), &[host("host2")].into()).expect("it is fine");
        let by_hand = text.replace("  - {name: host2, address: 192.0.2.2}\n", "");
        let (expected, _) = load_with_lock(by_hand.as_bytes(), Some(lock.as_bytes())).expect("it is fine");
        assert_eq!(plan(&spec).expect("a plan"), plan(&expected).expect("a plan"), "{topology}");
    }
}

/// The others' files differ in their links to it, and in nothing else.
#[test]
fn others_lose_their_links_and_keep_all_else() {
    let text = file("full");
    let lock = lock(&text);
    let (whole, _) = load_with_lock(text.as_bytes(), Some(lock.as_bytes())).expect("it is fine");
    let before = plan(&whole).expect("a plan");
    let (spec, _) = load_without(text.as_bytes(), lock.as_bytes(), &[host("host5")].into()).expect("it is fine");
    let after = plan(&spec).expect("a plan");
    for name in ["host1", "host2", "host3", "host4"] {
        let (then, now) = (files(&before, name), files(&after, name));
        assert_eq!(then.keys().collect::<Vec<_>>(), now.keys().collect::<Vec<_>>());
        let changed: Vec<&String> = then.keys().filter(|path| then[*path] != now[*path]).collect();
        assert_eq!(
            changed,
            [
                "/etc/meshimg/host.conf",
                "/etc/network/interfaces.d/60-meshimg",
                "/etc/systemd/system/networking.service.d/meshimg.conf"
            ],
            "{name}"
        );
        // Lines go, and those that name all ports are shorter.
        let interfaces = "/etc/network/interfaces.d/60-meshimg";
        let new: Vec<&str> = now[interfaces]
            .lines()
            .filter(|line| !then[interfaces].lines().any(|old| old == *line))
            .collect();
        assert!(new.iter().all(|line| line.trim_start().starts_with("ovs_ports ")), "{new:?}");
        assert!(then[interfaces].contains("192.0.2.5") && !now[interfaces].contains("192.0.2.5"));
    }
}

#[test]
fn what_the_rest_of_the_file_needs_is_an_error_with_its_place() {
    let text = file("full").replace("mesh: {", "mesh: {root: host5, ");
    let lock = lock(&text);
    let problems = load_without(text.as_bytes(), lock.as_bytes(), &[host("host5")].into()).expect_err("the root is gone");
    let found: Vec<(Code, &str)> = problems.iter().map(|problem| (problem.code, problem.path.as_str())).collect();
    assert_eq!(found, [(Code::MeshUnknownHost, "mesh.root")]);
    // And without hosts nothing is another.
    let (spec, _) = load_without(text.as_bytes(), lock.as_bytes(), &[].into()).expect("it is fine");
    assert_eq!(spec.hosts.len(), 5);
}
