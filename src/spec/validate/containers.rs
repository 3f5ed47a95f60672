//! Rules of the container network: the subnet, its cutting, and addresses and slices that hosts name themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::lock::{self, Shares};
use super::{Host, Rules};
use crate::plan::address::{CutError, DEFAULT_SUBNET, SLICE_PREFIX_LENGTH_MAX, cut};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed};
use crate::spec::scalar::Subnet;

/// Networks that no container may be in, and why (RFC 6890).
const RESERVED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "'this network'"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local addresses"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "future use"),
];

/// What the plan needs to know.
pub(super) struct Containers {
    pub subnet: Ipv4Net,
    pub capacity: u32,
}

/// `None` where the subnet or the capacity is not usable; that is reported.
pub(super) fn check(rules: &mut Rules<'_>) -> Option<Containers> {
    let cluster = rules.cluster;
    let subnet_field = cluster.containers.then(|containers| &containers.subnet);
    let subnet = match subnet_field {
        Field::Given(subnet) => without_host_bits(rules, subnet),
        Field::Absent => DEFAULT_SUBNET.parse().ok()?,
        Field::Broken => return None,
    };
    if let Some(field) = subnet_field.given() {
        check_reserved(rules, field, subnet);
    }
    check_underlay(rules, subnet_field.given(), subnet);
    let capacity = check_capacity(rules)?;
    let first = cluster.containers.then(|containers| &containers.first_address);
    if first.is_broken() || rules.host_count() == 0 {
        return None;
    }
    if let Some(file) = rules.lock {
        if let Some(allotment) = lock::check(rules, file, subnet) {
            check_hosts(rules, &Shares::Allotted(&file.lock, &allotment));
        }
        return Some(Containers { subnet, capacity });
    }
    match cut(subnet, capacity, rules.host_count(), first.given().map(|first| first.value)) {
        Ok(cut) => check_hosts(rules, &Shares::Cut(&cut)),
        Err(error) => rules.report(no_cut(rules, error)),
    }
    Some(Containers { subnet, capacity })
}

