//! Which services of a host have to do something.

use serde::Serialize;

use super::{FileChange, Kind};
use crate::plan::{HostPlan, Plan, TunnelPort};
use crate::spec::{Network, OpenVSwitchSource};

/// What becomes of a unit of systemd, or of the host as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It sets right what differs, and cuts nothing off.
    Reload,
    /// A restart that does the same.
    Restart,
    /// Docker's: what runs on it is started anew, but for what `live-restore` keeps.
    RestartContainers,
    /// The Open vSwitch bridge is made anew.
    RemakeMeshBridge,
    /// Docker's bridge is made anew, with the containers that are on it.
    RemakeContainerBridge,
    /// Open vSwitch is another.
    Replace,
    /// The host is set up from nothing.
    SetUpAnew,
}

/// One service, what it does and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Service {
    /// A unit, or the host.
    pub unit: String,
    pub action: Action,
    pub why: &'static str,
}

type Side<'a> = (&'a Plan, &'a HostPlan);

/// Why a host has something to do in a direct fabric whose links are not its own.
const RULES: &str = "the bridge has other rules, in one bundle: no frame is lost by that";

pub(super) fn other_fabric(old: &Plan, new: &Plan) -> bool {
    old.tree().is_some() != new.tree().is_some()
}

/// What all of the bridge itself is set to.
fn bridge_settings((plan, host): Side<'_>) -> impl PartialEq + use<> {
    let bridge = &host.mesh_bridge;
    let tree = plan.tree().map(|tree| {
        let timers = (tree.hello, tree.max_age, tree.forward_delay, tree.transmit_hold_count);
        (tree.protocol, timers)
    });
    (tree, bridge.mac, bridge.priority, bridge.max_revalidator_ms, plan.mtu.mesh)
}

/// Ports that are there before and after, and differ.
fn altered_ports<'a>(then: &'a HostPlan, now: &'a HostPlan) -> bool {
    let same_name = |port: &'a TunnelPort| now.mesh_bridge.ports.iter().find(|later| later.name == port.name);
    then.mesh_bridge.ports.iter().any(|port| {
        same_name(port).is_some_and(|later| {
            let values = |port: &TunnelPort| (port.remote, port.kind, port.bfd, port.path_cost, port.number);
            values(later) != values(port)
        })
    })
}

/// Why a host can't get there by restarting services.
fn anew((old, then): Side<'_>, (new, now): Side<'_>) -> Option<&'static str> {
    match () {
        () if then.os != now.os => Some("another release"),
        () if then.network != now.network => Some("another way up for the mesh: `network` is for new hosts (docs/host.md)"),
        () if then.mesh_bridge.name != now.mesh_bridge.name || then.container_bridge.name != now.container_bridge.name => {
            Some("another name for a bridge")
        }
        () if old.cluster != new.cluster => Some("another cluster: every MAC address differs"),
        () if then.user != now.user => Some("another user: cloud-init makes it at the first boot"),
        () => None,
    }
}

