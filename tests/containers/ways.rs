//! All ways up of the mesh give the same: each host of each example by ifupdown, by the unit of systemd, and by the unit that NixOS has, on real
//! bridges and with a real Docker. And what the unit's script promises besides: a second run changes nothing, a third sets right what was changed
//! by hand, `down` leaves nothing.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::{Failed, Trial};
use meshimg::machine::openvswitch::parse;
use meshimg::render::{MODULES, host_files};
use meshimg::spec::Network;

use serde_json::{Map, Value, json};

use super::container::{Container, Ended};
use super::host::{self, Host};
use super::openvswitch::{shown, wanted};
use super::parsers::differences;

const SCRIPT: &str = include_str!("scripts/ways.sh");

/// What each host of each example has on NixOS, by example and name; tests/nix evaluates it.
const NIXOS: &str = include_str!("../nixos-hosts.json");

/// What Docker cannot be given here: a socket of systemd's, and certificates that the operator puts on a host.
const NOT_HERE: [&str; 5] = ["hosts", "tlsverify", "tlscacert", "tlscert", "tlskey"];

/// A change to what one of the ways gets: the way, the name of a file, what is in it, what is there instead.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

/// What must be found for each mistake.
const MISTAKES: &[(Mistake, &str)] = &[
    (
        ("systemd", "host.conf", "options:remote_ip=192.0.2.2", "options:remote_ip=192.0.2.3"),
        "systemd: missing: port gre1",
    ),
    (
        ("systemd", "host.conf", "MESH_MTU='1462'", "MESH_MTU='1400'"),
        "systemd: missing: link br0 mtu 1462",
    ),
    (
        (
            "systemd",
            "host.conf",
            "CONTAINER_ADDRESS='172.17.42.1/16'",
            "CONTAINER_ADDRESS='172.17.42.9/16'",
        ),
        "systemd: missing: address docker0",
    ),
    (
        ("systemd", "mesh", " forward_delay 0 ", " forward_delay 200 "),
        "systemd: missing: link docker0 stp 0 forward delay 0",
    ),
    (
        (
            "systemd",
            "mesh",
            "ovs-vsctl --timeout=30 -- \"$@\"",
            "ovs-vsctl --if-exists del-br br0 -- \"$@\"",
        ),
        "a second run made something anew",
    ),
    (
        (
            "systemd",
            "mesh",
            "clear interface \"$name\" options bfd",
            "clear interface \"$name\" bfd",
        ),
        "repaired: not wanted: port gre1",
    ),
    (
        (
            "systemd",
            "mesh",
            "set Open_vSwitch . \"other_config",
            "set Open_vSwitch . \"external_ids",
        ),
        "repaired: missing: daemon max-revalidator Some(\"200\")",
    ),
    (
        ("systemd", "mesh", "[ -z \"$remote\" ] ||", "true ||"),
        "repaired: not wanted: port stray",
    ),
    (
        ("systemd", "mesh", "[ -n \"$deleted\" ]", "false"),
        "repaired: missing: address docker0",
    ),
    (
        ("systemd", "mesh", "[ \"$1\" = true ]", "false"),
        "a bridge with another spanning tree was not made anew",
    ),
    (
        ("systemd", "mesh", "ip link delete dev \"$CONTAINER_BRIDGE\"", "true"),
        "down: not wanted: link docker0",
    ),
    (
        (
            "systemd",
            "mesh",
            "--timeout=10 --if-exists del-br",
            "--if-exists del-port stray # ",
        ),
        "down: not wanted: bridge br0",
    ),
    (
        ("systemd", "mesh", "if [ -e \"$memory\" ]", "if false"),
        "the container has lost its place",
    ),
    (
        ("systemd", "daemon.json", "172.17.64.0/18", "172.17.0.0/18"),
        "systemd: missing: docker \"IPRange\": \"172.17.64.0/18\"",
    ),
    (
        ("nixos", "daemon.json", "1462", "1400"),
        "nixos: missing: docker \"com.docker.network.driver.mtu\": \"1462\"",
    ),
    (("nixos", "host.conf", "'1462'", "'1400'"), "nixos: missing: link docker0 mtu 1462"),
];

