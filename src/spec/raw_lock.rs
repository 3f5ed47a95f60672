//! The keys of a cluster.lock.yaml, and what they must be by themselves, whatever the file beside it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::diagnostic::{Code, Diagnostic};
use super::field::{Field, FromNode, Placed, raw_maps};
use super::lock::{LOCK_VERSION, Lock, LockedHost, LockedTopology, link_key};
use super::node::Place;
use super::parse::{LOCK_LIMITS, parse_node};
use super::scalar::Subnet;
use super::types::{ClusterName, HostName};
use super::validate::SURVIVE_MAX;
use crate::plan::LINK_NUMBER_MAX;
use crate::plan::address::SLICE_PREFIX_LENGTH_MAX;

raw_maps! {
    /// A cluster.lock.yaml.
    #[schemars(rename = "Lock")]
    RawLock
    required ["version", "cluster", "subnet", "first-address", "slices-from", "slice-prefix-length", "next-number", "next-link", "topology", "survive", "hosts", "links"]
    cluster_wide []
    {
        version: i64,
        cluster: ClusterName,
        subnet: Subnet,
        first_address: Ipv4Addr,
        slices_from: Ipv4Addr,
        slice_prefix_length: i64,
        next_number: i64,
        next_link: i64,
        topology: LockedTopology,
        survive: i64,
        hosts: Vec<Field<RawLockedHost>>,
        links: Vec<Field<RawLockedLink>>,
        retired_slices: Vec<Field<Subnet>>,
    }

    /// One host.
    #[schemars(rename = "LockedHost")]
    RawLockedHost
    required ["name", "number", "underlay", "address", "slice", "priority"]
    cluster_wide []
    {
        name: HostName,
        number: i64,
        underlay: IpAddr,
        public: IpAddr,
        address: Ipv4Addr,
        slice: Subnet,
        priority: i64,
    }

    /// One link.
    #[schemars(rename = "LockedLink")]
    RawLockedLink
    required ["number", "hosts"]
    cluster_wide []
    {
        number: i64,
        hosts: Vec<Field<HostName>>,
    }
}

/// A lock, and where it says what.
#[derive(Debug, Clone, PartialEq)]
pub struct LockFile {
    pub lock: Lock,
    pub(super) cluster: Place,
    pub(super) subnet: Place,
    pub(super) first_address: Place,
    pub(super) hosts: BTreeMap<HostName, HostPlaces>,
}

/// Where a lock says what of one host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HostPlaces {
    pub number: Place,
    pub address: Place,
    pub slice: Place,
}

/// What to do about a lock that somebody has edited.
const RESTORE: &str = "take the last version of this file that was right from version control; where there is none, remove the file, and \
                       `meshimg plan --lock` gives everything anew";

/// Reads the content of a cluster.lock.yaml.
///
/// # Errors
/// All that is wrong with it, in the order of the file.
pub fn parse_lock(bytes: &[u8]) -> Result<LockFile, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let file = parse_node(bytes, &LOCK_LIMITS).map(|node| {
        // Of another version nothing else is known.
        if let Some(newer) = newer_version(&node) {
            problems.push(newer);
            return None;
        }
        let raw = RawLock::from_node(&node, "", &mut problems)?;
        if !problems.is_empty() {
            return None;
        }
        Reader { problems: &mut problems }.lock(&raw)
    });
    match file {
        Ok(Some(file)) if problems.is_empty() => return Ok(file),
        Ok(_) => {}
        Err(refused) => problems.extend(refused),
    }
    Err(problems.into_iter().map(Diagnostic::in_lock).collect())
}

fn newer_version(node: &super::node::Node) -> Option<Diagnostic> {
    use super::node::Value;
    let Value::Map(entries) = &node.value else { return None };
    let (_, value) = entries.iter().find(|(key, _)| key.value == Value::Text("version".to_owned()))?;
    let Value::Integer(version) = value.value else { return None };
    (version != i128::from(LOCK_VERSION)).then(|| {
        let message = format!("this lock has version {version} of the format, and this meshimg reads version {LOCK_VERSION}");
        let help = "use a newer meshimg, or take an older version of this file from version control";
        Diagnostic::error(Code::LockVersion, "version", value.place, message, help)
    })
}

