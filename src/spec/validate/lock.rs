//! What the lock keeps, against what the file says.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Rules;
use crate::plan::allot::{AllotError, Allotment, Wanted, allot, host_number_max};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::Placed;
use crate::spec::lock::{Lock, LockedTopology};
use crate::spec::node::Place;
use crate::spec::raw_lock::LockFile;
use crate::spec::types::TopologyWord;

/// What hosts get beside what `file` keeps; `None` where the two contradict each other or leave nothing for a host, which is reported, or
/// where the hosts can't be read.
pub(super) fn check(rules: &mut Rules<'_>, file: &LockFile, subnet: Ipv4Net) -> Option<Allotment> {
    let before = rules.problems.len();
    check_cluster(rules, file);
    check_network(rules, file, subnet);
    check_hosts(rules, file);
    if rules.problems.len() > before || u32::try_from(rules.hosts.len()) != Ok(rules.host_count()) {
        return None;
    }
    let hosts = rules.hosts.clone();
    let wanted = hosts.iter().map(|host| {
        let own = &host.keys.containers;
        Some(Wanted {
            name: &host.keys.name.given()?.value,
            address: own.then(|own| &own.address).given().map(|address| address.value),
            slice: own.then(|own| &own.slice).given().map(|slice| slice.value.0.trunc()),
        })
    });
    let wanted: Vec<Wanted<'_>> = wanted.collect::<Option<_>>()?;
    match allot(&file.lock, &wanted, most_number(rules)) {
        Ok(allotment) => Some(allotment),
        Err(error) => {
            let diagnostic = no_room(rules, file, error);
            rules.problems.extend(diagnostic);
            None
        }
    }
}

/// The highest number that a host can have.
fn most_number(rules: &Rules<'_>) -> u32 {
    host_number_max(super::fabric::of(rules.cluster))
}

/// A contradiction at `lock_place`, with the place in the file that it is about.
fn contradiction(code: Code, path: &str, lock_place: Place, place: (Place, String), message: String, help: String) -> Diagnostic {
    Diagnostic::error(code, path, lock_place, message, help)
        .in_lock()
        .with_related(place.0, place.1)
}

/// How to have all given anew.
const ANEW: &str = "remove the lock and run `meshimg plan --lock`, and then all hosts have to be set up anew";

fn check_cluster(rules: &mut Rules<'_>, file: &LockFile) {
    let Some(name) = rules.cluster.name.given() else { return };
    if name.value == file.lock.cluster {
        return;
    }
    let message = format!("the lock is of the cluster '{}', and this is '{}'", file.lock.cluster, name.value);
    let help = format!(
        "put `name: {}` back, or remove the lock if it is another cluster's; to rename a cluster, {ANEW}",
        file.lock.cluster
    );
    let place = (name.place, "the name here".to_owned());
    rules.report(contradiction(Code::LockCluster, "cluster", file.cluster, place, message, help));
}

/// Where the file says something of the container network: at the value, or at the name of the cluster if it says nothing.
fn place_or_name<T>(rules: &Rules<'_>, field: Option<&Placed<T>>, here: &str, nothing: &str) -> (Place, String) {
    match field {
        Some(field) => (field.place, here.to_owned()),
        None => {
            let name = rules.cluster.name.given();
            (name.map_or_else(Place::default, |name| name.place), nothing.to_owned())
        }
    }
}

fn check_network(rules: &mut Rules<'_>, file: &LockFile, subnet: Ipv4Net) {
    let (lock, containers) = (&file.lock, &rules.cluster.containers);
    if lock.subnet != subnet {
        let field = containers.then(|containers| &containers.subnet).given();
        let nothing = format!("no `containers.subnet` here, so it is {subnet}");
        let place = place_or_name(rules, field, "the subnet here", &nothing);
        let message = format!("the lock keeps slices of {}, and the containers' subnet is {subnet}", lock.subnet);
        let help = format!("put `containers.subnet: {}` back; or {ANEW}", lock.subnet);
        rules.report(contradiction(Code::LockSubnet, "subnet", file.subnet, place, message, help));
        return;
    }
    let first = containers.then(|containers| &containers.first_address).given();
    if let Some(first) = first.filter(|first| first.value != lock.first_address) {
        let message = format!(
            "the lock counts bridge addresses from {}, and the file from {}",
            lock.first_address, first.value
        );
        let help = format!("put `first-address: {}` back, or leave it out; or {ANEW}", lock.first_address);
        let place = (first.place, "the first address here".to_owned());
        rules.report(contradiction(
            Code::LockFirstAddress,
            "first-address",
            file.first_address,
            place,
            message,
            help,
        ));
    }
}

