//! Files that are accepted, and what they come to.

use crate::spec::{Api, Bfd, LoopProtection, Network, Os, Severity, Spec, Timers, Topology, Tunnel, load, render, to_json};

pub(super) const THREE_HOSTS: &str = "\
version: 1
name: demo
hosts:
  - {name: host1, address: 192.0.2.1}
  - {name: host2, address: 192.0.2.2}
  - {name: host3, address: 192.0.2.3}
";

/// Every key that there is, once for the cluster and once for a host.
pub(super) const EVERYTHING: &str = include_str!("everything.yaml");

pub(super) fn accepted(text: &str) -> Spec {
    let (spec, warnings) =
        load(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", render("cluster.yaml", text.as_bytes(), &problems, false)));
    assert_eq!(warnings, vec![]);
    spec
}

pub(super) fn codes(text: &str) -> Vec<&'static str> {
    let problems = load(text.as_bytes()).map_or_else(|problems| problems, |(_, warnings)| warnings);
    problems.iter().map(|problem| problem.code.as_str()).collect()
}

#[test]
fn defaults_are_the_documented_ones() {
    let spec = accepted(THREE_HOSTS);
    assert_eq!(
        (spec.underlay_mtu, spec.capacity, spec.tunnel, spec.loop_protection),
        (1500, 3, Tunnel::Gre, LoopProtection::Rstp)
    );
    assert_eq!(
        (spec.subnet.to_string().as_str(), spec.first_address, spec.timers),
        ("172.17.0.0/16", None, Timers::default())
    );
    assert_eq!((spec.root, spec.stand_in), (None, None));
    let host = &spec.hosts[2];
    assert_eq!((host.name.as_str(), host.address), ("host3", "192.0.2.3".parse().ok()));
    assert_eq!(
        (host.os, host.network, &host.underlay_interface),
        (Os::Debian13, Network::Ifupdown, &None)
    );
    assert_eq!((host.mesh_bridge.as_str(), host.container_bridge.as_str()), ("br0", "docker0"));
    assert_eq!((host.priority, host.container_address, host.slice), (None, None, None));
    let bfd = Bfd {
        interval_ms: 100,
        multiplier: 3,
    };
    assert_eq!((host.bfd, &host.docker_api, host.user.as_str()), (Some(bfd), &Api::None, "root"));
    assert!(host.docker_daemon.is_empty() && host.packages.is_empty() && host.authorized_keys.is_empty() && host.archive.is_none());
}

/// The classic recipe's three hosts.
#[test]
fn the_classic_addresses_are_fine() {
    let text = THREE_HOSTS
        .replace("192.0.2.1", "1.1.1.1")
        .replace("192.0.2.2", "2.2.2.2")
        .replace("192.0.2.3", "3.3.3.3");
    assert_eq!(accepted(&text).hosts[2].address, "3.3.3.3".parse().ok());
}

#[test]
fn every_key_arrives() {
    let json = serde_json::to_string_pretty(&accepted(EVERYTHING)).expect("a spec is JSON");
    insta::assert_snapshot!(json);
}

/// The file above, and that of droplets, really have every key: each of the schema occurs in one, but for `hello`, which rstp does not go with, and `links`,
/// which hubs do not.
#[test]
fn the_file_of_every_key_has_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&crate::spec::schema_json()).expect("JSON");
    let definitions = schema["$defs"].as_object().expect("definitions").values();
    for map in definitions.chain([&schema]) {
        for key in map["properties"].as_object().into_iter().flat_map(|keys| keys.keys()) {
            let occurs = [EVERYTHING, super::droplets::DROPLETS]
                .iter()
                .any(|file| file.contains(&format!("{key}:")));
            assert!(key == "hello" || key == "links" || occurs, "{key}");
        }
    }
}

