//! What differs in the plan of one host, and why.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::plan::{HostPlan, Plan, TunnelPort};
use crate::spec::HostName;

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What it is, in words: `slice`, `link to host4`.
    pub what: String,
    /// `None`: there was nothing.
    pub old: Option<String>,
    /// `None`: there is nothing any more.
    pub new: Option<String>,
    /// Where it comes from.
    pub why: String,
}

/// Collects values that differ.
struct Changes(Vec<Change>);

impl Changes {
    fn note(&mut self, what: impl Into<String>, old: Option<String>, new: Option<String>, why: impl Into<String>) {
        if old != new {
            self.0.push(Change {
                what: what.into(),
                old,
                new,
                why: why.into(),
            });
        }
    }

    fn text(&mut self, what: &str, old: &impl ToString, new: &impl ToString, why: &str) {
        self.note(what, Some(old.to_string()), Some(new.to_string()), why);
    }

    /// Values that only serde can say.
    fn json(&mut self, what: &str, old: &impl Serialize, new: &impl Serialize, why: &str) {
        self.note(what, shown(old), shown(new), why);
    }
}

/// A value in one line; `None` for what is not there.
fn shown(value: &impl Serialize) -> Option<String> {
    match serde_json::to_value(value).ok()? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// Everything that differs between `then`, a host of `old`, and `now`, the same of `new`.
pub(super) fn changes(old: &Plan, then: &HostPlan, new: &Plan, now: &HostPlan) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.text("cluster", &old.cluster, &new.cluster, "`name`");
    changes.text("number", &then.number, &now.number, order(new));
    changes.text("underlay address", &then.address, &now.address, "the host's `address`");
    changes.text("os", &then.os, &now.os, "`os`");
    changes.json("network", &then.network, &now.network, "`network`, or the default of the `os`");
    changes.json(
        "underlay interface",
        &then.underlay_interface,
        &now.underlay_interface,
        "`underlay`",
    );
    changes.text("MTU", &old.mtu.mesh, &new.mtu.mesh, &mtu(old, new));
    bridges(&mut changes, old, then, new, now);
    links(&mut changes, old, then, new, now);
    docker(&mut changes, then, now);
    packages(&mut changes, then, now);
    changes.json("archive", &then.archive, &now.archive, "`archive`");
    changes.json("Open vSwitch", &then.open_vswitch, &now.open_vswitch, "`open-vswitch`");
    changes.text("user", &then.user, &now.user, "`access.user`");
    let keys = |host: &HostPlan| Some(format!("{} keys", host.authorized_keys.len()));
    if then.authorized_keys != now.authorized_keys {
        let why = "`access.authorized-keys`".to_owned();
        let (old, new) = (keys(then), keys(now));
        let what = "authorized keys".to_owned();
        changes.0.push(Change { what, old, new, why });
    }
    changes.0
}

fn order(new: &Plan) -> &'static str {
    match new.growth {
        Some(_) => "the lock",
        None => "the place in `hosts`; a lock keeps it (meshimg plan --lock)",
    }
}

fn mtu(old: &Plan, new: &Plan) -> String {
    match (old.mtu.underlay == new.mtu.underlay, old.tunnel == new.tunnel) {
        (false, true) => format!("`underlay.mtu` was {}, is {}", old.mtu.underlay, new.mtu.underlay),
        _ if old.tree().is_some() != new.tree().is_some() => "`mesh.fabric`: with GRE the direct fabric's key takes 4 bytes".to_owned(),
        _ => "`mesh.tunnel` or the family of the addresses: other headers".to_owned(),
    }
}

