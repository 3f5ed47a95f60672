//! Probe `persistence`: what is on disk is what was planned and what runs, so a reboot changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::check::Check;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, for_each_host, on};
use crate::machine::facts::{Boot, Config, DAEMON_OPTIONS, FileFacts, IpLink, UnitFile, asks_docker};
use crate::machine::openvswitch::{Bridge, OpenVSwitch};
use crate::plan::{HostPlan, Plan};
use crate::render::{HostFile, host_files};
use crate::spec::{HostName, Network};

const HELP: &str = "what was changed by hand is gone, or comes to light, at the next reboot: put it in cluster.yaml, and the files that \
                    `meshimg cloud-init` makes on the host; `ovs-vsctl show`, `systemctl cat UNIT` and `bridge link` show what runs";

/// Units that have to start at every boot.
const ENABLED: &[&str] = &[
    "docker.service",
    "meshimg-mesh.service",
    "meshimg-setup.service",
    "openvswitch-switch.service",
];

/// Per host: the files of meshimg are there byte by byte; systemd has loaded them, enabled the units, and nothing of theirs lies in /run;
/// Open vSwitch's database on disk is that in memory, and neither has ports that no file has; ifupdown, where it brings the mesh up, finds
/// the stanzas; Docker runs with what daemon.json says; kernel parameters are those that files set last. Firewall rules are not compared:
/// meshimg makes none, and Docker makes its own at each start.
pub fn persistence(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    for_each_host(Probe::Persistence, plan, facts, |host, facts| {
        let judged = host_files(plan, host).map_err(|error| error.to_string());
        let judged = judged.and_then(|files| judge(host, &files, facts));
        judged.unwrap_or_else(|why| Verdict::red(Probe::Persistence, on(&host.name), why, UNKNOWN_HELP))
    })
}

fn judge(host: &HostPlan, planned: &[HostFile], facts: &Facts) -> Result<Verdict, String> {
    let config = facts.config.known()?;
    let running = facts.ovs.known().map_err(|why| format!("Open vSwitch: {why}"))?;
    let stored = config
        .ovs
        .known()
        .map_err(|why| format!("Open vSwitch's database on disk: {why}"))?;
    let links = facts.links.known().map_err(|why| format!("interfaces: {why}"))?;
    let boot = facts.boot.known().map_err(|why| format!("systemd: {why}"))?;
    let mut check = Check::default();
    files(&mut check, planned, config);
    units(&mut check, planned, &config.units);
    // Where systemd brings the mesh up, files and units are all there is.
    if host.network == Network::Ifupdown {
        stanzas(&mut check, host, config);
    }
    database(&mut check, host, running, stored);
    bridges(&mut check, host, links);
    if asks_docker(host) {
        let docker = config.docker.known().map_err(|why| format!("Docker: {why}"))?;
        daemon(&mut check, &host.docker.daemon, docker);
    }
    sysctls(&mut check, boot, config);
    let summary = format!(
        "{} files and {} units as planned, and running so",
        planned.len(),
        config.units.len()
    );
    Ok(check.verdict(Probe::Persistence, on(&host.name), summary, HELP))
}

fn files(check: &mut Check, planned: &[HostFile], config: &Config) {
    for file in planned {
        let path = &file.path;
        let Some(found) = config.files.get(path) else {
            check.holds(false, format!("{path} is missing"));
            continue;
        };
        let planned = FileFacts::from(file);
        check.holds(found.hash == planned.hash, format!("{path} has been changed"));
        check.equal(&format!("mode of {path}"), Some(&found.mode), planned.mode);
    }
}

fn units(check: &mut Check, planned: &[HostFile], units: &BTreeMap<String, UnitFile>) {
    for name in ENABLED {
        let state = units.get(*name).map(|unit| unit.state.as_str());
        check.equal(name, state, "enabled");
    }
    for (name, unit) in units {
        check.holds(
            !unit.needs_reload,
            format!("the files of {name} are newer than what systemd runs by"),
        );
        for path in &unit.paths {
            // Generators make theirs anew at each boot.
            let vanishes = path.starts_with("/run/") && !path.starts_with("/run/systemd/generator");
            check.holds(!vanishes, format!("{path} is gone after a reboot"));
            let ours = path.rsplit('/').next().is_some_and(|file| file.starts_with("meshimg"));
            let known = planned.iter().any(|file| file.path == *path);
            check.holds(vanishes || !ours || known, format!("{path} is not planned"));
        }
    }
    let loaded: BTreeSet<&str> = units.values().flat_map(|unit| &unit.paths).map(String::as_str).collect();
    for file in planned.iter().filter(|file| file.path.starts_with("/etc/systemd/system/")) {
        check.holds(
            loaded.contains(file.path.as_str()),
            format!("systemd does not run by {}", file.path),
        );
    }
}