#[test]
fn ipv6_underlay() {
    let text = "version: 1\nname: demo\nhosts:\n  - {name: a, address: 2001:db8::1}\n  - {name: b, address: \"2001:db8::2\"}\nunderlay: {interface: eth1}\n";
    let interface = accepted(text).hosts[0].underlay_interface.clone().expect("an interface");
    assert_eq!(
        (interface.prefix_length, interface.management.map(|name| name.to_string())),
        (64, Some("eth0".to_owned()))
    );
    // 1280 + 58 bytes of GRE over IPv6, one byte less, and the same for VXLAN.
    assert_eq!(
        codes(&format!("{text}mesh: {{tunnel: gre}}\n").replace("eth1", "eth1, mtu: 1338")),
        Vec::<&str>::new()
    );
    assert_eq!(codes(&text.replace("eth1", "eth1, mtu: 1337")), ["underlay::mtu-too-small"]);
    assert_eq!(
        codes(&format!("{text}mesh: {{tunnel: vxlan}}\n").replace("eth1", "eth1, mtu: 1349")),
        ["underlay::mtu-too-small"]
    );
}

#[test]
fn limits_of_the_mtu() {
    let with = |mtu: i64, tunnel: &str| codes(&format!("{THREE_HOSTS}underlay: {{mtu: {mtu}}}\nmesh: {{tunnel: {tunnel}}}\n"));
    assert_eq!(
        [with(614, "gre"), with(626, "vxlan"), with(626, "geneve"), with(9216, "gre")],
        [const { Vec::<&str>::new() }; 4]
    );
    assert_eq!([with(613, "gre"), with(625, "geneve")], [["underlay::mtu-too-small"]; 2]);
    assert_eq!([with(9217, "gre"), with(65535, "gre")], [["underlay::mtu-unusual"]; 2]);
    assert_eq!(
        [with(65536, "gre"), with(0, "gre"), with(-1, "gre"), with(i64::MAX, "gre")],
        [["underlay::mtu"]; 4]
    );
}

#[test]
fn management_follows_the_interface() {
    let management = |underlay: &str| {
        let spec = accepted(&format!("{THREE_HOSTS}underlay: {{{underlay}}}\n"));
        spec.hosts[0]
            .underlay_interface
            .as_ref()
            .and_then(|interface| interface.management.as_ref().map(|name| name.to_string()))
    };
    assert_eq!(management("interface: eth1").as_deref(), Some("eth0"));
    assert_eq!(management("interface: eth0"), None);
    assert_eq!(management("interface: eth1, management: none"), None);
    assert_eq!(management("interface: eth1, management: ens4").as_deref(), Some("ens4"));
    assert_eq!(
        codes(&format!("{THREE_HOSTS}underlay: {{interface: eth1, management: eth1}}\n")),
        ["names::taken"]
    );
}

#[test]
fn a_direct_fabric_goes_without_a_tree_and_not_without_bfd() {
    let with = |keys: &str| codes(&format!("{THREE_HOSTS}mesh: {{fabric: direct{keys}}}\n"));
    assert_eq!(with(""), Vec::<&str>::new());
    assert_eq!(with(", tunnel: vxlan, topology: full, bfd: {interval: 50ms}"), Vec::<&str>::new());
    for key in ["loop-protection: stp", "timers: {}", "root: host1", "stand-in: nobody"] {
        assert_eq!(with(&format!(", {key}")), ["mesh::tree-only"], "{key}");
    }
    assert_eq!(with(", bfd: none"), ["mesh::direct-without-bfd"]);
}

