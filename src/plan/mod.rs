//! [`Spec`] to [`Plan`]: every decision, made once. Pure.

pub mod address;
pub mod direct;
pub mod graph;
mod host;
mod mesh;
mod mtu;
mod sites;
pub mod spanning_tree;
pub mod sparse;
mod topology;
mod types;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

pub use direct::HOST_NUMBER_MAX;
pub use mesh::{DEFAULT_MAX_REVALIDATOR_MS, link_prefix};
pub use mtu::overhead;
pub use topology::{Shape, shape};
pub use types::*;

#[cfg(test)]
mod shape_tests;
#[cfg(test)]
pub mod tests;

use crate::spec::{Fabric, HostSpec, InvalidName, LoopProtection, Spec};

/// Why there is no plan. A validated spec gives none of these; they are here so that a mistake of ours is an error, not a panic.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the container subnet cannot be cut: {0}")]
    Cut(#[from] address::CutError),
    #[error("there is no slice for host number {0}")]
    NoSlice(u32),
    #[error("a name that the plan made is illegal: {0}")]
    Name(#[from] InvalidName),
}

/// Decides everything about a cluster. Same spec, same plan.
///
/// # Errors
/// [`PlanError`], for specs that validation would have refused.
pub fn plan(spec: &Spec) -> Result<Plan, PlanError> {
    let hosts = u32::try_from(spec.hosts.len()).unwrap_or(u32::MAX);
    let cut = address::cut(spec.subnet, spec.capacity, hosts, spec.first_address)?;
    let tunnelled_over = spec.hosts.first().map_or(Ipv4Addr::UNSPECIFIED.into(), |host| host.address);
    let mtu = mtu::mtu(spec.underlay_mtu, spec.tunnel, spec.fabric, tunnelled_over);
    let shape = shape(spec);
    let links = mesh::links(&spec.hosts, &shape.links, spec.tunnel)?;
    let ports = ports(spec, &shape.links, &links);
    let has_tree = spec.fabric == Fabric::SpanningTree;
    let linked = direct::linked(spec.hosts.len(), &shape.links);
    let mut plans = Vec::with_capacity(spec.hosts.len());
    for (((host, ports), (priority, mac)), (place, number)) in spec.hosts.iter().zip(ports).zip(&shape.identifiers).zip((0..).zip(1..)) {
        let mesh_bridge = MeshBridge {
            name: host.mesh_bridge.clone(),
            mac: *mac,
            priority: has_tree.then_some(*priority),
            max_revalidator_ms: mesh::max_revalidator_ms(&ports),
            paths: if has_tree {
                Vec::new()
            } else {
                direct::paths(direct::number(place), &linked)
            },
            ports,
        };
        plans.push(host_plan(spec, host, number, mesh_bridge, block(&cut, number)?, mtu.mesh)?);
    }
    let containers = ContainerPlan {
        subnet: spec.subnet,
        blocks: cut.blocks,
        held_back: cut.held_back,
        capacity: spec.capacity,
    };
    let fabric = match spec.fabric {
        Fabric::SpanningTree => FabricPlan::SpanningTree(spanning_tree::spanning_tree(spec, &shape)),
        Fabric::Direct => FabricPlan::Direct(direct::FABRIC),
    };
    let cluster = spec.name.clone();
    Ok(Plan {
        version: PLAN_VERSION,
        cluster,
        mtu,
        topology: shape.figures,
        fabric,
        containers,
        tunnel: spec.tunnel,
        links,
        hosts: plans,
    })
}

/// Bridge address and slice of the host with this number.
fn block(cut: &address::Cut, number: u32) -> Result<(Ipv4Addr, Ipv4Net), PlanError> {
    cut.address(number).zip(cut.slice(number)).ok_or(PlanError::NoSlice(number))
}

fn host_plan(
    spec: &Spec,
    host: &HostSpec,
    number: u32,
    mesh_bridge: MeshBridge,
    (address, slice): (Ipv4Addr, Ipv4Net),
    mtu: u16,
) -> Result<HostPlan, PlanError> {
    let container_bridge = ContainerBridge {
        name: host.container_bridge.clone(),
        mac: host::mac(&spec.name, &host.name, host.container_bridge.as_str()),
        address: host.container_address.unwrap_or(address),
        prefix_length: spec.subnet.prefix_len(),
        slice: host.slice.unwrap_or(slice),
    };
    Ok(HostPlan {
        number,
        name: host.name.clone(),
        address: host.address,
        os: host.os,
        network: host.network,
        underlay_interface: host.underlay_interface.clone(),
        docker: host::docker(host, &container_bridge, mtu),
        mesh_bridge,
        container_bridge,
        packages: host::packages(host)?,
        archive: host.archive.clone(),
        open_vswitch: host.open_vswitch.clone(),
        user: host.user.clone(),
        authorized_keys: host.authorized_keys.clone(),
    })
}

/// The ends of `links` of each host, in the order of the links, which join these `pairs` of places.
fn ports(spec: &Spec, pairs: &[[usize; 2]], links: &[Link]) -> Vec<Vec<TunnelPort>> {
    let path_cost = match (spec.fabric, spec.loop_protection) {
        (Fabric::SpanningTree, LoopProtection::Rstp) => Some(mesh::RSTP_PATH_COST),
        (Fabric::SpanningTree, LoopProtection::Stp) => Some(mesh::STP_PATH_COST),
        (Fabric::Direct, _) => None,
    };
    let mut ports = vec![Vec::new(); spec.hosts.len()];
    for (&[a, b], link) in pairs.iter().zip(links) {
        for (own, peer) in [(a, b), (b, a)] {
            let (host, other) = (&spec.hosts[own], &spec.hosts[peer]);
            ports[own].push(TunnelPort {
                name: link.name.clone(),
                peer: other.name.clone(),
                kind: mesh::port_kind(spec.tunnel, other.address),
                remote: other.address,
                path_cost,
                number: (spec.fabric == Fabric::Direct).then(|| direct::number(peer)),
                bfd: host.bfd,
            });
        }
    }
    ports
}