/// Notes what does not fit together.
struct Reader<'a> {
    problems: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn wrong<T>(&mut self, field: &Placed<T>, message: impl Into<String>) {
        self.problems.push(field.error(Code::LockInconsistent, message, RESTORE));
    }

    /// The value as a `T` from `least` on.
    fn number<T: TryFrom<i64>>(&mut self, field: &Field<i64>, least: i64, most: i64) -> Option<T> {
        super::validate::in_range(self.problems, Code::LockInconsistent, field.given()?, least, most, RESTORE)
    }

    fn network(&mut self, field: &Placed<Subnet>) -> Ipv4Net {
        if field.value.0.trunc() != field.value.0 {
            self.wrong(field, format!("{} is an address in a network, not a network", field.value.0));
        }
        field.value.0.trunc()
    }

    /// A network that may be a slice of `subnet`.
    fn slice(&mut self, field: &Placed<Subnet>, subnet: Ipv4Net) -> Ipv4Net {
        let slice = self.network(field);
        if !subnet.contains(&slice) || slice == subnet || slice.prefix_len() > SLICE_PREFIX_LENGTH_MAX {
            self.wrong(field, format!("{slice} is no slice of {subnet}"));
        }
        slice
    }

    fn lock(&mut self, raw: &RawLock) -> Option<LockFile> {
        let subnet_field = raw.subnet.given()?;
        let subnet = self.network(subnet_field);
        let most = i64::from(u32::MAX);
        let (first, from) = (raw.first_address.given()?, raw.slices_from.given()?);
        let slice_prefix_length: u8 = self.number(
            &raw.slice_prefix_length,
            i64::from(subnet.prefix_len()) + 1,
            SLICE_PREFIX_LENGTH_MAX.into(),
        )?;
        if !subnet.contains(&first.value) || first.value == subnet.network() {
            self.wrong(first, format!("{} is no host address of {subnet}", first.value));
        }
        let aligned = Ipv4Net::new(from.value, slice_prefix_length).is_ok_and(|block| block.network() == from.value);
        if !subnet.contains(&from.value) || from.value <= first.value || !aligned {
            self.wrong(from, format!("{} is not where slices of {subnet} can begin", from.value));
        }
        let next_number = self.number(&raw.next_number, 1, most)?;
        let next_link = self.number(&raw.next_link, 1, i64::from(LINK_NUMBER_MAX) + 1)?;
        let survive = self.number(&raw.survive, 0, SURVIVE_MAX)?;
        let (hosts, places) = self.hosts(raw, subnet, next_number)?;
        let mut retired_slices = Vec::new();
        for field in raw.retired_slices.given().map_or(&[] as &[_], |retired| &retired.value) {
            retired_slices.push(self.slice(field.given()?, subnet));
        }
        Some(LockFile {
            lock: Lock {
                cluster: raw.cluster.given()?.value.clone(),
                subnet,
                first_address: first.value,
                slices_from: from.value,
                slice_prefix_length,
                next_number,
                next_link,
                hosts,
                links: self.links(raw, next_link)?,
                retired_slices,
                topology: raw.topology.given()?.value,
                survive,
            },
            cluster: raw.cluster.given()?.place,
            subnet: subnet_field.place,
            first_address: first.place,
            hosts: places,
        })
    }

    fn hosts(
        &mut self,
        raw: &RawLock,
        subnet: Ipv4Net,
        next_number: u32,
    ) -> Option<(BTreeMap<HostName, LockedHost>, BTreeMap<HostName, HostPlaces>)> {
        let (mut hosts, mut places) = (BTreeMap::new(), BTreeMap::new());
        let (mut numbers, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        let mut slices: BTreeMap<Ipv4Addr, (Ipv4Net, &Placed<Subnet>)> = BTreeMap::new();
        for item in &raw.hosts.given()?.value {
            let host = &item.given()?.value;
            let (name, address, slice_field) = (host.name.given()?, host.address.given()?, host.slice.given()?);
            let number = self.number(&host.number, 1, i64::from(next_number) - 1)?;
            let slice = self.slice(slice_field, subnet);
            let usable = subnet.contains(&address.value) && address.value != subnet.network() && address.value != subnet.broadcast();
            if !usable {
                self.wrong(address, format!("{} is no host address of {subnet}", address.value));
            }
            self.once(numbers.insert(number), host.number.given()?, number);
            self.once(addresses.insert(address.value), address, address.value);
            if slices.insert(slice.network(), (slice, slice_field)).is_some() {
                self.wrong(slice_field, format!("{slice} is a part of another host's slice"));
            }
            let locked = LockedHost {
                number,
                underlay: host.underlay.given()?.value,
                public: host.public.given().map(|public| public.value),
                address: address.value,
                slice,
                priority: self.number(&host.priority, 0, 61440)?,
            };
            if !locked.priority.is_multiple_of(4096) {
                let field = host.priority.given()?;
                self.wrong(field, format!("{} is no multiple of 4096", locked.priority));
            }
            let place = HostPlaces {
                number: host.number.given()?.place,
                address: address.place,
                slice: slice_field.place,
            };
            self.once(hosts.insert(name.value.clone(), locked).is_none(), name, &name.value);
            places.insert(name.value.clone(), place);
        }
        let mut before: Option<Ipv4Net> = None;
        for (slice, field) in slices.values() {
            if before.is_some_and(|before| before.contains(slice)) {
                self.wrong(field, format!("{slice} is a part of another host's slice"));
            } else {
                before = Some(*slice);
            }
        }
        for item in &raw.hosts.given()?.value {
            let address = item.given()?.value.address.given()?;
            if slices
                .range(..=address.value)
                .next_back()
                .is_some_and(|(_, (slice, _))| slice.contains(&address.value))
            {
                self.wrong(address, format!("{} is inside a host's slice", address.value));
            }
        }
        Some((hosts, places))
    }

    fn links(&mut self, raw: &RawLock, next_link: u32) -> Option<BTreeMap<[HostName; 2], u32>> {
        let mut links = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for item in &raw.links.given()?.value {
            let link = &item.given()?.value;
            let ends = link.hosts.given()?;
            let [a, b] = &ends.value[..] else {
                self.wrong(ends, "a link has two hosts");
                continue;
            };
            let (a, b) = (&a.given()?.value, &b.given()?.value);
            let number = self.number(&link.number, 1, i64::from(next_link) - 1)?;
            self.once(numbers.insert(number), link.number.given()?, number);
            self.once(links.insert(link_key(a, b), number).is_none(), ends, format!("{a}, {b}"));
            if a == b {
                self.wrong(ends, format!("a link leads from {a} to itself"));
            }
        }
        Some(links)
    }

    fn once<T>(&mut self, is_new: bool, field: &Placed<T>, value: impl Display) {
        if !is_new {
            self.wrong(field, format!("{value} is there twice"));
        }
    }
}