/// That both stanzas are found: their file is of no use without the line in /etc/network/interfaces that reads it.
fn stanzas(check: &mut Check, host: &HostPlan, config: &Config) {
    let stanzas = match config.stanzas.known() {
        Ok(stanzas) => stanzas,
        Err(why) => {
            return check.holds(
                false,
                format!("ifupdown does not find the bridges: {}", why.trim().replace('\n', ", ")),
            );
        }
    };
    let ports: Vec<&str> = host.mesh_bridge.ports.iter().map(|port| port.name.as_str()).collect();
    let bridge = host.mesh_bridge.name.as_str();
    let key = |name: &str| stanzas.get(name).or_else(|| stanzas.get(&name.replace('_', "-")));
    check.equal(&format!("ports of {bridge} for ifupdown"), key("ovs_ports"), ports.join(" "));
    // Newer releases print it with its prefix length.
    let address = key("address").map(|address| address.split('/').next().unwrap_or_default());
    check.equal(
        &format!("address of {} for ifupdown", host.container_bridge.name),
        address,
        host.container_bridge.address,
    );
}

/// The database keeps what was told to it until it is told otherwise, over reboots too.
fn database(check: &mut Check, host: &HostPlan, running: &OpenVSwitch, stored: &OpenVSwitch) {
    let names = |ovs: &OpenVSwitch| ovs.bridges.keys().cloned().collect::<Vec<_>>().join(" ");
    check.equal("the bridges of the database on disk", Some(names(stored)), names(running));
    for (name, bridge) in &running.bridges {
        if let Some(stored) = stored.bridges.get(name) {
            bridge_on_disk(check, name, bridge, stored);
        }
    }
    let bridge = host.mesh_bridge.name.as_str();
    for port in running.bridges.get(bridge).iter().flat_map(|bridge| bridge.ports.keys()) {
        let planned = port == bridge || host.mesh_bridge.ports.iter().any(|planned| planned.name.as_str() == port);
        check.holds(
            planned,
            format!("port {port} of {bridge} is in no file, and stays in Open vSwitch's database"),
        );
    }
}

fn bridge_on_disk(check: &mut Check, name: &str, running: &Bridge, stored: &Bridge) {
    let settings = |bridge: &Bridge| {
        (
            bridge.fail_mode.clone(),
            bridge.other_config.clone(),
            bridge.rstp_enable,
            bridge.stp_enable,
        )
    };
    check.holds(
        settings(running) == settings(stored),
        format!("{name} has other settings in the database on disk than in memory"),
    );
    let ports: BTreeSet<&String> = running.ports.keys().chain(stored.ports.keys()).collect();
    for port in ports {
        let (one, other) = (running.ports.get(port), stored.ports.get(port));
        let same = match (one, other) {
            (Some(one), Some(other)) => {
                one.other_config == other.other_config
                    && one.interface.kind == other.interface.kind
                    && one.interface.options == other.interface.options
                    && one.interface.mtu_request == other.interface.mtu_request
                    && one.interface.bfd == other.interface.bfd
            }
            _ => false,
        };
        check.holds(
            same,
            format!("port {port} of {name} is not the same in the database on disk as in memory"),
        );
    }
}

/// What was put on the bridges while they run.
fn bridges(check: &mut Check, host: &HostPlan, links: &BTreeMap<String, IpLink>) {
    let (mesh, containers) = (host.mesh_bridge.name.as_str(), host.container_bridge.name.as_str());
    for (name, link) in links {
        let is_port = link.master.as_deref() == Some(containers);
        // Docker makes those of its containers.
        let known = name == mesh || link.kind.as_deref() == Some("veth");
        check.holds(!is_port || known, format!("port {name} of {containers} is in no file"));
    }
    let addresses = links.get(mesh).into_iter().flat_map(|link| &link.addresses);
    for address in addresses.filter(|address| address.address.is_ipv4()) {
        let (address, length) = (address.address, address.prefix_length);
        check.holds(false, format!("address {address}/{length} of {mesh} is in no file"));
    }
}

fn daemon(check: &mut Check, planned: &BTreeMap<String, Value>, running: &Value) {
    for (option, place) in DAEMON_OPTIONS {
        if let Some(planned) = planned.get(*option) {
            check.equal(&format!("Docker's {option}"), running.pointer(place), planned);
        }
    }
}

/// As in 60-meshimg.conf. What br_netfilter makes is there only once it is loaded.
const SYSCTLS: &[(&str, &str)] = &[
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
];

fn sysctls(check: &mut Check, boot: &Boot, config: &Config) {
    for (name, planned) in SYSCTLS {
        check.equal(&format!("{name} in the files of sysctl.d"), config.sysctls.get(*name), planned);
        if let Some(running) = boot.sysctls.get(*name) {
            check.equal(name, Some(running), planned);
        }
    }
}
