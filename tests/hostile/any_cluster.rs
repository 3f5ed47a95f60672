//! Any valid cluster.yaml, made of choices: for property tests, which choose at random and shrink, and for the fuzzer, which mutates them.

#[path = "any_mesh.rs"]
mod any_mesh;
#[path = "any_source.rs"]
mod any_source;
#[path = "choices.rs"]
mod choices;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use any_mesh::{bfd, mesh};
use any_source::open_vswitch;
pub use choices::{Choices, STRINGS};
use choices::{text, value};
use ipnet::Ipv4Net;
use meshimg::plan::address::{Cut, cut};
use serde_json::{Map, Value, json};

/// With a number of up to four digits, the longest label there is.
const LONG: &str = "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllll";

/// A legal name that ends in a number, so that no two are equal.
fn name(choices: &mut Choices<'_>, number: u32) -> String {
    let stem = choices.of(&["host", "a", "0", "no", "null", "x--y", "true", LONG]);
    format!("{stem}{number}")
}

/// The cluster's settings that others depend on.
struct Frame {
    hosts: u32,
    is_ipv4: bool,
    has_gateway: bool,
    has_priorities: bool,
    /// Without a tree.
    is_direct: bool,
    has_sites: bool,
    /// Open vSwitch is built for all hosts that say nothing else, and that only Debian's can have.
    is_built: bool,
    cut: Option<Cut>,
}

impl Frame {
    fn address(&self, offset: u32) -> IpAddr {
        match self.is_ipv4 {
            true => Ipv4Addr::from(0x6440_0000 + offset).into(),
            false => Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(offset)).into(),
        }
    }
}

/// The text of a cluster.yaml that `meshimg check` must accept, with warnings perhaps. It has at most `hosts_max` hosts, and mostly few:
/// what a cluster says of one host is not there more often in one of many.
pub fn cluster_yaml(choices: &mut Choices<'_>, hosts_max: u32) -> String {
    let hosts = choices.few(2, hosts_max);
    let mut file = json!({ "version": 1, "name": name(choices, 1) });
    let mut frame = Frame {
        hosts,
        is_ipv4: !choices.yes(),
        has_gateway: false,
        has_priorities: false,
        is_direct: false,
        has_sites: false,
        is_built: false,
        cut: None,
    };
    let mut set = |key: &str, made: Option<Value>| made.map(|made| file[key] = made);
    set("os", choices.maybe(os));
    set("network", choices.maybe(|choices| choices.of(&["ifupdown", "systemd"]).into()));
    set("packages", choices.maybe(packages));
    set("archive", choices.maybe(archive));
    set("docker", choices.maybe(docker));
    set("access", choices.maybe(access));
    let is_debian = !file["os"].as_str().is_some_and(|os| os.starts_with("ubuntu"));
    if choices.rarely() {
        let source = open_vswitch(choices, is_debian);
        frame.is_built = source["source"] == "build";
        file["open-vswitch"] = source;
    }
    let mut set = |key: &str, made: Option<Value>| made.map(|made| file[key] = made);
    let tunnel = choices.of(&["gre", "vxlan", "geneve"]);
    set("underlay", choices.maybe(|choices| underlay(choices, &mut frame)));
    set("containers", choices.maybe(|choices| containers(choices, &mut frame)));
    let names: Vec<String> = (1..=hosts).map(|number| name(choices, number)).collect();
    set("mesh", Some(mesh(choices, &mut frame, tunnel, &names)));
    let mut taken = 0;
    let list: Vec<Value> = names
        .iter()
        .map(|name| {
            taken += choices.between(1, 300);
            // Not the first and last of a /24, the prefix length where none is given: they are no host's.
            taken += match taken % 256 {
                0 | 255 => 2,
                _ => 0,
            };
            host(choices, &frame, name, taken)
        })
        .collect();
    set("hosts", Some(list.into()));
    // JSON is YAML, but for the places of line breaks: indented, it has short lines.
    serde_json::to_string_pretty(&file).expect("a value is JSON")
}

fn os(choices: &mut Choices<'_>) -> Value {
    choices.of(&["debian-13", "debian-12", "ubuntu-22.04", "ubuntu-24.04"]).into()
}