/// A frame is passed on once, by a host that does not say so when it can't.
#[test]
fn a_direct_fabric_needs_links_for_what_it_survives() {
    let with = |hosts: u8, keys: &str| {
        let list: String = (1..=hosts)
            .map(|host| format!("- {{name: host{host}, address: 192.0.2.{host}}}\n"))
            .collect();
        codes(&format!("version: 1\nname: demo\nmesh: {{fabric: direct, {keys}}}\nhosts:\n{list}"))
    };
    assert_eq!(with(12, "survive: 1"), Vec::<&str>::new());
    assert_eq!(with(12, "survive: 2"), Vec::<&str>::new());
    assert_eq!(with(12, "survive: 3"), ["mesh::fragile"]);
    assert_eq!(with(12, "topology: sparse, survive: 2"), ["mesh::reach"]);
    for reached in ["topology: ring", "topology: hub, hubs: [host1, host2]", "topology: sparse"] {
        assert_eq!(with(5, &format!("{reached}, survive: 0")), Vec::<&str>::new(), "{reached}");
        assert_eq!(with(5, &format!("{reached}, survive: 1")), ["mesh::fragile"], "{reached}");
        assert_eq!(with(5, reached), ["mesh::fragile"], "{reached}");
    }
    for survive in ["survive: 0", "survive: 1"] {
        assert_eq!(with(6, &format!("topology: ring, {survive}")), ["mesh::reach"]);
    }
    assert_eq!(with(2, ""), Vec::<&str>::new());
}

/// What the key of a tunnel has room for is less than the links that a tree may have.
#[test]
fn a_direct_fabric_has_numbers_for_2047_hosts() {
    let cluster = |hosts: u32| {
        let list: String = (1..=hosts)
            .map(|host| format!("- {{name: h{host}, address: 198.18.{}.{}}}\n", host / 200, 1 + host % 200))
            .collect();
        let text = format!("version: 1\nname: demo\nmesh: {{fabric: direct}}\ncontainers: {{subnet: 10.0.0.0/8}}\nhosts:\n{list}");
        let problems = load(text.as_bytes()).unwrap_err();
        problems.into_iter().map(|problem| problem.message).collect::<Vec<String>>()
    };
    assert!(cluster(2048).contains(&"a direct fabric numbers its hosts up to 2047, and these are 2048".to_owned()));
    assert!(cluster(2047)[0].starts_with("a full mesh of 2047 hosts has 2094081 links"));
}

#[test]
fn timers_are_judged_with_the_defaults_of_the_protocol() {
    let with = |keys: &str| codes(&format!("{THREE_HOSTS}mesh: {{{keys}}}\n"));
    assert_eq!(with("loop-protection: stp, timers: {max-age: 10}"), Vec::<&str>::new());
    assert_eq!(with("timers: {max-age: 10}"), Vec::<&str>::new());
    assert_eq!(with("timers: {max-age: 10, forward-delay: 5}"), ["mesh::timers"]);
    assert_eq!(with("timers: {max-age: 10, forward-delay: 6}"), Vec::<&str>::new());
    assert_eq!(with("timers: {hello: 2}"), ["mesh::stp-only"]);
    assert_eq!(with("timers: {}"), Vec::<&str>::new());
    assert_eq!(with("loop-protection: stp, timers: {hello: 1}"), Vec::<&str>::new());
    assert_eq!(with("loop-protection: stp, timers: {hello: 10}"), ["mesh::timers"]);
}

#[test]
fn named_roots_and_priorities() {
    let with = |first: u32, second: u32| {
        let text = THREE_HOSTS
            .replace("192.0.2.1}", &format!("192.0.2.1, mesh: {{priority: {first}}}}}"))
            .replace("192.0.2.2}", &format!("192.0.2.2, mesh: {{priority: {second}}}}}"));
        codes(&format!("{text}mesh: {{root: host1, stand-in: host2}}\n"))
    };
    assert_eq!(with(0, 4096), Vec::<&str>::new());
    assert_eq!(with(4096, 0), ["mesh::root-priority"]);
    assert_eq!(with(4096, 4096), ["mesh::root-priority"]);
    assert_eq!(with(4096, 32768), ["mesh::root-priority"]);
    assert_eq!(with(61440, 4096), ["mesh::root-priority"]);
}