pub fn tests() -> Result<Vec<Trial>, Failed> {
    let same = |host: Host| {
        let name = format!("ways::{}::{}::{}", host.example, host.plan.name, host.release());
        Trial::test(name, move || {
            let findings = compare(&host, None)?;
            if findings.is_empty() {
                Ok(())
            } else {
                Err(findings.join("\n").into())
            }
        })
    };
    let mut tests: Vec<Trial> = host::all()?.into_iter().map(same).collect();
    for (number, (mistake, finding)) in MISTAKES.iter().enumerate() {
        let (way, file, ..) = mistake;
        let name = format!("ways::broken::{way}::{file}::{number}");
        tests.push(Trial::test(name, move || red(mistake, finding)));
    }
    Ok(tests)
}

fn red(mistake: &Mistake, finding: &str) -> Result<(), Failed> {
    let mut hosts = host::all()?.into_iter();
    let host = hosts
        .find(|host| host.example == "systemd" && host.plan.name.as_str() == "host1")
        .ok_or("the example systemd has changed")?;
    let findings = compare(&host, Some(mistake))?;
    if findings.iter().any(|found| found.contains(finding)) {
        Ok(())
    } else {
        Err(format!("no {finding:?} in\n{}", findings.join("\n")).into())
    }
}

/// Path and text of files on a host.
type Files = Vec<(String, String)>;

/// The files that each way of `host` puts on it, by way.
fn ways(host: &Host) -> Result<BTreeMap<&'static str, Files>, Failed> {
    let mut ways = BTreeMap::new();
    for (network, name) in [(Network::Ifupdown, "ifupdown"), (Network::Systemd, "systemd")] {
        let mut plan = host.plan.clone();
        plan.network = network;
        let files = host_files(&host.cluster, &plan)?;
        ways.insert(name, files.into_iter().map(|file| (file.path, file.text)).collect());
    }
    let evaluated: Value = serde_json::from_str(NIXOS)?;
    let here = &evaluated["hosts"][&host.example][host.plan.name.as_str()];
    let script = MODULES
        .iter()
        .find(|(name, _)| *name == "mesh")
        .ok_or("no module is called mesh")?
        .1;
    let nixos = vec![
        (
            "/etc/meshimg/host.conf".to_owned(),
            here["mesh"].as_str().ok_or("nothing was evaluated for this host")?.to_owned(),
        ),
        ("/etc/docker/daemon.json".to_owned(), here["daemon"].to_string()),
        ("/usr/local/lib/meshimg/mesh".to_owned(), script.to_owned()),
    ];
    ways.insert("nixos", nixos);
    Ok(ways)
}

/// Docker's settings in a container: all that bear on its network, and folders and a driver that are possible there.
fn settings(way: &str, text: &str) -> Result<String, Failed> {
    let mut settings: Map<String, Value> = serde_json::from_str(text)?;
    settings.retain(|key, _| !NOT_HERE.contains(&key.as_str()));
    let folders = [("data-root", "data"), ("exec-root", "exec"), ("pidfile", "pid")];
    settings.extend(folders.map(|(key, name)| (key.to_owned(), json!(format!("/tmp/docker-{way}/{name}")))));
    settings.insert("storage-driver".to_owned(), json!("vfs"));
    // Switched on by Docker itself, in a part of /proc that containers may only read.
    settings.insert("ip-forward".to_owned(), json!(false));
    Ok(serde_json::to_string(&settings)?)
}

/// What is wrong with the ways of `host`.
fn compare(host: &Host, mistake: Option<&Mistake>) -> Result<Vec<String>, Failed> {
    let mut files = BTreeMap::new();
    for (way, its) in ways(host)? {
        for (path, mut text) in its {
            if let Some((_, of, from, to)) = mistake.filter(|mistake| mistake.0 == way)
                && path.ends_with(&format!("/{of}"))
            {
                let changed = text.replace(from, to);
                if changed == text {
                    return Err(format!("{of} has no {from:?} that could be broken").into());
                }
                text = changed;
            }
            if path == "/etc/docker/daemon.json" {
                text = settings(way, &text)?;
            }
            let of_the_mesh = ["/etc/network/", "/etc/meshimg/", "/etc/docker/", "/usr/local/lib/meshimg/"];
            if of_the_mesh.iter().any(|folder| path.starts_with(folder)) {
                files.insert(format!("/in/{way}{path}"), text.into_bytes());
            }
        }
    }
    let container = Container::with_bridges(host, files)?;
    let ended = container.script(SCRIPT)?;
    container.end()?;
    Ok(judge(host, &ended))
}

