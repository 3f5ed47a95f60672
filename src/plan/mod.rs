//! [`Spec`] to [`Plan`]: every decision, made once. Pure.

pub mod address;
pub mod allot;
pub mod direct;
pub mod graph;
mod host;
mod keep;
mod lock;
mod mend;
mod mesh;
mod mtu;
pub mod promise;
mod sites;
pub mod spanning_tree;
pub mod sparse;
mod topology;
mod types;

use std::net::Ipv4Addr;

pub use direct::HOST_NUMBER_MAX;
pub use keep::Anew;
pub use mesh::{DEFAULT_MAX_REVALIDATOR_MS, LINK_NUMBER_MAX, link_prefix};
pub use mtu::overhead;
pub use topology::{Shape, shape};
pub use types::*;

#[cfg(test)]
mod keep_tests;
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
    #[error("beside what the lock keeps: {0}")]
    Allot(#[from] allot::AllotError),
    #[error("a name that the plan made is illegal: {0}")]
    Name(#[from] InvalidName),
}

/// Decides everything about a cluster. Same spec, same plan.
///
/// # Errors
/// [`PlanError`], for specs that validation would have refused.
pub fn plan(spec: &Spec) -> Result<Plan, PlanError> {
    let lock::Given {
        shares,
        mut lock,
        containers,
        mut growth,
    } = lock::give(spec)?;
    let tunnelled_over = spec.hosts.first().map_or(Ipv4Addr::UNSPECIFIED.into(), |host| host.address);
    let mtu = mtu::mtu(spec.underlay_mtu, spec.tunnel, spec.fabric, tunnelled_over);
    let shape = shape(spec);
    let links = mesh::links(&spec.hosts, &shape.links, spec.tunnel, spec.lock.as_ref())?;
    let numbers: Vec<u16> = shares.iter().map(|share| direct::number(share.number)).collect();
    let ports = ports(spec, &numbers, &links);
    let has_tree = spec.fabric == Fabric::SpanningTree;
    let ways = direct::Ways::new(&numbers, &shape.links);
    let mut plans = Vec::with_capacity(spec.hosts.len());
    for ((((host, ports), (priority, mac)), share), number) in
        spec.hosts.iter().zip(ports).zip(&shape.identifiers).zip(&shares).zip(&numbers)
    {
        let mesh_bridge = MeshBridge {
            name: host.mesh_bridge.clone(),
            mac: *mac,
            priority: has_tree.then_some(*priority),
            max_revalidator_ms: mesh::max_revalidator_ms(&ports),
            paths: if has_tree { Vec::new() } else { ways.paths(*number) },
            ports,
        };
        plans.push(host_plan(spec, host, share, mesh_bridge, mtu.mesh)?);
    }
    lock::note(&mut lock, spec, &plans, &shape, &links);
    let links: Vec<Link> = links.into_iter().map(|numbered| numbered.link).collect();
    if let (Some(growth), Some(old)) = (&mut growth, &spec.lock) {
        lock::note_links(growth, old, &lock, shape.anew);
    }
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
        growth,
        lock,
    })
}

fn host_plan(spec: &Spec, host: &HostSpec, share: &allot::Share, mesh_bridge: MeshBridge, mtu: u16) -> Result<HostPlan, PlanError> {
    let container_bridge = ContainerBridge {
        name: host.container_bridge.clone(),
        mac: host::mac(&spec.name, &host.name, host.container_bridge.as_str()),
        address: share.address,
        prefix_length: spec.subnet.prefix_len(),
        slice: share.slice,
    };
    Ok(HostPlan {
        number: share.number,
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

/// The ends of `links` of each host, in the order of the links; the hosts have these `numbers`.
fn ports(spec: &Spec, numbers: &[u16], links: &[mesh::Numbered]) -> Vec<Vec<TunnelPort>> {
    let path_cost = match (spec.fabric, spec.loop_protection) {
        (Fabric::SpanningTree, LoopProtection::Rstp) => Some(mesh::RSTP_PATH_COST),
        (Fabric::SpanningTree, LoopProtection::Stp) => Some(mesh::STP_PATH_COST),
        (Fabric::Direct, _) => None,
    };
    let mut ports = vec![Vec::new(); spec.hosts.len()];
    for mesh::Numbered { places: [a, b], link, .. } in links {
        let (a, b) = (*a, *b);
        for (own, peer) in [(a, b), (b, a)] {
            let (host, other) = (&spec.hosts[own], &spec.hosts[peer]);
            ports[own].push(TunnelPort {
                name: link.name.clone(),
                peer: other.name.clone(),
                kind: mesh::port_kind(spec.tunnel, other.address),
                remote: other.address,
                path_cost,
                number: (spec.fabric == Fabric::Direct).then(|| numbers[peer]),
                bfd: host.bfd,
            });
        }
    }
    ports
}
