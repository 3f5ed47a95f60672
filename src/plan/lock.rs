//! Numbers, bridge addresses and slices of all hosts, with a lock and without one, and the lock that keeps them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::allot::{Share, Wanted, allot, host_number_max};
use super::mesh::Numbered;
use super::{Anew, ContainerPlan, Growth, HostPlan, MacAddress, PlanError, Shape, address, keep};
use crate::spec::{HostName, HostSpec, Lock, LockedHost, Spec, link_key};

/// What all hosts have, and where that is from.
pub struct Given {
    /// In the order of the hosts.
    pub shares: Vec<Share>,
    /// What is to be kept, but for hosts and links, which [`note`] adds.
    pub lock: Lock,
    pub containers: ContainerPlan,
    /// `None` where there was no lock.
    pub growth: Option<Growth>,
}

/// Gives each host of `spec` its share.
///
/// # Errors
/// [`PlanError`], for specs that validation would have refused.
pub fn give(spec: &Spec) -> Result<Given, PlanError> {
    match &spec.lock {
        Some(lock) => beside(spec, lock),
        None => anew(spec),
    }
}

/// By number: the subnet is cut, and whom the file gives something of its own has that.
fn anew(spec: &Spec) -> Result<Given, PlanError> {
    let hosts = u32::try_from(spec.hosts.len()).unwrap_or(u32::MAX);
    let cut = address::cut(spec.subnet, spec.capacity, hosts, spec.first_address)?;
    let share = |(host, number): (&HostSpec, u32)| {
        let (address, slice) = cut.address(number).zip(cut.slice(number)).ok_or(PlanError::NoSlice(number))?;
        Ok(Share {
            number,
            address: host.container_address.unwrap_or(address),
            slice: host.slice.unwrap_or(slice),
        })
    };
    let shares = spec.hosts.iter().zip(1..).map(share).collect::<Result<_, PlanError>>()?;
    Ok(Given {
        shares,
        lock: Lock {
            cluster: spec.name.clone(),
            subnet: cut.subnet,
            first_address: cut.first_address,
            slices_from: cut.slice(1).map_or(Ipv4Addr::UNSPECIFIED, |slice| slice.network()),
            slice_prefix_length: cut.block_prefix_length,
            next_number: hosts.saturating_add(1),
            next_link: 1,
            hosts: BTreeMap::new(),
            links: BTreeMap::new(),
            retired_slices: Vec::new(),
            topology: keep::kind(&spec.topology),
            survive: spec.survive,
        },
        containers: ContainerPlan {
            subnet: spec.subnet,
            blocks: cut.blocks,
            held_back: cut.held_back,
            capacity: spec.capacity,
        },
        growth: None,
    })
}

/// Beside what `lock` keeps.
fn beside(spec: &Spec, lock: &Lock) -> Result<Given, PlanError> {
    let wanted: Vec<Wanted<'_>> = spec
        .hosts
        .iter()
        .map(|host| Wanted {
            name: &host.name,
            address: host.container_address,
            slice: host.slice,
        })
        .collect();
    let allotment = allot(lock, &wanted, host_number_max(spec.fabric))?;
    let new = spec
        .hosts
        .iter()
        .map(|host| &host.name)
        .filter(|name| !lock.hosts.contains_key(*name));
    let names: BTreeSet<&HostName> = spec.hosts.iter().map(|host| &host.name).collect();
    let gone = lock.hosts.keys().filter(|name| !names.contains(name));
    let before = u32::from(lock.slices_from) - u32::from(lock.subnet.network());
    let block_bits = u32::from(32 - lock.slice_prefix_length.min(32));
    Ok(Given {
        containers: ContainerPlan {
            subnet: spec.subnet,
            blocks: 1 << (lock.slice_prefix_length - lock.subnet.prefix_len()).min(31),
            held_back: before >> block_bits,
            capacity: spec.capacity,
        },
        growth: Some(Growth {
            new: new.cloned().collect(),
            gone: gone.cloned().collect(),
            shrunk: allotment.shrunk,
            ..Growth::default()
        }),
        lock: Lock {
            next_number: allotment.next_number,
            retired_slices: allotment.retired_slices,
            hosts: BTreeMap::new(),
            links: BTreeMap::new(),
            topology: keep::kind(&spec.topology),
            survive: spec.survive,
            ..lock.clone()
        },
        shares: allotment.shares,
    })
}

/// Puts hosts and links into `lock` as they were planned.
pub fn note(lock: &mut Lock, spec: &Spec, hosts: &[HostPlan], shape: &Shape, links: &[Numbered]) {
    let locked = |(host, (priority, _)): (&HostPlan, &(u16, MacAddress))| {
        let locked = LockedHost {
            number: host.number,
            underlay: host.address,
            public: public(spec, host),
            address: host.container_bridge.address,
            slice: host.container_bridge.slice,
            priority: *priority,
        };
        (host.name.clone(), locked)
    };
    lock.hosts = hosts.iter().zip(&shape.identifiers).map(locked).collect();
    let key = |places: [usize; 2]| link_key(&spec.hosts[places[0]].name, &spec.hosts[places[1]].name);
    lock.links = links.iter().map(|link| (key(link.places), link.number)).collect();
    let last = links.iter().map(|link| link.number).max().unwrap_or_default();
    lock.next_link = lock.next_link.max(last.saturating_add(1));
}

/// The public address that the lock of `spec` has for `host`; of a host whose address is another by now it means nothing.
fn public(spec: &Spec, host: &HostPlan) -> Option<IpAddr> {
    let old = spec.lock.as_ref()?.hosts.get(&host.name)?;
    old.public.filter(|_| old.underlay == host.address)
}

/// Notes what became of the links between hosts that were there before: those of `old`, which are those of `new` now.
pub fn note_links(growth: &mut Growth, old: &Lock, new: &Lock, anew: Option<Anew>) {
    let stays = |ends: &&[HostName; 2]| ends.iter().all(|end| old.hosts.contains_key(end) && new.hosts.contains_key(end));
    let but = |these: &Lock, those: &Lock| -> Vec<[HostName; 2]> {
        let mut links: Vec<_> = these.links.iter().filter(|(ends, _)| !those.links.contains_key(*ends)).collect();
        links.sort_by_key(|(_, number)| **number);
        links.into_iter().map(|(ends, _)| ends).filter(stays).cloned().collect()
    };
    growth.links_added = but(new, old);
    growth.links_removed = but(old, new);
    growth.links_anew = anew;
}