/// What has to happen on a host whose files differ as `files` says, the gentlest first.
pub(super) fn services(before: Side<'_>, after: Side<'_>, files: &[FileChange]) -> Vec<Service> {
    let ((old, then), (new, now)) = (before, after);
    if let Some(why) = anew(before, after) {
        return vec![Service {
            unit: "the host".to_owned(),
            action: Action::SetUpAnew,
            why,
        }];
    }
    let mut services = Vec::new();
    let mut add = |unit: &str, action, why| {
        services.push(Service {
            unit: unit.to_owned(),
            action,
            why,
        });
    };
    let ports_differ = then.mesh_bridge.ports != now.mesh_bridge.ports;
    let bridge_differs = bridge_settings(before) != bridge_settings(after);
    let (container, was) = (&now.container_bridge, &then.container_bridge);
    let place = |bridge: &crate::plan::ContainerBridge| (bridge.address, bridge.prefix_length, bridge.mac);
    let container_differs = place(container) != place(was) || old.mtu.mesh != new.mtu.mesh;
    let protocol = |plan: &Plan| plan.tree().map(|tree| tree.protocol);
    let other_tree = protocol(old) != protocol(new);
    let other_rules = then.mesh_bridge.paths != now.mesh_bridge.paths;
    match now.network {
        Network::Systemd => {
            if ports_differ || bridge_differs || container_differs {
                add("meshimg-mesh.service", Action::Reload, "links or settings of the bridges differ");
            } else if other_rules {
                add("meshimg-mesh.service", Action::Reload, RULES);
            }
            if other_tree {
                add(
                    now.mesh_bridge.name.as_str(),
                    Action::RemakeMeshBridge,
                    if other_fabric(old, new) {
                        "another fabric"
                    } else {
                        "another spanning tree protocol"
                    },
                );
            }
        }
        Network::Ifupdown => {
            if bridge_differs {
                add(
                    now.mesh_bridge.name.as_str(),
                    Action::RemakeMeshBridge,
                    "ifupdown sets a bridge's values when it makes it",
                );
            } else if altered_ports(then, now) {
                add(
                    now.mesh_bridge.name.as_str(),
                    Action::RemakeMeshBridge,
                    "ifupdown sets a tunnel's values when it makes it",
                );
            }
            if container_differs {
                add(
                    container.name.as_str(),
                    Action::RemakeContainerBridge,
                    "ifupdown sets address and MTU when it makes the bridge",
                );
            }
            if ports_differ || bridge_differs || container_differs {
                add(
                    "meshimg-mesh.service",
                    Action::Restart,
                    "it brings up what is not up, and cuts nothing off",
                );
            } else if other_rules {
                add("meshimg-mesh.service", Action::Restart, RULES);
            }
        }
    }
    let is_installed = |source: &OpenVSwitchSource| !matches!(source, OpenVSwitchSource::Build { .. });
    if then.open_vswitch != now.open_vswitch {
        let why = if is_installed(&now.open_vswitch) {
            "another Open vSwitch"
        } else {
            "another Open vSwitch, which an image brings"
        };
        add("ovs-vswitchd.service", Action::Replace, why);
    }
    if then.packages != now.packages {
        add(
            "meshimg-setup.service",
            Action::Restart,
            "it installs packages that are missing, and removes none",
        );
    }
    let touches_docker =
        |file: &FileChange| file.path == "/etc/docker/daemon.json" || file.path.starts_with("/etc/systemd/system/docker.service.d/");
    if files.iter().any(touches_docker) {
        add("docker.service", Action::RestartContainers, "its options differ");
    } else if container_differs {
        add(
            "docker.service",
            Action::RestartContainers,
            "it reads the address of its bridge when it starts",
        );
    }
    if services.is_empty() && files.iter().any(|file| file.kind != Kind::Gone) {
        services.push(Service {
            unit: "meshimg-setup.service".to_owned(),
            action: Action::Restart,
            why: "it brings the host to what its files say",
        });
    }
    services
}

/// What somebody has to do besides.
pub(super) fn notes((_, then): Side<'_>, (new, now): Side<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for shrunk in new
        .growth
        .iter()
        .flat_map(|growth| &growth.shrunk)
        .filter(|shrunk| shrunk.host == now.name)
    {
        let names: Vec<&str> = shrunk.given_to.iter().map(|name| name.as_str()).collect();
        notes.push(format!(
            "before {} starts: restart Docker here with the new slice, and make containers anew whose address is in {} but not in {}",
            names.join(", "),
            shrunk.from,
            shrunk.to
        ));
    }
    if then.container_bridge.slice != now.container_bridge.slice && notes.is_empty() {
        notes.push(format!(
            "containers whose address is not in {} have to be made anew",
            now.container_bridge.slice
        ));
    }
    let gone: Vec<&str> = then
        .mesh_bridge
        .ports
        .iter()
        .filter(|port| now.mesh_bridge.ports.iter().all(|later| later.name != port.name))
        .map(|port| port.name.as_str())
        .collect();
    if now.network == Network::Ifupdown && then.network == now.network && !gone.is_empty() {
        notes.push(format!(
            "tunnels that are not planned any more stay until somebody removes them: ovs-vsctl del-port {}",
            gone.join("; ovs-vsctl del-port ")
        ));
    }
    if then.address != now.address || then.underlay_interface != now.underlay_interface {
        notes.push("the underlay is not meshimg's: give the host its new address there first".to_owned());
    }
    if then.authorized_keys != now.authorized_keys || then.archive != now.archive {
        notes.push("keys and the archive's address are written by cloud-init at the first boot only: change them by hand".to_owned());
    }
    notes
}