fn packages(choices: &mut Choices<'_>) -> Value {
    let count = choices.below(4);
    (0..count).map(|_| choices.of(&["htop", "jq", "g++", "0ad", "lib.a-b+c"])).collect()
}

fn archive(choices: &mut Choices<'_>) -> Value {
    let urls = [
        "https://archive.example/debian",
        "http://archive.example:8080/a,b=c@d%20e",
        "file:///srv/archive",
    ];
    choices.of(&urls).into()
}

fn docker(choices: &mut Choices<'_>) -> Value {
    let mut docker = Map::new();
    if choices.yes() {
        let mut daemon = Map::new();
        for _ in 0..choices.below(4) {
            let option = choices.of(&[
                "log-driver",
                "log-opts",
                "labels",
                "debug",
                "default-ulimits",
                "proxies",
                "dns",
                "no-such-option",
            ]);
            daemon.insert(option.to_owned(), value(choices, 3));
        }
        docker.insert("daemon".into(), daemon.into());
    }
    if choices.yes() {
        let port = choices.between(1, 65535);
        let path = |choices: &mut Choices<'_>| choices.of(&["/a", "/etc/docker/ca.pem", "/.-_+/x", "/"]).to_owned();
        let api = match choices.below(3) {
            0 => json!("none"),
            1 => json!({ "unsafe-without-tls": { "port": port } }),
            _ => json!({ "tls": { "ca": path(choices), "certificate": path(choices), "key": path(choices), "port": port } }),
        };
        docker.insert("api".into(), api);
    }
    docker.into()
}

fn access(choices: &mut Choices<'_>) -> Value {
    let mut access = Map::new();
    if let Some(user) = choices.maybe(|choices| choices.of(&["root", "admin", "_a-b", "no"])) {
        access.insert("user".into(), user.into());
    }
    let keys = choices.below(3);
    let keys: Vec<String> = (0..keys)
        .map(|_| {
            let comment: String = text(choices).chars().filter(|c| !c.is_control()).collect();
            let kind = choices.of(&["ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256"]);
            format!("{kind} AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAA+/= {comment}")
        })
        .collect();
    access.insert("authorized-keys".into(), keys.into());
    access.into()
}

/// From a prefix length that all addresses fit in, or one that only warns.
fn prefix_length(choices: &mut Choices<'_>, frame: &Frame) -> u32 {
    match (frame.is_ipv4, !frame.has_gateway && choices.rarely()) {
        (true, false) => choices.between(8, 16),
        (false, false) => choices.between(24, 64),
        (true, true) => choices.between(31, 32),
        (false, true) => choices.between(65, 128),
    }
}

fn underlay(choices: &mut Choices<'_>, frame: &mut Frame) -> Value {
    // 1280 and 70 bytes of overhead are the most that any kind of tunnel needs.
    let mut underlay = json!({ "mtu": choices.between(1350, 9216) });
    if choices.rarely() {
        underlay["mtu"] = choices.between(9217, 65535).into();
    }
    if choices.yes() {
        underlay["interface"] = choices.of(&["eth1", "ens3", "enp0s3.7", "x-_.y"]).into();
        // The gateway is on every host's network.
        underlay["prefix-length"] = if frame.is_ipv4 { 16 } else { 64 }.into();
        if choices.yes() {
            frame.has_gateway = true;
            underlay["gateway"] = frame.address(0xfffe).to_string().into();
        }
        underlay["prefix-length"] = prefix_length(choices, frame).into();
        if choices.yes() {
            underlay["management"] = choices.of(&["none", "eth0", "wan0"]).into();
        }
    }
    underlay
}