/// Keys of hosts that say something else than the lock.
fn check_hosts(rules: &mut Rules<'_>, file: &LockFile) {
    for host in rules.hosts.clone() {
        let Some(field) = host.keys.name.given() else { continue };
        let name = &field.value;
        let (Some(locked), Some(places)) = (file.lock.hosts.get(name), file.hosts.get(name)) else {
            continue;
        };
        let own = &host.keys.containers;
        let most = most_number(rules);
        if locked.number > most {
            let message = format!(
                "{name} has the number {}, and a direct fabric numbers its hosts up to {most}",
                locked.number
            );
            let help = format!(
                "remove the line of {name} under `hosts` from the lock, which makes it a new host with another number, and run `meshimg plan --lock`; or \
                 choose `mesh.fabric: spanning-tree`"
            );
            let place = (field.place, "this host".to_owned());
            rules.report(contradiction(Code::LockNumber, "hosts.number", places.number, place, message, help));
        }
        let mut differ = |code, key: &str, kept: String, given: String, lock_place: Place, place: Place| {
            let message = format!("the lock keeps the {key} {kept} for {name}, and the file gives it {given}");
            let help = format!(
                "remove `{key}` from {name} in the file, or give it {kept}; to give {name} another {key} in earnest, remove its line under \
                 `hosts` from the lock, which makes it a new host, and run `meshimg plan --lock`"
            );
            let place = (place, format!("the {key} here"));
            rules.report(contradiction(code, &format!("hosts.{key}"), lock_place, place, message, help));
        };
        if let Some(slice) = own
            .then(|own| &own.slice)
            .given()
            .filter(|slice| slice.value.0.trunc() != locked.slice)
        {
            let (kept, given) = (locked.slice.to_string(), slice.value.0.to_string());
            differ(Code::LockSlice, "slice", kept, given, places.slice, slice.place);
        }
        if let Some(address) = own
            .then(|own| &own.address)
            .given()
            .filter(|address| address.value != locked.address)
        {
            let (kept, given) = (locked.address.to_string(), address.value.to_string());
            differ(Code::LockAddress, "address", kept, given, places.address, address.place);
        }
    }
}

/// Up to this many hosts a full mesh stays full beside a lock; about 90 hosts fill what providers take as user-data.
const FULL_KEPT_HOSTS_MAX: u32 = 64;

/// The topology where the file names none: full up to `full_hosts_max` hosts, sparse beyond. A mesh that is full or sparse stays so beside a lock, whatever number
/// of hosts it has by now: else the one host that makes them too many, or too few, would change the links of all others.
pub(super) fn usual_topology(rules: &mut Rules<'_>, full_hosts_max: u32) -> TopologyWord {
    let hosts = rules.host_count();
    let usual = match hosts <= full_hosts_max {
        true => TopologyWord::Full,
        false => TopologyWord::Sparse,
    };
    match (rules.lock.map(|file| file.lock.topology), rules.cluster.hosts.given()) {
        (Some(LockedTopology::Sparse), _) => TopologyWord::Sparse,
        (Some(LockedTopology::Full), Some(list)) if hosts > full_hosts_max && hosts <= FULL_KEPT_HOSTS_MAX => {
            let message = format!("by the lock this mesh stays full: {} links on each of {hosts} hosts", hosts - 1);
            let help = format!(
                "write `mesh.topology: full` if it is to be so, or `sparse`, which makes other links for all hosts, once; beyond {FULL_KEPT_HOSTS_MAX} hosts that \
                 is done in any case"
            );
            rules.report(list.warning(Code::LockTopology, message, help));
            TopologyWord::Full
        }
        _ => usual,
    }
}

fn no_room(rules: &Rules<'_>, file: &LockFile, error: AllotError) -> Option<Diagnostic> {
    let (AllotError::NoAddress { place, .. } | AllotError::NoSlice { place, .. }) = error;
    let name = rules.hosts.get(place)?.keys.name.given()?;
    let outside = "outside every slice";
    let (message, help) = match error {
        AllotError::NoAddress { .. } => (
            format!("{} gets no bridge address: {error}", name.value),
            format!(
                "give it `containers: {{address: ...}}`, an address of {} {outside}; or {ANEW}",
                file.lock.subnet
            ),
        ),
        AllotError::NoSlice { .. } => (
            format!("{} gets no slice: {error}", name.value),
            format!("remove a host, or give a larger `containers.subnet`: {ANEW}"),
        ),
    };
    let (path, at) = match error {
        AllotError::NoAddress { .. } => ("first-address", file.first_address),
        AllotError::NoSlice { .. } => ("subnet", file.subnet),
    };
    let place = (name.place, "this host is new".to_owned());
    Some(contradiction(Code::LockNoRoom, path, at, place, message, help))
}

/// What hosts have by number where there is no lock, and by place where there is one.
pub(super) enum Shares<'a> {
    Cut(&'a crate::plan::address::Cut),
    Allotted(&'a Lock, &'a Allotment),
}

impl Shares<'_> {
    pub fn subnet(&self) -> Ipv4Net {
        match self {
            Self::Cut(cut) => cut.subnet,
            Self::Allotted(lock, _) => lock.subnet,
        }
    }

    pub fn first_address(&self) -> Ipv4Addr {
        match self {
            Self::Cut(cut) => cut.first_address,
            Self::Allotted(lock, _) => lock.first_address,
        }
    }

    /// The slice of the host at this place in the list, from 1.
    pub fn slice(&self, place: u32) -> Option<Ipv4Net> {
        match self {
            Self::Cut(cut) => cut.slice(place),
            Self::Allotted(_, allotment) => Some(allotment.shares.get(usize::try_from(place).ok()?.checked_sub(1)?)?.slice),
        }
    }

    /// The bridge address of that host.
    pub fn address(&self, place: u32) -> Option<Ipv4Addr> {
        match self {
            Self::Cut(cut) => cut.address(place),
            Self::Allotted(_, allotment) => Some(allotment.shares.get(usize::try_from(place).ok()?.checked_sub(1)?)?.address),
        }
    }
}
