//! With a nixpkgs: hosts, VM tests and flakes evaluate, and bad input is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use meshimg::render::host_files;
use serde_json::{Value, json};

use super::evaluated;
use super::files::program;
use super::{example, examples, project, written};

/// A flake reference of the nixpkgs; `None` when there is none.
fn nixpkgs() -> Option<String> {
    let Some(place) = std::env::var("MESHIMG_NIXPKGS").ok().filter(|place| !place.is_empty()) else {
        eprintln!("skipped: MESHIMG_NIXPKGS names no nixpkgs");
        return None;
    };
    program("nix")?;
    Some(if place.starts_with('/') { format!("path:{place}") } else { place })
}

fn nix() -> Command {
    let mut command = Command::new("nix");
    command.args(["--extra-experimental-features", "nix-command flakes"]);
    command
}

/// The value of tests/nix/eval.nix at `path`.
fn evaluate(nixpkgs: &str, path: &str) -> Value {
    let file = project("tests/nix/eval.nix");
    let expression = format!(
        "(import {} {{ nixpkgs = builtins.getFlake \"{nixpkgs}\"; }}).{path}",
        file.display()
    );
    let output = nix()
        .args(["eval", "--impure", "--json", "--expr", &expression])
        .output()
        .expect("nix starts");
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Each change and the beginning of what is said of it.
const BAD: [(&str, &[&str]); 16] = [
    ("nothing", &[]),
    ("nftables", &[]),
    (
        "same-slice",
        &["services.meshimg.containers.slice, 172.17.64.0/18, has addresses that host2 hands out too: give each host a slice of its own."],
    ),
    (
        "overlapping-slice",
        &["services.meshimg.containers.slice, 172.17.64.0/18, has addresses that host2 hands out too: give each host a slice of its own."],
    ),
    (
        "link-to-itself",
        &["services.meshimg.mesh.links.gre1 leads from host1 to itself: name another host as its peer."],
    ),
    (
        "unknown-peer",
        &["services.meshimg.mesh.links.gre1.peer is host9, of which nothing is known: add it to services.meshimg.peers."],
    ),
    (
        "mtu-above-underlay",
        &[
            "services.meshimg.mesh.mtu is 1500, and with 38 bytes for the tunnel that is above services.meshimg.underlay.mtu, 1500: set it to \
           1462 on all hosts.",
        ],
    ),
    (
        "loop-without-protection",
        &[
            "services.meshimg.mesh.loopProtection is none without services.meshimg.mesh.rules, and this host has 2 links, which can close a loop: set it to rstp.",
        ],
    ),
    (
        "iptables-rules-with-nftables",
        &[
            "services.meshimg: networking.firewall.extraCommands has rules of iptables, and networking.nftables.enable is true: say the same in \
           networking.firewall.extraInputRules, in the words of nft, or set networking.nftables.enable = false.",
        ],
    ),
    (
        "docker-disabled",
        &[
            "services.meshimg needs Docker, and virtualisation.docker.enable is false: remove that line, or set services.meshimg.enable = \
           false.",
        ],
    ),
    (
        "firewall-disabled",
        &[
            "services.meshimg lets tunnels in from the peers alone, and networking.firewall.enable is false, so they would come from \
           everywhere: remove that line, or set services.meshimg.firewall.enable = false and see to it elsewhere.",
        ],
    ),
    (
        "same-address",
        &[
            "services.meshimg.mesh.links.gre1 leads from host1 to itself: name another host as its peer.",
            "services.meshimg: two hosts have one address on the underlay: give each of services.meshimg.address and \
             services.meshimg.peers.<name>.address its own.",
        ],
    ),
    (
        "address-in-slice",
        &[
            "services.meshimg.containers.address, 172.17.64.1, is in the slice of a host, whose Docker would hand it out: take one outside of \
           all slices.",
        ],
    ),
    (
        "owned-setting",
        &["services.meshimg.docker.settings has bridge, which the mesh decides: remove it there."],
    ),
    (
        "half-a-source",
        &["services.meshimg.openVSwitch.source is not whole: set version, url and hash, or none of them."],
    ),
    (
        "nothing-set",
        &[
            "services.meshimg.address is not set: give this host's address on the underlay.",
            "services.meshimg.containers.address or services.meshimg.containers.slice is not set: give this host's part of the container \
             subnet.",
            "services.meshimg.host is not set: give this host the name that it has in cluster.yaml.",
            "services.meshimg.mesh.links is empty: give this host a tunnel to each peer, or set services.meshimg.enable = false.",
            "services.meshimg.mesh.mac or services.meshimg.containers.mac is not set: give each bridge of each host a MAC address of its \
             own.",
        ],
    ),
];

#[test]
fn bad_input_is_told_and_tunnels_come_from_peers_alone() {
    let Some(nixpkgs) = nixpkgs() else { return };
    let changed = evaluate(&nixpkgs, "changed");
    assert_eq!(changed.as_object().map(|changes| changes.len()), Some(BAD.len()));
    for (change, wanted) in BAD {
        let mut found: Vec<&str> = changed[change]["failed"]
            .as_array()
            .expect(change)
            .iter()
            .filter_map(Value::as_str)
            .collect();
        found.sort_unstable();
        assert_eq!(found, wanted, "{change}");
    }
    assert_eq!(
        changed["nothing"]["rules"],
        json!([
            "iptables -w -A nixos-fw -p gre -s 192.0.2.2 -j nixos-fw-accept",
            "iptables -w -A nixos-fw -p gre -s 192.0.2.3 -j nixos-fw-accept"
        ])
    );
    assert_eq!(
        changed["nftables"]["rules"],
        json!(["ip saddr { 192.0.2.2, 192.0.2.3 } meta l4proto gre accept"])
    );
}

#[test]
fn docker_comes_behind_the_mesh_and_open_vswitch_from_its_source() {
    let Some(nixpkgs) = nixpkgs() else { return };
    let docker = evaluate(&nixpkgs, "docker");
    for key in ["after", "wants"] {
        let units = docker[key].as_array().expect(key);
        assert!(units.contains(&json!("meshimg-mesh.service")), "{key}: {units:?}");
    }
    assert_eq!(docker["settings"]["bridge"], "docker0");
    assert_eq!(docker["settings"]["fixed-cidr"], "172.17.64.0/18");
    assert_eq!(docker["settings"]["mtu"], 1462);
    assert_eq!(
        docker["forwarding"],
        Value::Null,
        "Docker would find forwarding on, and leave it open"
    );
    let source = evaluate(&nixpkgs, "source");
    assert_eq!(source["version"], "3.5.0");
    assert_eq!(source["mends"], true);
    assert_eq!(source["url"], "https://archive.example/openvswitch-3.5.0.tar.gz");
}

/// Assertions hold, toplevel, images and the VM test's driver instantiate, and Open vSwitch is told the same as on Debian.
#[test]
fn the_examples_evaluate() {
    let Some(nixpkgs) = nixpkgs() else { return };
    let mut all = BTreeMap::new();
    for name in examples() {
        let plan = example(&name);
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (file, text) in written(&plan) {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let found = evaluate(&nixpkgs, &format!("cluster {}", folder.path().display()));
        assert_eq!(found["hosts"].as_object().map(|hosts| hosts.len()), Some(plan.hosts.len()));
        assert_eq!(found["names"].as_array().map(Vec::len), Some(2 * plan.hosts.len()), "{name}");
        assert_eq!(found["images"].as_object().map(|images| images.len()), Some(2), "{name}");
        assert!(found["driver"].as_str().is_some_and(|path| path.ends_with(".drv")), "{name}");
        let hosts: &mut BTreeMap<String, evaluated::Host> = all.entry(name.clone()).or_default();
        for host in &plan.hosts {
            let it = &found["hosts"][host.name.as_str()];
            assert_eq!((&it["failed"], &it["warnings"]), (&json!([]), &json!([])), "{name}/{}", host.name);
            assert!(it["toplevel"].as_str().is_some_and(|path| path.ends_with(".drv")), "{name}");
            let files: String = host_files(&plan, host)
                .expect("the files of Debian")
                .into_iter()
                .map(|file| file.text)
                .collect();
            let bridge = it["bridge"].as_str().expect("words");
            assert!(files.contains(bridge), "{name}/{}: {bridge}\n{files}", host.name);
            let tunnels = it["tunnels"].as_str().expect("lines");
            assert_eq!(tunnels.lines().count(), host.mesh_bridge.ports.len());
            for line in tunnels.lines() {
                let (port, interface) = line.split_once(" -- ").expect("port -- interface");
                let (kind, rest) = interface.split_once(' ').expect("type and options");
                let (options, settings): (Vec<&str>, Vec<&str>) = rest.split(' ').partition(|word| word.starts_with("options:"));
                let (options, settings) = (options.join(" "), settings.join(" "));
                let (tunnel, port) = port.split_once(' ').expect("name and words");
                let kind = kind.trim_start_matches("type=");
                let ifupdown = format!(
                    "ovs_tunnel_type {kind}\n    ovs_tunnel_options {options}\n    ovs_extra set port {tunnel} {port} -- set interface {tunnel} {settings}\n"
                );
                assert!(files.contains(line) || files.contains(&ifupdown), "{name}/{}: {line}", host.name);
            }
            for (key, value) in &host.docker.daemon {
                assert_eq!(it["daemon"][key], *value, "{name}/{}: {key}", host.name);
            }
            assert_eq!(it["runs"], true, "{name}/{}: the unit reads something else", host.name);
            let (mesh, daemon) = (it["configuration"].as_str(), it["daemon"].as_object());
            let evaluated = evaluated::Host {
                mesh: mesh.expect("a text").to_owned(),
                daemon: daemon.expect("a set").clone(),
            };
            hosts.insert(host.name.to_string(), evaluated);
        }
    }
    let release = evaluate(&nixpkgs, "release");
    evaluated::compare(release.as_str().expect("a text").to_owned(), all);
}

/// `nix flake check --no-build` of the project: the package, the checks with their VM tests, shells, templates and modules.
#[test]
fn the_projects_flake_evaluates() {
    let Some(nixpkgs) = nixpkgs() else { return };
    let output = nix()
        .args([
            "flake",
            "check",
            "--no-build",
            "--no-write-lock-file",
            "--override-input",
            "nixpkgs",
            &nixpkgs,
        ])
        .arg(format!("git+file://{}", project("").display()))
        .output()
        .expect("nix starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
