//! What was found on a host, and its plan, to what has to be done there. Pure.

use serde::Serialize;

use super::found::Found;
use crate::diff::{Action, CutOff, FileChange, Kind, Service, of_services};
use crate::machine::facts::FileFacts;
use crate::machine::probe::Verdict;
use crate::plan::{HostPlan, Plan};
use crate::remote::status::on_hosts;
use crate::render::{HostFile, RenderFilesError, host_files};
use crate::spec::{HostName, LoopProtection, Network};

/// The only bridge that Docker makes by itself.
const DOCKER0: &str = "docker0";

/// The one file of a host that is meshimg's and does not say so by its name.
pub const DOCKERS: &str = "/etc/docker/daemon.json";

/// What differs on one host, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostChange {
    pub host: HostName,
    /// `new`: it has no mesh yet; `gone`: it loses it; `changed` otherwise.
    pub kind: Kind,
    pub files: Vec<FileChange>,
    /// Packages that are missing.
    pub packages: Vec<String>,
    /// What runs, or is to start at a boot, otherwise than planned.
    pub running: Vec<String>,
    pub services: Vec<Service>,
    pub cut_off: CutOff,
    pub notes: Vec<String>,
    /// What is in the files that are new or changed.
    #[serde(skip)]
    pub write: Vec<HostFile>,
}

impl HostChange {
    /// Whether all is as planned.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.packages.is_empty() && self.running.is_empty()
    }

    /// Whether a bridge that Docker has made gives way to that of the mesh.
    pub fn replaces_dockers_bridge(&self) -> bool {
        self.kind == Kind::New && self.services.iter().any(|service| service.action == Action::RemakeContainerBridge)
    }

    /// Whether Docker starts anew.
    pub fn restarts_docker(&self) -> bool {
        self.services.iter().any(|service| service.action == Action::RestartContainers)
    }
}

/// Why a host is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the machine at {address} says that it is {claimed}: has it another address in cluster.yaml?")]
    Another { address: String, claimed: String },
    #[error("it runs {found}, and `os` says {planned}")]
    Os { found: String, planned: String },
    #[error("a change is under way there, or was not confirmed; within some minutes the host has its old state back: try again then")]
    Pending,
    #[error(
        "there is a bridge {bridge}, which Docker does not say is its own: start Docker if it has made it, else: ip link delete {bridge}; then try \
         again"
    )]
    Bridge { bridge: String },
    #[error("it runs NixOS: take `services.meshimg` out of its configuration, and rebuild it")]
    NixOs,
    #[error("{0}")]
    Render(String),
}

/// What has to be done on `host`.
///
/// # Errors
/// [`Refusal`]: another host, another system, or another change.
pub fn change(plan: &Plan, host: &HostPlan, found: &Found) -> Result<HostChange, Refusal> {
    refuse(plan, host, found)?;
    let planned = host_files(plan, host).map_err(|error: RenderFilesError| Refusal::Render(error.to_string()))?;
    let own_bridge = is_dockers_own(host, found);
    let (files, write) = files(&planned, found, own_bridge);
    let verdicts = on_hosts(plan, &[(host.name.clone(), found.facts.clone())].into());
    let reds: Vec<&Verdict> = verdicts
        .iter()
        .filter(|verdict| verdict.is_red() && verdict.subject.to_string() == host.name.as_str())
        .collect();
    let kind = if has_mesh(host, found) { Kind::Changed } else { Kind::New };
    let packages = host.packages.iter().map(|package| package.as_str().to_owned());
    let mut change = HostChange {
        host: host.name.clone(),
        kind,
        packages: packages.filter(|package| !found.packages.contains(package)).collect(),
        running: running(&reds, found),
        services: Vec::new(),
        cut_off: CutOff::none("nothing changes"),
        notes: notes(&files, kind),
        files,
        write,
    };
    if !change.is_empty() {
        change.services = services(plan, host, found, &change, &reds);
        change.cut_off = match kind {
            Kind::New if !own_bridge => CutOff::none("it has no mesh yet, and no bridge for containers"),
            _ => of_services(plan, &change.services, false),
        };
    }
    Ok(change)
}

/// Refuses a machine that says that it is another host.
pub fn claimed_by_another(plan: &Plan, host: &HostPlan, found: &Found) -> Result<(), Refusal> {
    let wanted = format!("about {} of cluster {}.", host.name, plan.cluster);
    if let Some(line) = found.claimed.as_ref().filter(|line| !line.contains(&wanted)) {
        let claimed = line.split_once(" about ").map_or(line.as_str(), |(_, rest)| rest);
        return Err(Refusal::Another {
            address: host.address.to_string(),
            claimed: claimed.split(". ").next().unwrap_or_default().to_owned(),
        });
    }
    Ok(())
}

fn refuse(plan: &Plan, host: &HostPlan, found: &Found) -> Result<(), Refusal> {
    claimed_by_another(plan, host, found)?;
    if found.os != host.os.to_string() {
        return Err(Refusal::Os {
            found: found.os.clone(),
            planned: host.os.to_string(),
        });
    }
    if found.pending {
        return Err(Refusal::Pending);
    }
    let bridge = host.container_bridge.name.as_str();
    let is_there = found.facts.links.known().is_ok_and(|links| links.contains_key(bridge));
    if is_there && !has_mesh(host, found) && !is_dockers_own(host, found) {
        return Err(Refusal::Bridge { bridge: bridge.to_owned() });
    }
    Ok(())
}

/// Whether the host has a mesh, well or not: where Open vSwitch does not answer, its files say so.
pub fn has_mesh(host: &HostPlan, found: &Found) -> bool {
    let ovs = found.facts.ovs.known();
    found.claimed.is_some() || ovs.is_ok_and(|ovs| ovs.bridges.contains_key(host.mesh_bridge.name.as_str()))
}

