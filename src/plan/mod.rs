//! [`Spec`] to [`Plan`]: every decision, made once. Pure.

pub mod address;
pub mod allot;
pub mod direct;
mod droplets;
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

use std::net::{IpAddr, Ipv4Addr};

pub use direct::HOST_NUMBER_MAX;
pub use droplets::{Door, DropletPlan, Droplets, FirewallPlan, GENEVE_PORT, Got, VXLAN_PORT, droplets, firewall_name, with_addresses};
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

use crate::spec::{Fabric, HostName, HostSpec, InvalidName, LoopProtection, Spec};

/// Why there is no plan. A validated spec gives none of these but for [`PlanError::NoAddress`]; the others are here so that a mistake of ours is an error, not a panic.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the container subnet cannot be cut: {0}")]
    Cut(#[from] address::CutError),
    #[error("there is no slice for host number {0}")]
    NoSlice(u32),
    #[error("beside what the lock keeps: {0}")]
    Allot(#[from] allot::AllotError),
    /// The one that a validated spec can give: droplets that nobody has made yet.
    #[error(
        "{} no address yet, and the tunnels of all hosts depend on it; `meshimg up` makes droplets and keeps their addresses, or give each host `address`, its \
         address in the VPC",
        without_address(.0)
    )]
    NoAddress(Vec<HostName>),
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
    let addresses = addresses(spec)?;
    let tunnelled_over = addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let mtu = mtu::mtu(spec.underlay_mtu, spec.tunnel, spec.fabric, tunnelled_over);
    let shape = shape(spec);
    let links = mesh::links(&spec.hosts, &shape.links, spec.tunnel, spec.lock.as_ref())?;
    let numbers: Vec<u16> = shares.iter().map(|share| direct::number(share.number)).collect();
    let ports = ports(spec, &addresses, &numbers, &links);
    let has_tree = spec.fabric == Fabric::SpanningTree;
    let ways = direct::Ways::new(&numbers, &shape.links);
    let mut plans = Vec::with_capacity(spec.hosts.len());
    for (((((host, address), ports), (priority, mac)), share), number) in spec
        .hosts
        .iter()
        .zip(&addresses)
        .zip(ports)
        .zip(&shape.identifiers)
        .zip(&shares)
        .zip(&numbers)
    {
        let mesh_bridge = MeshBridge {
            name: host.mesh_bridge.clone(),
            mac: *mac,
            priority: has_tree.then_some(*priority),
            max_revalidator_ms: mesh::max_revalidator_ms(&ports),
            paths: if has_tree { Vec::new() } else { ways.paths(*number) },
            ports,
        };
        plans.push(host_plan(spec, (host, *address), share, mesh_bridge, mtu.mesh)?);
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

/// The addresses of all hosts, in their order.
fn addresses(spec: &Spec) -> Result<Vec<IpAddr>, PlanError> {
    let without = spec.hosts.iter().filter(|host| host.address.is_none());
    let without: Vec<HostName> = without.map(|host| host.name.clone()).collect();
    match without.is_empty() {
        true => Ok(spec.hosts.iter().filter_map(|host| host.address).collect()),
        false => Err(PlanError::NoAddress(without)),
    }
}

/// `host1 has`, `host1, host2 and 3 more have`.
fn without_address(hosts: &[HostName]) -> String {
    const NAMED: usize = 3;
    let names: Vec<&str> = hosts.iter().take(NAMED).map(HostName::as_str).collect();
    match (names.as_slice(), hosts.len().saturating_sub(NAMED)) {
        ([one], _) => format!("{one} has"),
        ([first @ .., last], 0) => format!("{} and {last} have", first.join(", ")),
        (_, more) => format!("{} and {more} more have", names.join(", ")),
    }
}

fn host_plan(
    spec: &Spec,
    (host, address): (&HostSpec, IpAddr),
    share: &allot::Share,
    mesh_bridge: MeshBridge,
    mtu: u16,
) -> Result<HostPlan, PlanError> {
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
        address,
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

/// The ends of `links` of each host, in the order of the links; the hosts have these `addresses` and `numbers`.
fn ports(spec: &Spec, addresses: &[IpAddr], numbers: &[u16], links: &[mesh::Numbered]) -> Vec<Vec<TunnelPort>> {
    let path_cost = match (spec.fabric, spec.loop_protection) {
        (Fabric::SpanningTree, LoopProtection::Rstp) => Some(mesh::RSTP_PATH_COST),
        (Fabric::SpanningTree, LoopProtection::Stp) => Some(mesh::STP_PATH_COST),
        (Fabric::Direct, _) => None,
    };
    let mut ports = vec![Vec::new(); spec.hosts.len()];
    for mesh::Numbered { places: [a, b], link, .. } in links {
        let (a, b) = (*a, *b);
        for (own, peer) in [(a, b), (b, a)] {
            let (host, other, remote) = (&spec.hosts[own], &spec.hosts[peer], addresses[peer]);
            ports[own].push(TunnelPort {
                name: link.name.clone(),
                peer: other.name.clone(),
                kind: mesh::port_kind(spec.tunnel, remote),
                remote,
                path_cost,
                number: (spec.fabric == Fabric::Direct).then(|| numbers[peer]),
                bfd: host.bfd,
            });
        }
    }
    ports
}
