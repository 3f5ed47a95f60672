//! Rules of interface names: on one host each name is used once, and none is a link's.

use super::Rules;
use crate::spec::diagnostic::Code;
use crate::spec::field::{Field, Placed};
use crate::spec::node::Place;
use crate::spec::raw::{RawCluster, RawHost};
use crate::spec::scalar::{BridgeName, Management};
use crate::spec::types::InterfaceName;

fn bridge_or(field: &Field<BridgeName>, default: &str) -> Option<InterfaceName> {
    match field.given() {
        Some(bridge) => Some(bridge.value.0.clone()),
        None => default.parse().ok(),
    }
}

fn mesh_field<'a>(cluster: &'a RawCluster, host: &'a RawHost) -> &'a Field<BridgeName> {
    host.mesh.then(|mesh| &mesh.bridge).or(cluster.mesh.then(|mesh| &mesh.bridge))
}

fn container_field<'a>(cluster: &'a RawCluster, host: &'a RawHost) -> &'a Field<BridgeName> {
    host.containers
        .then(|containers| &containers.bridge)
        .or(cluster.containers.then(|containers| &containers.bridge))
}

/// The Open vSwitch bridge, br0 by default.
pub(super) fn mesh_bridge(cluster: &RawCluster, host: &RawHost) -> Option<InterfaceName> {
    bridge_or(mesh_field(cluster, host), "br0")
}

/// Docker's bridge, docker0 by default.
pub(super) fn container_bridge(cluster: &RawCluster, host: &RawHost) -> Option<InterfaceName> {
    bridge_or(container_field(cluster, host), "docker0")
}

/// One interface of a host: its name, what it is, and where the file says so.
struct Use {
    name: String,
    role: &'static str,
    given: Option<(Place, String)>,
}

impl Use {
    fn new<T>(field: &Field<T>, role: &'static str, name: Option<String>) -> Option<Self> {
        let given = field.given().map(|placed| (placed.place, placed.path.clone()));
        // A broken field says nothing about the name; its default would be a guess.
        if field.is_broken() {
            return None;
        }
        name.map(|name| Self { name, role, given })
    }
}

pub(super) fn check(rules: &mut Rules<'_>) {
    let cluster = rules.cluster;
    for host in rules.hosts.clone() {
        let keys = host.keys;
        let interface = super::underlay::interface_field(cluster, keys);
        let management = super::underlay::management_field(cluster, keys);
        let interface_name = |placed: &Placed<InterfaceName>| placed.value.to_string();
        let management_name = match (management.given().map(|placed| &placed.value), interface.given()) {
            (Some(Management::Interface(name)), _) => Some(name.to_string()),
            (None, Some(interface)) if interface.value.as_str() != super::underlay::MANAGEMENT => {
                Some(super::underlay::MANAGEMENT.to_owned())
            }
            _ => None,
        };
        let uses: Vec<Use> = [
            Use::new(interface, "the underlay's interface", interface.given().map(interface_name)),
            Use::new(management, "the management interface", management_name),
            Use::new(
                mesh_field(cluster, keys),
                "the mesh bridge",
                mesh_bridge(cluster, keys).map(|name| name.to_string()),
            ),
            Use::new(
                container_field(cluster, keys),
                "the container bridge",
                container_bridge(cluster, keys).map(|name| name.to_string()),
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        for (index, later) in uses.iter().enumerate() {
            if let Some((place, path)) = later.given.as_ref().filter(|_| is_link_name(&later.name)) {
                let message = format!("'{}' is a name that the links of the mesh have", later.name);
                let help = "give another name than gre, vxlan or geneve with a number";
                rules.report(crate::spec::Diagnostic::error(Code::NameTaken, path, *place, message, help));
            }
            for earlier in uses[..index].iter().filter(|earlier| earlier.name == later.name) {
                let Some((place, path)) = later.given.as_ref().or(earlier.given.as_ref()) else {
                    continue;
                };
                let message = format!(
                    "'{}' is both {} and {} of {}",
                    later.name,
                    earlier.role,
                    later.role,
                    Rules::name_of(host)
                );
                let help = "give each interface of a host a name of its own";
                rules.report(crate::spec::Diagnostic::error(Code::NameTaken, path, *place, message, help));
            }
        }
    }
}

/// gre1, vxlan12 and the like, which links are called.
fn is_link_name(name: &str) -> bool {
    ["gre", "vxlan", "geneve"].iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