/// Whether the bridge that is to be the mesh's is one that Docker has made itself: its default one.
fn is_dockers_own(host: &HostPlan, found: &Found) -> bool {
    let bridge = host.container_bridge.name.as_str();
    let docker = found.facts.docker.known();
    let option = |name: &str| docker.is_ok_and(|docker| docker.network.options.get(name).is_some_and(|value| value == bridge));
    bridge == DOCKER0 && !has_mesh(host, found) && option("com.docker.network.bridge.name")
}

/// Files that differ, and those to be written.
fn files(planned: &[HostFile], found: &Found, own_bridge: bool) -> (Vec<FileChange>, Vec<HostFile>) {
    let mut changes = Vec::new();
    let mut write = Vec::new();
    for file in planned {
        let kind = match found.files.get(&file.path) {
            None => Kind::New,
            // Another is in its place for a while, where Docker has to forget a bridge.
            Some(_) if own_bridge && file.path == DOCKERS => Kind::Changed,
            Some(there) if *there == FileFacts::from(file) => continue,
            Some(_) => Kind::Changed,
        };
        let path = file.path.clone();
        changes.push(FileChange { path, kind });
        write.push(file.clone());
    }
    let gone = found.ours.iter().filter(|path| planned.iter().all(|file| file.path != **path));
    changes.extend(gone.map(|path| FileChange {
        path: path.clone(),
        kind: Kind::Gone,
    }));
    (changes, write)
}

fn running(reds: &[&Verdict], found: &Found) -> Vec<String> {
    let mut running: Vec<String> = reds.iter().map(|red| format!("{}: {}", red.probe, red.summary)).collect();
    for (unit, state) in &found.units {
        if state != "enabled" {
            running.push(format!(
                "{unit}: {}, planned enabled",
                if state.is_empty() { "not there" } else { state }
            ));
        }
    }
    running
}

fn services(plan: &Plan, host: &HostPlan, found: &Found, change: &HostChange, reds: &[&Verdict]) -> Vec<Service> {
    let mut services = Vec::new();
    let mut add = |unit: &str, action, why| {
        services.push(Service {
            unit: unit.to_owned(),
            action,
            why,
        });
    };
    let red = |name: &str| reds.iter().any(|red| red.probe.name() == name);
    let touches = |path: &str| change.files.iter().any(|file| file.path.starts_with(path));
    add(
        "meshimg-setup.service",
        Action::Restart,
        "it installs packages that are missing, and brings up what is not up",
    );
    let mesh = ["ovs", "tunnels", "docker0", "loop-free"].iter().any(|name| red(name));
    if mesh || touches("/etc/meshimg/host.conf") || touches("/etc/network/interfaces.d/") {
        let action = match host.network {
            Network::Systemd => Action::Reload,
            Network::Ifupdown => Action::Restart,
        };
        add("meshimg-mesh.service", action, "it sets right what differs, and cuts nothing off");
    }
    if other_tree(plan, host, found) {
        let why = "another spanning tree protocol, or another fabric";
        add(host.mesh_bridge.name.as_str(), Action::RemakeMeshBridge, why);
    }
    if is_dockers_own(host, found) {
        add(DOCKER0, Action::RemakeContainerBridge, "Docker's own gives way to that of the mesh");
    }
    let docker = red("docker") || other_container_bridge(plan, host, found);
    if docker || touches("/etc/docker/") || touches("/etc/systemd/system/docker.service.d/") {
        let why = "it reads its options, and the address of its bridge, when it starts";
        add("docker.service", Action::RestartContainers, why);
    }
    services
}

/// Whether the bridge is there with another protocol than planned: it is made anew then (`modules/mesh`).
fn other_tree(plan: &Plan, host: &HostPlan, found: &Found) -> bool {
    let Ok(ovs) = found.facts.ovs.known() else { return false };
    let Some(bridge) = ovs.bridges.get(host.mesh_bridge.name.as_str()) else {
        return false;
    };
    let protocol = plan.tree().map(|tree| tree.protocol);
    let planned = |of| protocol == Some(of);
    (bridge.rstp_enable && !planned(LoopProtection::Rstp)) || (bridge.stp_enable && !planned(LoopProtection::Stp))
}

/// Whether Docker's bridge is not there, or has another address or MTU, which Docker has read when it started.
fn other_container_bridge(plan: &Plan, host: &HostPlan, found: &Found) -> bool {
    let planned = &host.container_bridge;
    let link = found.facts.links.known().ok().and_then(|links| links.get(planned.name.as_str()));
    link.is_none_or(|link| {
        let has_address = link.addresses.iter().any(|address| address.address == planned.address);
        !has_address || link.mtu != u32::from(plan.mtu.mesh)
    })
}

fn notes(files: &[FileChange], kind: Kind) -> Vec<String> {
    let mut notes = Vec::new();
    let changed = |path: &str| files.iter().any(|file| file.path == path && file.kind == Kind::Changed);
    if kind == Kind::New && changed(DOCKERS) {
        notes.push(format!(
            "{DOCKERS} is replaced: put what is to stay of it into `docker.daemon` first; meshimg wipe brings it back"
        ));
    }
    if changed("/etc/meshimg/open-vswitch.conf") {
        notes.push(
            "an Open vSwitch that is there stays; to have it from the planned archive: rm /var/lib/meshimg/open-vswitch-from-archive, \
             and restart meshimg-setup"
                .to_owned(),
        );
    }
    notes
}

#[cfg(test)]
#[path = "change_tests.rs"]
pub mod tests;