fn bridges(changes: &mut Changes, old: &Plan, then: &HostPlan, new: &Plan, now: &HostPlan) {
    let (mesh, was) = (&now.mesh_bridge, &then.mesh_bridge);
    changes.text("mesh bridge", &was.name, &mesh.name, "`mesh.bridge`");
    let fabric = |plan: &Plan| if plan.tree().is_some() { "spanning-tree" } else { "direct" };
    changes.text("fabric", &fabric(old), &fabric(new), "`mesh.fabric`");
    let same_fabric = fabric(old) == fabric(new);
    if same_fabric {
        changes.json("priority", &was.priority, &mesh.priority, "who is root and stand-in");
    }
    changes.json("max-revalidator", &was.max_revalidator_ms, &mesh.max_revalidator_ms, "`mesh.bfd`");
    let tree = |plan: &Plan| {
        let tree = plan.tree()?;
        let count = tree.transmit_hold_count.map(|count| format!(", hold count {count}"));
        Some(format!(
            "{}, hello {} s, max age {} s, forward delay {} s{}",
            shown(&tree.protocol).unwrap_or_default(),
            tree.hello,
            tree.max_age,
            tree.forward_delay,
            count.unwrap_or_default()
        ))
    };
    if same_fabric {
        let why = match (old.tree(), new.tree()) {
            (Some(tree), Some(later)) if tree.depth_after_failure != later.depth_after_failure => format!(
                "the tree is up to {} links deep after failures, was {}; or `mesh.loop-protection`, `mesh.timers`",
                later.depth_after_failure, tree.depth_after_failure
            ),
            _ => "`mesh.loop-protection`, `mesh.timers` or the depth of the tree".to_owned(),
        };
        changes.note("spanning tree", tree(old), tree(new), why);
        let others = |plan: &Plan, host: &HostPlan| relays(plan, host, old, new);
        changes.note(
            "hosts to go through",
            others(old, then),
            others(new, now),
            "where a link is dead or there is none: who else has a link to both",
        );
    }
    let (containers, were) = (&now.container_bridge, &then.container_bridge);
    changes.text("Docker bridge", &were.name, &containers.name, "`containers.bridge`");
    let address = |bridge: &crate::plan::ContainerBridge| format!("{}/{}", bridge.address, bridge.prefix_length);
    changes.text("bridge address", &address(were), &address(containers), order(new));
    changes.text("slice", &were.slice, &containers.slice, &slice(old, new, &now.name));
}

fn slice(old: &Plan, new: &Plan, host: &HostName) -> String {
    let shrunk = new
        .growth
        .iter()
        .flat_map(|growth| &growth.shrunk)
        .find(|shrunk| shrunk.host == *host);
    match shrunk {
        Some(shrunk) => {
            let names: Vec<&str> = shrunk.given_to.iter().map(HostName::as_str).collect();
            format!("the rest goes to {}", names.join(", "))
        }
        None if old.containers.subnet != new.containers.subnet => "`containers.subnet`".to_owned(),
        None if old.containers.blocks != new.containers.blocks => format!(
            "the subnet is cut in {} blocks, was in {}; a lock keeps slices (meshimg plan --lock)",
            new.containers.blocks, old.containers.blocks
        ),
        None => order(new).to_owned(),
    }
}

fn link(port: &TunnelPort) -> String {
    let bfd = port.bfd.map_or_else(
        || "no BFD".to_owned(),
        |bfd| format!("BFD {} x {} ms", bfd.multiplier, bfd.interval_ms),
    );
    let cost = port.path_cost.map(|cost| format!(", cost {cost}")).unwrap_or_default();
    let number = port.number.map(|number| format!(", port {number}")).unwrap_or_default();
    format!("{}, {} to {}{cost}{number}, {bfd}", port.name, port.kind, port.remote)
}

