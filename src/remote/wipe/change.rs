//! What was found on a host to what has to be taken off it. Pure.

use std::collections::BTreeSet;

use crate::diff::{Action, CutOff, FileChange, Kind, Service};
use crate::machine::facts::FileFacts;
use crate::plan::{HostPlan, Plan};
use crate::remote::apply::change::{DOCKERS, HostChange, Refusal, claimed_by_another, has_mesh};
use crate::remote::apply::found::Found;
use crate::render::{RenderFilesError, host_files};

/// What has to be taken off `host`; nothing where it has no mesh.
///
/// # Errors
/// [`Refusal`]: another host, one with NixOS, or another change.
pub fn wipe_of(plan: &Plan, host: &HostPlan, found: &Found) -> Result<HostChange, Refusal> {
    claimed_by_another(plan, host, found)?;
    if found.os.starts_with("nixos") {
        return Err(Refusal::NixOs);
    }
    if found.pending {
        return Err(Refusal::Pending);
    }
    let files = files(plan, host, found)?;
    let mut change = HostChange {
        host: host.name.clone(),
        kind: Kind::Gone,
        packages: Vec::new(),
        running: running(host, found),
        services: Vec::new(),
        cut_off: CutOff::none("it has no mesh"),
        notes: Vec::new(),
        files,
        write: Vec::new(),
    };
    if !change.is_empty() {
        change.services = services(host, found);
        change.cut_off = CutOff::for_good("it is no part of the mesh any more");
        change.notes = notes(&change.files, found);
    }
    Ok(change)
}

/// What is still otherwise than it is to be after `wiped`; nothing when all is well.
pub fn still_there(plan: &Plan, host: &HostPlan, found: &Found, wiped: &HostChange) -> Result<Vec<String>, Refusal> {
    let left = wipe_of(plan, host, found)?;
    let files = left.files.iter().map(|file| format!("{} is still there", file.path));
    let mut still: Vec<String> = left.running.iter().cloned().chain(files).collect();
    // Of a daemon.json that was there before nobody knows whether it wants a bridge.
    let restored = |file: &FileChange| file.path == DOCKERS && file.kind == Kind::Changed;
    if wiped.restarts_docker() && !wiped.files.iter().any(restored) {
        still.extend(without_bridge(found));
    }
    Ok(still)
}

/// Why Docker has no bridge of its own that works.
fn without_bridge(found: &Found) -> Option<String> {
    let docker = match found.facts.docker.known() {
        Ok(docker) => docker,
        Err(why) => return Some(format!("Docker does not answer: {why}")),
    };
    let bridge = docker.network.options.get("com.docker.network.bridge.name")?;
    let is_there = found.facts.links.known().is_ok_and(|links| links.contains_key(bridge.as_str()));
    (!is_there).then(|| format!("Docker has not made its bridge {bridge}"))
}

/// Files that go, and those that come back.
fn files(plan: &Plan, host: &HostPlan, found: &Found) -> Result<Vec<FileChange>, Refusal> {
    let planned = host_files(plan, host).map_err(|error: RenderFilesError| Refusal::Render(error.to_string()))?;
    let has_mesh = has_mesh(host, found);
    let is_ours = |path: &str| {
        let file = planned.iter().find(|file| file.path == path);
        // Without a mesh it is somebody's own, unless it is ours to the letter.
        path != DOCKERS || has_mesh || file.is_some_and(|file| found.files.get(path) == Some(&FileFacts::from(file)))
    };
    let there = found.files.keys().chain(&found.ours).filter(|path| is_ours(path));
    // A second run has nothing to bring back.
    let before = found.before.iter().flatten().filter(|_| has_mesh || !found.ours.is_empty());
    let before: BTreeSet<&String> = before.collect();
    let paths: BTreeSet<&String> = there.chain(before.iter().copied()).collect();
    let change = |path: &String| FileChange {
        path: path.clone(),
        kind: if before.contains(path) { Kind::Changed } else { Kind::Gone },
    };
    Ok(paths.into_iter().map(change).collect())
}

fn running(host: &HostPlan, found: &Found) -> Vec<String> {
    let mut running = Vec::new();
    let (mesh, containers) = (host.mesh_bridge.name.as_str(), host.container_bridge.name.as_str());
    if let Some(bridge) = found.facts.ovs.known().ok().and_then(|ovs| ovs.bridges.get(mesh)) {
        let tunnels = bridge
            .ports
            .values()
            .filter(|port| port.interface.options.contains_key("remote_ip"));
        running.push(format!("{mesh}: an Open vSwitch bridge with {} tunnels", tunnels.count()));
        if found.facts.links.known().is_ok_and(|links| links.contains_key(containers)) {
            running.push(format!("{containers}: the bridge of Docker that the mesh is a port of"));
        }
    }
    let enabled = found.units.iter().filter(|(_, state)| *state == "enabled");
    running.extend(enabled.map(|(unit, _)| format!("{unit}: enabled")));
    running
}

fn services(host: &HostPlan, found: &Found) -> Vec<Service> {
    let docker = Service {
        unit: "docker.service".to_owned(),
        action: Action::RestartContainers,
        why: "it makes a bridge of its own",
    };
    // One that does not run is not started.
    match found.facts.docker.known() {
        Ok(_) if has_mesh(host, found) => vec![docker],
        _ => Vec::new(),
    }
}

fn notes(files: &[FileChange], found: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    if !found.packages.is_empty() {
        let packages: Vec<&str> = found.packages.iter().map(String::as_str).collect();
        notes.push(format!("packages stay: {}", packages.join(" ")));
    }
    if files.iter().any(|file| file.path == DOCKERS && file.kind == Kind::Gone) {
        notes.push(format!("{DOCKERS} goes, as nothing was there before, or nothing is known of it"));
    }
    if found.by_cloud_init {
        notes.push("/var/lib/meshimg/done stays: without it this host's user-data would bring the mesh back at the next boot".to_owned());
    }
    notes
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
