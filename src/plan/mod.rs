//! [`Spec`] to [`Plan`]: every decision, made once. Pure.

pub mod address;
pub mod allot;
mod host;
mod lock;
mod mesh;
mod mtu;
pub mod spanning_tree;
mod types;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub use mesh::{DEFAULT_MAX_REVALIDATOR_MS, LINK_NUMBER_MAX, link_prefix};
pub use mtu::overhead;
pub use types::*;

#[cfg(test)]
pub mod tests;

use crate::spec::{HostName, HostSpec, InvalidName, LoopProtection, Spec};

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
        growth,
    } = lock::give(spec)?;
    let tunnelled_over = spec.hosts.first().map_or(Ipv4Addr::UNSPECIFIED.into(), |host| host.address);
    let mtu = mtu::mtu(spec.underlay_mtu, spec.tunnel, tunnelled_over);
    let (link_numbers, links): (Vec<u32>, Vec<Link>) = mesh::links(spec)?.into_iter().unzip();
    let priorities = spanning_tree::priorities(spec);
    let macs: Vec<MacAddress> = spec
        .hosts
        .iter()
        .map(|host| host::mac(&spec.name, &host.name, host.mesh_bridge.as_str()))
        .collect();
    let identifiers: Vec<(u16, MacAddress)> = priorities.into_iter().zip(macs).collect();
    let ports = ports(spec, &links);
    let mut plans = Vec::with_capacity(spec.hosts.len());
    for (((host, ports), (priority, mac)), share) in spec.hosts.iter().zip(ports).zip(&identifiers).zip(&shares) {
        let mesh_bridge = MeshBridge {
            name: host.mesh_bridge.clone(),
            mac: *mac,
            priority: *priority,
            max_revalidator_ms: mesh::max_revalidator_ms(&ports),
            ports,
        };
        plans.push(host_plan(spec, host, share, mesh_bridge, mtu.mesh)?);
    }
    lock::note(&mut lock, &plans, &links, &link_numbers);
    let spanning_tree = spanning_tree::spanning_tree(spec, &identifiers);
    let cluster = spec.name.clone();
    Ok(Plan {
        version: PLAN_VERSION,
        cluster,
        mtu,
        spanning_tree,
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

/// The ends of `links` of each host, in the order of the links.
fn ports(spec: &Spec, links: &[Link]) -> Vec<Vec<TunnelPort>> {
    let path_cost = match spec.loop_protection {
        LoopProtection::Rstp => mesh::RSTP_PATH_COST,
        LoopProtection::Stp => mesh::STP_PATH_COST,
    };
    let places: BTreeMap<&HostName, usize> = spec.hosts.iter().zip(0..).map(|(host, place)| (&host.name, place)).collect();
    let mut ports = vec![Vec::new(); spec.hosts.len()];
    for link in links {
        let [Some(a), Some(b)] = link.hosts.each_ref().map(|name| places.get(name).copied()) else {
            continue;
        };
        for (own, peer) in [(a, b), (b, a)] {
            let (host, other) = (&spec.hosts[own], &spec.hosts[peer]);
            ports[own].push(TunnelPort {
                name: link.name.clone(),
                peer: other.name.clone(),
                kind: mesh::port_kind(spec.tunnel, other.address),
                remote: other.address,
                path_cost,
                bfd: host.bfd,
            });
        }
    }
    ports
}