/// For each other host of both plans the hosts to go through, in a direct fabric; nothing of those that have none.
fn relays(plan: &Plan, host: &HostPlan, old: &Plan, new: &Plan) -> Option<String> {
    let names = |plan: &Plan| -> BTreeMap<u32, HostName> { plan.hosts.iter().map(|host| (host.number, host.name.clone())).collect() };
    let (own, before, after) = (names(plan), names(old), names(new));
    let name = |number: u16| own.get(&number.into()).map_or_else(String::new, HostName::to_string);
    let stays = |number: u16| before.get(&number.into()) == after.get(&number.into());
    let paths = host.mesh_bridge.paths.iter().filter(|path| stays(path.to));
    let shown: Vec<String> = paths
        .map(|path| {
            let relays: Vec<String> = path.relays.iter().map(|relay| name(*relay)).collect();
            format!(
                "to {} {}",
                name(path.to),
                if relays.is_empty() {
                    "nobody".to_owned()
                } else {
                    relays.join(" or ")
                }
            )
        })
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// Why two hosts that stay have a link less or more.
fn relinked(new: &Plan) -> String {
    match &new.growth {
        Some(growth) if growth.links_anew.is_none() && !(growth.new.is_empty() && growth.gone.is_empty()) => {
            "other hosts are new or gone, and the mesh survives as much as before".to_owned()
        }
        _ => "the topology".to_owned(),
    }
}

fn links(changes: &mut Changes, old: &Plan, then: &HostPlan, new: &Plan, now: &HostPlan) {
    let by_peer = |host: &HostPlan| -> BTreeMap<HostName, TunnelPort> {
        let ports = host.mesh_bridge.ports.iter();
        ports.map(|port| (port.peer.clone(), port.clone())).collect()
    };
    let (before, after) = (by_peer(then), by_peer(now));
    let known = |plan: &Plan, name: &HostName| plan.hosts.iter().any(|host| host.name == *name);
    for (peer, port) in &before {
        let what = format!("link to {peer}");
        let Some(later) = after.get(peer) else {
            let why = if known(new, peer) {
                relinked(new)
            } else {
                format!("{peer} is gone")
            };
            changes.note(what, Some(link(port)), None, why);
            continue;
        };
        let why = match () {
            () if port.remote != later.remote => format!("the address of {peer}"),
            () if port.kind != later.kind => "`mesh.tunnel`".to_owned(),
            () if port.name != later.name => {
                "links are numbered by the place in `hosts`; a lock keeps names (meshimg plan --lock)".to_owned()
            }
            () if port.bfd != later.bfd => "`mesh.bfd`".to_owned(),
            () if port.number.is_some() != later.number.is_some() => "`mesh.fabric`".to_owned(),
            () if port.number != later.number => format!("{peer} has another number"),
            () => "`mesh.loop-protection`".to_owned(),
        };
        changes.note(what, Some(link(port)), Some(link(later)), why);
    }
    for (peer, port) in after.iter().filter(|(peer, _)| !before.contains_key(*peer)) {
        let why = if known(old, peer) {
            relinked(new)
        } else {
            format!("{peer} is new")
        };
        changes.note(format!("link to {peer}"), None, Some(link(port)), why);
    }
}

/// Options of Docker that are told of as bridge address, slice and MTU already.
const TOLD: &[&str] = &["bridge", "fixed-cidr", "mtu"];

fn docker(changes: &mut Changes, then: &HostPlan, now: &HostPlan) {
    let (before, after) = (&then.docker.daemon, &now.docker.daemon);
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names.into_iter().filter(|name| !TOLD.contains(&name.as_str())) {
        let (old, new) = (before.get(name).and_then(shown), after.get(name).and_then(shown));
        changes.note(format!("Docker option {name}"), old, new, "`docker`");
    }
    changes.json("Docker API", &then.docker.api, &now.docker.api, "`docker.api`");
}

fn packages(changes: &mut Changes, then: &HostPlan, now: &HostPlan) {
    let names = |host: &HostPlan| host.packages.iter().map(|package| package.to_string()).collect::<Vec<_>>();
    let (before, after) = (names(then), names(now));
    let why = "`packages`, or what the mesh needs";
    for package in before.iter().filter(|package| !after.contains(package)) {
        changes.note(format!("package {package}"), Some("wanted".to_owned()), None, why);
    }
    for package in after.iter().filter(|package| !before.contains(package)) {
        changes.note(format!("package {package}"), None, Some("wanted".to_owned()), why);
    }
}

/// What a new host has.
pub(super) fn of_new(host: &HostPlan) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    let bridge = &host.container_bridge;
    let why = "it is new";
    changes.note("number", None, Some(host.number.to_string()), why);
    changes.note("underlay address", None, Some(host.address.to_string()), why);
    changes.note(
        "bridge address",
        None,
        Some(format!("{}/{}", bridge.address, bridge.prefix_length)),
        why,
    );
    changes.note("slice", None, Some(bridge.slice.to_string()), why);
    for port in &host.mesh_bridge.ports {
        changes.note(format!("link to {}", port.peer), None, Some(link(port)), why);
    }
    changes.0
}