/// A stand-in alone: whoever the plan makes the root, exactly one host comes before it.
#[test]
fn a_stand_in_without_a_root() {
    let with = |first: &str, second: &str| {
        let text = THREE_HOSTS
            .replace("192.0.2.1}", &format!("192.0.2.1{first}}}"))
            .replace("192.0.2.2}", &format!("192.0.2.2{second}}}"));
        codes(&format!("{text}mesh: {{stand-in: host1}}\n"))
    };
    let priority = |number: u32| format!(", mesh: {{priority: {number}}}");
    assert_eq!(with("", ""), Vec::<&str>::new());
    assert_eq!(with("", &priority(0)), Vec::<&str>::new());
    assert_eq!(with(&priority(8192), &priority(4096)), Vec::<&str>::new());
    // It would be the root; somebody else would be the stand-in; chance would decide.
    assert_eq!(with(&priority(0), ""), ["mesh::root-priority"]);
    assert_eq!(with(&priority(12288), ""), ["mesh::root-priority"]);
    assert_eq!(with("", &priority(8192)), ["mesh::root-priority"]);
}

#[test]
fn yaml_in_other_clothes_means_the_same() {
    let plain = accepted(THREE_HOSTS);
    for (what, text) in [
        ("byte order mark", format!("\u{feff}{THREE_HOSTS}")),
        ("CRLF", THREE_HOSTS.replace('\n', "\r\n")),
        ("no final newline", THREE_HOSTS.trim_end().to_owned()),
        ("document markers", format!("---\n{THREE_HOSTS}...\n")),
        ("empty keys", format!("{THREE_HOSTS}mesh:\ncontainers: ~\npackages:\n")),
        ("JSON", serde_json::json!({"version": 1, "name": "demo", "hosts": [
            {"name": "host1", "address": "192.0.2.1"}, {"name": "host2", "address": "192.0.2.2"}, {"name": "host3", "address": "192.0.2.3"}]}).to_string()),
        ("tabs between tokens", THREE_HOSTS.replace("version: 1", "version:\t1\t# one")),
    ] {
        assert_eq!(accepted(&text), plain, "{what}");
    }
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "version: 1\nname: demo\nhosts:\n  - &first {name: a, address: 192.0.2.1, packages: &p [htop]}\n  - {<<: *first, name: b, address: 192.0.2.2}\npackages: *p\n";
    let spec = accepted(text);
    assert_eq!(spec.hosts.iter().map(|host| host.packages.len()).collect::<Vec<_>>(), [1, 1]);
    // A problem in an anchored value is told at its place and at the alias.
    let problems = load(text.replace("htop", "Htop").as_bytes()).expect_err("no package");
    assert_eq!(
        problems
            .iter()
            .map(|problem| (problem.line, problem.path.as_str()))
            .collect::<Vec<_>>(),
        [(4, "hosts[0].packages[0]"), (5, "hosts[1].packages[0]"), (6, "packages[0]"),]
    );
}

/// An unknown key, a wrong type and broken rules in one file are told of together, in the order of the file.
#[test]
fn all_problems_at_once() {
    let text = "version: one\nnmae: demo\nhosts:\n  - {name: a, address: 192.0.2.1}\n  - {name: a, address: 192.0.2.1, mesh: {priority: 1}}\nunderlay: {mtu: 100}\nmesh: {root: c}\ndocker: {daemon: {mtu: 1}, api: {port: 1}}\n";
    assert_eq!(
        codes(text),
        [
            "keys::wrong-type",
            "keys::unknown",
            "hosts::duplicate-name",
            "hosts::duplicate-address",
            "mesh::priority",
            "underlay::mtu-too-small",
            "mesh::unknown-host",
            "docker::owned-option",
            "docker::unsafe-listener",
        ]
    );
}

#[test]
fn a_broken_value_does_not_accuse_the_default() {
    // The default subnet would overlap this underlay; the file names another, which is unreadable.
    let text = THREE_HOSTS.replace("192.0.2", "172.17.2");
    assert_eq!(codes(&format!("{text}containers: {{subnet: 10.20/16}}\n")), ["keys::not-a-subnet"]);
    assert_eq!(codes(&text), ["containers::overlap-underlay"; 3]);
}

