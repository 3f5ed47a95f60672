//! The cluster as its lock remembers it.

use crate::plan::{Plan, PlanError, plan};
use crate::spec::{HostSpec, LockedTopology, Spec, Topology};

/// The plan of the hosts that the lock of `spec` knows, with what it keeps for them; all that is not in a lock is as the file has it now.
/// `None` where there is no lock, or one of fewer than two hosts.
///
/// # Errors
/// [`PlanError`], as for any other plan.
pub fn locked(spec: &Spec) -> Result<Option<Plan>, PlanError> {
    let Some(lock) = spec.lock.as_ref().filter(|lock| lock.hosts.len() >= 2) else {
        return Ok(None);
    };
    let Some(any) = spec.hosts.first() else { return Ok(None) };
    let mut known: Vec<_> = lock.hosts.iter().collect();
    known.sort_by_key(|(_, locked)| locked.number);
    let hosts = known.into_iter().map(|(name, locked)| {
        let in_file = spec.hosts.iter().find(|host| host.name == *name);
        let host = in_file.cloned().unwrap_or_else(|| HostSpec {
            // Of a host that is gone, nothing else than its place in the mesh is known.
            name: name.clone(),
            underlay_interface: None,
            priority: None,
            container_address: None,
            slice: None,
            ..any.clone()
        });
        HostSpec {
            address: Some(locked.underlay),
            ..host
        }
    });
    let hosts: Vec<HostSpec> = hosts.collect();
    let topology = match lock.topology {
        LockedTopology::Full => Topology::Full,
        LockedTopology::Ring => Topology::Ring,
        LockedTopology::Sparse => Topology::Sparse,
        LockedTopology::Hub | LockedTopology::Links => {
            let mut links: Vec<_> = lock.links.iter().collect();
            links.sort_by_key(|(_, number)| **number);
            Topology::Links(links.into_iter().map(|(ends, _)| ends.clone()).collect())
        }
    };
    let still = |name: &Option<crate::spec::HostName>| name.clone().filter(|name| lock.hosts.contains_key(name));
    let then = Spec {
        capacity: spec.capacity.max(u32::try_from(hosts.len()).unwrap_or(u32::MAX)),
        root: still(&spec.root),
        stand_in: still(&spec.stand_in),
        hosts,
        survive: lock.survive,
        topology,
        ..spec.clone()
    };
    plan(&then).map(Some)
}