/// The network of a field, after an error if bits of its host part are set.
fn without_host_bits(rules: &mut Rules<'_>, field: &Placed<Subnet>) -> Ipv4Net {
    let network = field.value.0.trunc();
    if network != field.value.0 {
        let message = format!("{} is an address in a network, not a network", field.value.0);
        rules.report(field.error(Code::ContainersHostBits, message, format!("write {network}")));
    }
    network
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

fn check_reserved(rules: &mut Rules<'_>, field: &Placed<Subnet>, subnet: Ipv4Net) {
    for (range, purpose) in RESERVED {
        let Ok(reserved) = range.parse::<Ipv4Net>() else { continue };
        if overlap(&reserved, &subnet) {
            let message = format!("{subnet} overlaps {range}, which is reserved for {purpose}");
            let help = "choose a private network, in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
            rules.report(field.error(Code::ContainersReservedSubnet, message, help));
        }
    }
}

/// A host that has an address of the container subnet on its underlay would look for it behind the wrong interface.
fn check_underlay(rules: &mut Rules<'_>, field: Option<&Placed<Subnet>>, subnet: Ipv4Net) {
    let help = "choose another `containers.subnet`, in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
    for host in rules.hosts.clone() {
        let Some(address) = host.keys.address.given() else { continue };
        if let Some(IpNet::V4(network)) = super::underlay::network(rules.cluster, host.keys)
            && overlap(&network.trunc(), &subnet)
        {
            let message = format!(
                "the containers' {subnet} overlaps the underlay's {} of {}",
                network.trunc(),
                Rules::name_of(host)
            );
            let problem = match field {
                Some(field) => field
                    .error(Code::ContainersOverlapUnderlay, message, help)
                    .with_related(address.place, "on the underlay"),
                None => address.error(Code::ContainersOverlapUnderlay, message, help),
            };
            rules.report(problem);
        }
        if let Some(gateway) = super::underlay::gateway_field(rules.cluster, host.keys).given()
            && matches!(gateway.value, IpAddr::V4(next_hop) if subnet.contains(&next_hop))
        {
            let message = format!("the gateway {} is inside the containers' {subnet}", gateway.value);
            rules.report(gateway.error(Code::ContainersOverlapUnderlay, message, help));
        }
    }
}

fn check_capacity(rules: &mut Rules<'_>) -> Option<u32> {
    let hosts = rules.host_count();
    match rules.cluster.containers.then(|containers| &containers.capacity) {
        Field::Absent => Some(hosts),
        Field::Broken => None,
        Field::Given(capacity) if capacity.value < i64::from(hosts.max(1)) => {
            let message = format!("a capacity of {} is less than the {hosts} hosts there are", capacity.value);
            let help = format!("give at least {hosts}, or leave it out");
            rules.report(capacity.error(Code::ContainersCapacityTooSmall, message, help));
            None
        }
        // A capacity beyond 32 bits fits no IPv4 network either.
        Field::Given(capacity) => Some(u32::try_from(capacity.value).unwrap_or(u32::MAX)),
    }
}

/// Why the subnet can't be cut, at the value that is to blame.
fn no_cut(rules: &Rules<'_>, error: CutError) -> Diagnostic {
    let keys = &rules.cluster.containers;
    let place_of = |candidates: &[Option<Diagnostic>]| candidates.iter().flatten().next().cloned();
    let hosts = rules.host_count();
    let (code, message, help, by_capacity) = match error {
        CutError::NoRoom { subnet, wanted, most } if most >= hosts => (
            Code::ContainersCapacityTooBig,
            format!("{subnet} has no room for {wanted} hosts"),
            format!("give a capacity of at most {most}, a larger `containers.subnet`, or a lower `first-address`"),
            true,
        ),
        CutError::NoRoom { subnet, most, .. } => (
            Code::ContainersMoreHostsThanSlices,
            format!("there are {hosts} hosts, and {subnet} has slices for {most}"),
            format!("give a larger `containers.subnet`: a slice has a prefix length of at most {SLICE_PREFIX_LENGTH_MAX}"),
            false,
        ),
        CutError::AddressOutside { subnet, .. } => (
            Code::ContainersFirstAddress,
            error.to_string(),
            format!(
                "give an address inside {subnet}, such as {}",
                subnet.hosts().next().unwrap_or(subnet.addr())
            ),
            false,
        ),
        CutError::CapacityBelowHosts { .. } | CutError::NoHosts => (
            Code::ContainersCapacityTooSmall,
            error.to_string(),
            "leave `containers.capacity` out".to_owned(),
            true,
        ),
    };
    let capacity = keys
        .then(|keys| &keys.capacity)
        .given()
        .filter(|_| by_capacity)
        .map(|field| field.error(code, &message, &help));
    let first = keys
        .then(|keys| &keys.first_address)
        .given()
        .filter(|_| code == Code::ContainersFirstAddress);
    let first = first.map(|field| field.error(code, &message, &help));
    let subnet = keys
        .then(|keys| &keys.subnet)
        .given()
        .map(|field| field.error(code, &message, &help));
    let list = rules.cluster.hosts.given().map(|field| field.error(code, &message, &help));
    place_of(&[capacity, first, subnet, list]).unwrap_or_else(|| Diagnostic::error(code, "containers", Default::default(), message, help))
}

/// A bridge address or a slice that a host has: named in the file, or by its number.
struct Share<'a, T> {
    owner: String,
    value: T,
    given: Option<(&'a str, crate::spec::node::Place)>,
}

impl<T> Share<'_, T> {
    /// An error at this share, or at `other` if only that one is named in the file.
    fn error<U>(&self, other: &Share<'_, U>, code: Code, message: String, help: &str) -> Option<Diagnostic> {
        let (path, place) = self.given.or(other.given)?;
        let problem = Diagnostic::error(code, path, place, message, help);
        Some(match other.given.filter(|(_, related)| *related != place) {
            Some((_, related)) => problem.with_related(related, "conflicts with this"),
            None => problem,
        })
    }
}

fn check_hosts(rules: &mut Rules<'_>, shares: &Shares<'_>) {
    let mut addresses = Vec::new();
    let mut slices = Vec::new();
    for host in rules.hosts.clone() {
        let owner = Rules::name_of(host);
        if let Some(share) = slice_of(rules, host, shares, &owner) {
            slices.push(share);
        }
        if let Some(share) = address_of(rules, host, shares, &owner) {
            addresses.push(share);
        }
    }
    let mut seen: BTreeMap<Ipv4Addr, &Share<'_, Ipv4Addr>> = BTreeMap::new();
    for share in &addresses {
        if let Some(earlier) = seen.get(&share.value) {
            let message = format!(
                "{} and {} both have the container address {}",
                earlier.owner, share.owner, share.value
            );
            let help = "give each host its own address, or leave it out";
            rules
                .problems
                .extend(share.error(earlier, Code::ContainersDuplicateAddress, message, help));
        }
        seen.entry(share.value).or_insert(share);
    }
    // By number nothing conflicts, so one side of each conflict is named in the file.
    let nested = Nested::new(&slices);
    for (index, inner) in slices.iter().enumerate() {
        for outer in nested.around(inner.value.network(), inner.value.prefix_len()) {
            // Of equal ones the earlier holds the later.
            if outer == index || (slices[outer].value == inner.value && outer > index) {
                continue;
            }
            let (earlier, later) = (outer.min(index), outer.max(index));
            // At the later of two that are named, or at the one that is.
            let (slice, other) = match slices[later].given {
                Some(_) => (&slices[later], &slices[earlier]),
                None => (&slices[earlier], &slices[later]),
            };
            let message = format!(
                "the slice {} of {} overlaps the slice {} of {}",
                slice.value, slice.owner, other.value, other.owner
            );
            let help = "two hosts would hand out the same addresses: give each its own part of the subnet";
            rules
                .problems
                .extend(slice.error(other, Code::ContainersSliceOverlap, message, help));
        }
    }
    for address in &addresses {
        for slice in nested.around(address.value, 32).map(|slice| &slices[slice]) {
            let message = format!(
                "the container address {} of {} is inside the slice {} of {}",
                address.value, address.owner, slice.value, slice.owner
            );
            let help = "a container would get the same address: choose one outside every slice";
            rules
                .problems
                .extend(address.error(slice, Code::ContainersAddressInSlice, message, help));
        }
    }
}