#[test]
fn explicit_slices_and_addresses() {
    let text = THREE_HOSTS.replace(
        "192.0.2.3}",
        "192.0.2.3, containers: {slice: 172.17.192.0/20, address: 172.17.42.30}}",
    );
    let host = &accepted(&text).hosts[2];
    assert_eq!(host.slice.map(|slice| slice.to_string()).as_deref(), Some("172.17.192.0/20"));
    assert_eq!(
        host.container_address.map(|address| address.to_string()).as_deref(),
        Some("172.17.42.30")
    );
}

#[test]
fn json_and_colours() {
    let text = "version: 1\nname: demo\nhosts: []\n";
    let problems = load(text.as_bytes()).expect_err("no hosts");
    insta::assert_snapshot!(to_json("cluster.yaml", &problems));
    let plain = render("cluster.yaml", text.as_bytes(), &problems, false);
    let coloured = render("cluster.yaml", text.as_bytes(), &problems, true);
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}["));
    assert_eq!(problems[0].severity, Severity::Error);
}

#[test]
fn the_topology_is_full_for_few_hosts_and_sparse_for_more() {
    let hosts = |count: u32| {
        let list: String = (1..=count)
            .map(|number| format!("  - {{name: h{number}, address: 192.0.2.{number}}}\n"))
            .collect();
        format!("version: 1\nname: demo\nhosts:\n{list}")
    };
    assert_eq!((accepted(&hosts(8)).topology, accepted(&hosts(8)).survive), (Topology::Full, 1));
    assert_eq!(accepted(&hosts(9)).topology, Topology::Sparse);
    assert_eq!(accepted(&hosts(2)).survive, 0);
    let with = |mesh: &str| codes(&format!("{}mesh: {{{mesh}}}\n", hosts(5)));
    assert_eq!(with("topology: ring"), Vec::<&str>::new());
    assert_eq!(with("topology: ring, survive: 2"), ["mesh::fragile"]);
    assert_eq!(with("topology: full, survive: 3"), Vec::<&str>::new());
    assert_eq!(with("topology: hub"), ["mesh::hubs"]);
    assert_eq!(with("hubs: [h1]"), ["mesh::hubs"]);
    assert_eq!(with("topology: hub, hubs: [h1]"), ["mesh::fragile"]);
    assert_eq!(with("topology: hub, hubs: [h1], survive: 0"), Vec::<&str>::new());
    assert_eq!(with("topology: hub, hubs: [h1, x9]"), ["mesh::unknown-host"]);
    assert_eq!(
        with("topology: {links: [[h1, h2], [h2, h3], [h3, h4], [h4, h5], [h5, h1]]}"),
        Vec::<&str>::new()
    );
    assert_eq!(with("topology: {links: [[h1, h2], [h2, h3], [h3, h4]]}"), ["mesh::cut-off"]);
    assert_eq!(with("topology: {links: [[h1]]}"), ["keys::wrong-type"]);
    assert_eq!(with("topology: star"), ["keys::unknown-value"]);
}

/// Many hosts, each with a slice of its own: told of in little time, and only where two are the same.
#[test]
fn slices_of_many_hosts_are_compared() {
    let text = |second: u32| {
        let list: String = (0..6000_u32)
            .map(|number| {
                let slice = if number == 5999 { second } else { number };
                let (a, b) = (slice / 256, slice % 256);
                format!(
                    "  - {{name: h{number}, address: 192.0.{}.{}, containers: {{slice: 10.{}.{b}.0/24}}}}\n",
                    number / 200,
                    number % 200 + 1,
                    a + 64
                )
            })
            .collect();
        format!("version: 1\nname: demo\ncontainers: {{subnet: 10.0.0.0/8}}\nhosts:\n{list}")
    };
    assert_eq!(codes(&text(5999)), ["hosts::large-domain"]);
    assert_eq!(codes(&text(17)), ["containers::slice-overlap"]);
}