fn containers(choices: &mut Choices<'_>, frame: &mut Frame) -> Value {
    let mut containers = Map::new();
    if let Some(bridge) = choices.maybe(|choices| choices.of(&["docker0", "docker1", "C-_.9"])) {
        containers.insert("bridge".into(), bridge.into());
    }
    let subnet = match choices.below(4) {
        0 => "172.17.0.0/16".parse().expect("a network"),
        1 => Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 | choices.below(1 << 24)), choices.between(8, 20) as u8).expect("a short prefix"),
        2 => Ipv4Net::new(Ipv4Addr::from(0xc0a8_0000 | choices.below(1 << 16)), choices.between(16, 21) as u8).expect("a short prefix"),
        _ => Ipv4Net::new(Ipv4Addr::from(0xac10_0000 | choices.below(1 << 20)), choices.between(12, 20) as u8).expect("a short prefix"),
    }
    .trunc();
    containers.insert("subnet".into(), subnet.to_string().into());
    let capacity = frame.hosts + choices.below(9);
    if capacity > frame.hosts {
        containers.insert("capacity".into(), capacity.into());
    }
    let first = choices.maybe(|choices| Ipv4Addr::from(u32::from(subnet.network()) + choices.between(1, 300)));
    if let Some(first) = first {
        containers.insert("first-address".into(), first.to_string().into());
    }
    frame.cut = cut(subnet, capacity, frame.hosts, first).ok();
    assert!(frame.cut.is_some(), "no room in {subnet} for {capacity} hosts from {first:?}");
    containers.into()
}

fn host(choices: &mut Choices<'_>, frame: &Frame, name: &str, offset: u32) -> Value {
    let mut host = json!({ "name": name, "address": frame.address(offset).to_string() });
    if frame.has_sites
        && let Some(site) = choices.maybe(|choices| choices.of(&["north", "south", "a-1"]))
    {
        host["site"] = site.into();
    }
    // Most hosts are plain, so that their number is not bound to the number of choices there are.
    if !choices.rarely() {
        return host;
    }
    let mut set = |key: &str, made: Option<Value>| made.map(|made| host[key] = made);
    set("os", choices.maybe(os));
    set("network", choices.maybe(|choices| choices.of(&["ifupdown", "systemd"]).into()));
    set("packages", choices.maybe(packages));
    set("archive", choices.maybe(archive));
    set("docker", choices.maybe(docker));
    set("access", choices.maybe(access));
    if choices.rarely() || (frame.is_built && host["os"].as_str().is_some_and(|os| os.starts_with("ubuntu"))) {
        let is_debian = host["os"].as_str().is_some_and(|os| os.starts_with("debian"));
        host["open-vswitch"] = open_vswitch(choices, is_debian);
    }
    let mut set = |key: &str, made: Option<Value>| made.map(|made| host[key] = made);
    set(
        "underlay",
        choices.maybe(|choices| {
            let mut underlay = json!({ "interface": choices.of(&["eth1", "ens9"]) });
            if choices.yes() {
                underlay["prefix-length"] = prefix_length(choices, frame).into();
            }
            if choices.yes() {
                underlay["management"] = choices.of(&["none", "eth7"]).into();
            }
            underlay
        }),
    );
    set(
        "mesh",
        choices.maybe(|choices| {
            let mut mesh = json!({ "bridge": choices.of(&["br0", "own-mesh"]) });
            if frame.has_priorities && choices.yes() {
                mesh["priority"] = (choices.below(16) * 4096).into();
            }
            if choices.yes() {
                mesh["bfd"] = bfd(choices, !frame.is_direct);
            }
            mesh
        }),
    );
    // The last that the subnet was cut for, if that is no host's yet: only one host can have it.
    let spare = frame
        .cut
        .as_ref()
        .filter(|cut| cut.capacity > frame.hosts && name.ends_with('1') && offset < 303);
    set(
        "containers",
        choices.maybe(|choices| {
            let mut containers = json!({ "bridge": choices.of(&["docker0", "own-bridge"]) });
            if let Some(cut) = spare {
                if choices.yes() {
                    let address = cut.address(cut.capacity).expect("within the capacity");
                    containers["address"] = address.to_string().into();
                }
                if choices.yes() {
                    let block = cut.slice(cut.capacity).expect("within the capacity");
                    let length = choices.between(block.prefix_len().into(), 30) as u8;
                    containers["slice"] = Ipv4Net::new(block.network(), length).expect("at most 30").to_string().into();
                }
            }
            containers
        }),
    );
    host
}