/// The sections of what the script printed, by name.
fn sections(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.starts_with("wrong: ")) {
        match line.strip_prefix("# ") {
            Some(next) => {
                name = next;
                sections.entry(name).or_default();
            }
            None => sections.entry(name).or_default().push(line),
        }
    }
    sections
}

/// A section's bridges, addresses and database, a line for each thing; what is wrong with it goes to `findings`.
fn state(name: &str, lines: &[&str], findings: &mut Vec<String>) -> BTreeSet<String> {
    let tables: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("ovs ")).collect();
    let mut state: BTreeSet<String> = lines
        .iter()
        .filter(|line| !line.starts_with("ovs "))
        .map(|line| (*line).to_owned())
        .collect();
    match parse(&tables.join("\n")) {
        Ok(found) => state.extend(shown(&found)),
        Err(error) => findings.push(format!("{name}: the database: {error}")),
    }
    state
}

fn judge(host: &Host, ended: &Ended) -> Vec<String> {
    let mut findings = ended.complaints();
    let sections = sections(&ended.stdout);
    let section = |name: &str| sections.get(name).cloned().unwrap_or_default();
    let mut state = |name: &str| state(name, &section(name), &mut findings);
    let ifupdown = state("ifupdown");
    let others = ["systemd", "nixos"].map(|name| (name, state(name)));
    let later = ["repaired", "protocol", "again"].map(|name| (name, state(name)));
    let nothing = ["without-ifupdown", "down", "without-systemd"].map(|name| (name, state(name)));
    // Two ways that both do nothing would be the same too.
    let of_ovs = ifupdown
        .iter()
        .filter(|line| ["daemon ", "bridge "].iter().any(|word| line.starts_with(word)) || line.contains(" bfd "));
    findings.extend(
        differences(&wanted(host), &of_ovs.cloned().collect())
            .into_iter()
            .map(|line| format!("ifupdown: {line}")),
    );
    let bridge = &host.plan.container_bridge;
    let address = format!("address {} inet {}/{} ", bridge.name, bridge.address, bridge.prefix_length);
    if !ifupdown.iter().any(|line| squeezed(line).starts_with(&address)) {
        findings.push(format!("ifupdown: no {address:?}"));
    }
    let of_docker = [
        format!("\"Gateway\": \"{}\"", bridge.address),
        format!("\"IPRange\": \"{}\"", bridge.slice),
        format!("\"com.docker.network.bridge.name\": \"{}\"", bridge.name),
        format!("\"com.docker.network.driver.mtu\": \"{}\"", host.cluster.mtu.mesh),
    ];
    for line in of_docker {
        if !ifupdown.contains(&format!("docker {line}")) {
            findings.push(format!("ifupdown: no docker {line}"));
        }
    }
    for (name, found) in others {
        findings.extend(differences(&ifupdown, &found).into_iter().map(|line| format!("{name}: {line}")));
    }
    // No Docker runs then.
    let ifupdown = ifupdown.into_iter().filter(|line| !line.starts_with("docker ")).collect();
    for (name, found) in later {
        findings.extend(differences(&ifupdown, &found).into_iter().map(|line| format!("{name}: {line}")));
    }
    for (name, found) in nothing {
        findings.extend(found.into_iter().map(|line| format!("{name}: not wanted: {line}")));
    }
    let (before, after) = (section("before"), section("after"));
    if before.is_empty() || before != after {
        findings.push(format!("a second run made something anew: {before:?} {after:?}"));
    }
    if section("remade") == before {
        findings.push("a bridge with another spanning tree was not made anew".to_owned());
    }
    let ports: BTreeSet<&str> = section("ports").into_iter().collect();
    if ports != BTreeSet::from([host.plan.mesh_bridge.name.as_str(), "container0"]) {
        findings.push(format!("after a second run the ports are {ports:?}"));
    }
    if section("remembered") != ["container0"] {
        findings.push(format!("`down` remembers {:?}", section("remembered")));
    }
    findings
}

/// With one blank where there are more.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ") + " "
}