/// Slices by network, so that those around an address are found without a look at all: two networks overlap only if one holds the other.
struct Nested {
    /// The first slice, by number, with this network.
    first: BTreeMap<Ipv4Net, usize>,
    prefix_lengths: BTreeSet<u8>,
}

impl Nested {
    fn new(slices: &[Share<'_, Ipv4Net>]) -> Self {
        let mut first = BTreeMap::new();
        for (number, slice) in slices.iter().enumerate() {
            first.entry(slice.value).or_insert(number);
        }
        let prefix_lengths = slices.iter().map(|slice| slice.value.prefix_len()).collect();
        Self { first, prefix_lengths }
    }

    /// Numbers of slices that hold the network of this address and prefix length: of equal slices the first.
    fn around(&self, address: Ipv4Addr, prefix_length: u8) -> impl Iterator<Item = usize> {
        let lengths = self.prefix_lengths.range(..=prefix_length);
        lengths.filter_map(move |length| {
            let network = Ipv4Net::new(address, *length).ok()?.trunc();
            self.first.get(&network).copied()
        })
    }
}

fn slice_of<'a>(rules: &mut Rules<'a>, host: Host<'a>, shares: &Shares<'_>, owner: &str) -> Option<Share<'a, Ipv4Net>> {
    let owner = owner.to_owned();
    let field = match host.keys.containers.then(|containers| &containers.slice) {
        Field::Absent => {
            let value = shares.slice(host.number)?;
            return Some(Share { owner, value, given: None });
        }
        Field::Broken => return None,
        Field::Given(field) => field,
    };
    let value = without_host_bits(rules, field);
    if !shares.subnet().contains(&value) || value == shares.subnet() {
        let message = format!("the slice {value} is not a part of {}", shares.subnet());
        let help = format!(
            "give a part of `containers.subnet`, such as {}",
            shares.slice(host.number).unwrap_or(shares.subnet())
        );
        rules.report(field.error(Code::ContainersSliceOutside, message, help));
        return None;
    }
    if value.prefix_len() > SLICE_PREFIX_LENGTH_MAX {
        let message = format!("the slice {value} has too few addresses");
        let help = format!("give a prefix length of at most {SLICE_PREFIX_LENGTH_MAX}");
        rules.report(field.error(Code::ContainersSliceTooSmall, message, help));
        return None;
    }
    let given = Some((field.path.as_str(), field.place));
    Some(Share { owner, value, given })
}

fn address_of<'a>(rules: &mut Rules<'a>, host: Host<'a>, shares: &Shares<'_>, owner: &str) -> Option<Share<'a, Ipv4Addr>> {
    let owner = owner.to_owned();
    let field = match host.keys.containers.then(|containers| &containers.address) {
        Field::Absent => {
            let value = shares.address(host.number)?;
            return Some(Share { owner, value, given: None });
        }
        Field::Broken => return None,
        Field::Given(field) => field,
    };
    let value = field.value;
    if !shares.subnet().contains(&value) || value == shares.subnet().network() || value == shares.subnet().broadcast() {
        let message = format!("{value} is no host address of {}", shares.subnet());
        let help = format!(
            "give an address inside `containers.subnet`, such as {}",
            shares.address(host.number).unwrap_or(shares.first_address())
        );
        rules.report(field.error(Code::ContainersAddressOutside, message, help));
        return None;
    }
    let given = Some((field.path.as_str(), field.place));
    Some(Share { owner, value, given })
}
