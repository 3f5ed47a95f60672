//! What new hosts get beside those that keep what they have: numbers, bridge addresses and slices.
//!
//! A host that the lock knows keeps all three. A new one gets the next number and a free block of the subnet: one that was never given, else
//! one that a host had which is gone. Where no block is free that is as large as half of the largest slice, that slice is split (buddy
//! allocation, Knuth, The Art of Computer Programming 1, 2.5): its host keeps the lower half, from which Docker has handed out first. So
//! each new host makes one other slice smaller at most.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::address::SLICE_PREFIX_LENGTH_MAX;
use super::direct::HOST_NUMBER_MAX;
use super::types::Shrunk;
use crate::spec::{Fabric, HostName, Lock};

/// A host of the file, with what the file itself names for it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub name: &'a HostName,
    pub address: Option<Ipv4Addr>,
    pub slice: Option<Ipv4Net>,
}

/// What a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub number: u32,
    /// Of the container bridge.
    pub address: Ipv4Addr,
    pub slice: Ipv4Net,
}

/// What all hosts have, and what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allotment {
    /// In the order of the hosts.
    pub shares: Vec<Share>,
    pub next_number: u32,
    /// Parts of the subnet that hosts had which are gone; disjoint, sorted.
    pub retired_slices: Vec<Ipv4Net>,
    /// Slices of hosts that the lock knows, smaller than they were.
    pub shrunk: Vec<Shrunk>,
}

/// Why a new host, the one at this place in the list, gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AllotError {
    #[error("all bridge addresses from {first} to {last} are taken")]
    NoAddress { place: usize, first: Ipv4Addr, last: Ipv4Addr },
    #[error("no part of {subnet} is free, and no slice is larger than /{SLICE_PREFIX_LENGTH_MAX}")]
    NoSlice { place: usize, subnet: Ipv4Net },
}

/// The highest number that a host can have in this fabric.
pub fn host_number_max(fabric: Fabric) -> u32 {
    match fabric {
        Fabric::SpanningTree => u32::MAX,
        Fabric::Direct => HOST_NUMBER_MAX.into(),
    }
}

/// Gives `hosts`, in the order of the file, what they have by `lock` or get beside it, no new number above `number_max`. Same lock and hosts, same shares.
///
/// # Errors
/// [`AllotError`] for the first host that gets nothing.
pub fn allot(lock: &Lock, hosts: &[Wanted<'_>], number_max: u32) -> Result<Allotment, AllotError> {
    let mut numbers = Numbers::new(lock, hosts, number_max);
    let mut space = Space::new(lock, hosts);
    let mut shares = Vec::with_capacity(hosts.len());
    for (place, host) in hosts.iter().enumerate() {
        let share = match lock.hosts.get(host.name) {
            Some(locked) => Share {
                number: locked.number,
                address: locked.address,
                slice: locked.slice,
            },
            None => {
                let (number, address) = numbers.give(host.address, &space).ok_or_else(|| AllotError::NoAddress {
                    place,
                    first: lock.first_address,
                    last: Ipv4Addr::from(u32::from(lock.slices_from).saturating_sub(1)),
                })?;
                let slice = match host.slice {
                    Some(own) => own,
                    None => space.give(place, number).ok_or(AllotError::NoSlice {
                        place,
                        subnet: lock.subnet,
                    })?,
                };
                Share { number, address, slice }
            }
        };
        shares.push(share);
    }
    for (place, slice) in &space.current {
        shares[*place].slice = *slice;
    }
    Ok(Allotment {
        shrunk: shrunk(lock, hosts, &shares),
        next_number: numbers.next,
        retired_slices: space.retired(),
        shares,
    })
}

fn shrunk(lock: &Lock, hosts: &[Wanted<'_>], shares: &[Share]) -> Vec<Shrunk> {
    let new: Vec<_> = hosts
        .iter()
        .zip(shares)
        .filter(|(host, _)| !lock.hosts.contains_key(host.name))
        .collect();
    let known = hosts
        .iter()
        .zip(shares)
        .filter_map(|(host, share)| Some((host, share, lock.hosts.get(host.name)?)));
    known
        .filter(|(_, share, locked)| share.slice != locked.slice)
        .map(|(host, share, locked)| Shrunk {
            host: host.name.clone(),
            from: locked.slice,
            to: share.slice,
            given_to: new
                .iter()
                .filter(|(_, share)| locked.slice.contains(&share.slice))
                .map(|(host, _)| host.name.clone())
                .collect(),
        })
        .collect()
}

/// Numbers, and the bridge addresses that go with them.
struct Numbers {
    first: u32,
    /// How many addresses there are before the slices, or fewer where numbers end before.
    most: u32,
    number_max: u32,
    next: u32,
    numbers: BTreeSet<u32>,
    addresses: BTreeSet<Ipv4Addr>,
}

impl Numbers {
    fn new(lock: &Lock, hosts: &[Wanted<'_>], number_max: u32) -> Self {
        let known = || hosts.iter().filter_map(|host| lock.hosts.get(host.name));
        let first = u32::from(lock.first_address);
        Self {
            first,
            most: u32::from(lock.slices_from).saturating_sub(first).min(number_max),
            number_max,
            next: lock.next_number,
            numbers: known().map(|host| host.number).collect(),
            addresses: known()
                .map(|host| host.address)
                .chain(hosts.iter().filter_map(|host| host.address))
                .collect(),
        }
    }

    /// The next number whose address is free, else the lowest that a host had which is gone. With an address of its own a host takes
    /// any number.
    fn give(&mut self, own: Option<Ipv4Addr>, space: &Space) -> Option<(u32, Ipv4Addr)> {
        let (number, address) = match own {
            Some(own) => (self.free_number()?, own),
            None => self
                .free(self.next, self.most, space)
                .or_else(|| self.free(1, self.next - 1, space))?,
        };
        self.numbers.insert(number);
        self.addresses.insert(address);
        self.next = self.next.max(number.checked_add(1)?);
        Some((number, address))
    }

    /// The next number, else the lowest that is free.
    fn free_number(&self) -> Option<u32> {
        let next = Some(self.next).filter(|next| *next <= self.number_max);
        next.or_else(|| (1..=self.number_max).find(|number| !self.numbers.contains(number)))
    }

    /// The lowest free number of `from..=to`, and its address.
    fn free(&self, from: u32, to: u32, space: &Space) -> Option<(u32, Ipv4Addr)> {
        let mut number = from;
        while number <= to.min(self.most) {
            let address = Ipv4Addr::from(self.first.checked_add(number - 1)?);
            if let Some(last) = space.last_of_slice_at(address) {
                // A slice that the file puts among the bridge addresses is passed over in one step.
                number = (u32::from(last) - self.first).checked_add(2)?;
            } else if self.numbers.contains(&number) || self.addresses.contains(&address) {
                number += 1;
            } else {
                return Some((number, address));
            }
        }
        None
    }
}

/// First and last address of parts of the subnet that nobody else may get.
type Taken = BTreeMap<u32, u32>;

/// Where slices are, and where not.
struct Space {
    /// All that is no slice for a new host: what hosts have, and single addresses of bridges.
    used: Taken,
    /// The same, and what hosts had which are gone.
    given: Taken,
    old_retired: Vec<Ipv4Net>,
    /// Slices that may be split, the largest and then the one of the lowest number first: prefix length, number, place.
    whole: BTreeSet<(u8, u32, usize)>,
    /// The slices of those, by place.
    current: BTreeMap<usize, Ipv4Net>,
    /// The prefix length of a slice where there is room.
    standard: u8,
    fresh: Search,
    again: Search,
}

/// How far a search for free blocks has come. Space only fills, so what was passed over need not be looked at again.
#[derive(Clone, Copy)]
struct Search {
    start: u32,
    from: u32,
    prefix_length: u8,
}

impl Space {
    fn new(lock: &Lock, hosts: &[Wanted<'_>]) -> Self {
        let names: BTreeSet<&HostName> = hosts.iter().map(|host| host.name).collect();
        let gone = lock
            .hosts
            .iter()
            .filter(|(name, _)| !names.contains(name))
            .map(|(_, host)| host.slice);
        // A slice that the file had put among the bridge addresses is not given again.
        let gone = gone.filter(|slice| slice.network() >= lock.slices_from);
        let mut old_retired: Vec<Ipv4Net> = lock.retired_slices.iter().copied().chain(gone).collect();
        let (mut used, mut whole, mut current) = (Taken::new(), BTreeSet::new(), BTreeMap::new());
        for (place, host) in hosts.iter().enumerate() {
            let locked = lock.hosts.get(host.name);
            if let (Some(locked), None) = (locked, host.slice) {
                whole.insert((locked.slice.prefix_len(), locked.number, place));
                current.insert(place, locked.slice);
            }
            if let Some(slice) = locked.map(|locked| locked.slice).or(host.slice) {
                take(&mut used, slice);
            }
            if let Some(address) = locked.map(|locked| locked.address).or(host.address) {
                take(&mut used, address.into());
            }
        }
        let mut given = used.clone();
        old_retired = Ipv4Net::aggregate(&old_retired);
        old_retired.iter().for_each(|slice| take(&mut given, *slice));
        // Before the slices there are the bridge addresses.
        let search = Search {
            start: u32::from(lock.slices_from),
            from: u32::from(lock.slices_from),
            prefix_length: lock.slice_prefix_length,
        };
        // The end of the subnet as something taken: what is behind it is nobody's.
        if let Some(beyond) = u32::from(lock.subnet.broadcast()).checked_add(1) {
            used.insert(beyond, u32::MAX);
            given.insert(beyond, u32::MAX);
        }
        Self {
            used,
            given,
            old_retired,
            whole,
            current,
            standard: lock.slice_prefix_length,
            fresh: search,
            again: search,
        }
    }

    /// The last address of what is used at `address`, if that is more than a single address.
    fn last_of_slice_at(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        let (start, end) = self.used.range(..=u32::from(address)).next_back()?;
        (end > start && *end >= u32::from(address)).then(|| Ipv4Addr::from(*end))
    }

    /// A slice for the new host at `place`, which has this number.
    fn give(&mut self, place: usize, number: u32) -> Option<Ipv4Net> {
        let largest = self.whole.first().copied().filter(|(length, ..)| *length < SLICE_PREFIX_LENGTH_MAX);
        let least = largest.map_or(SLICE_PREFIX_LENGTH_MAX, |(length, ..)| self.standard.max(length + 1));
        let free = self.fresh.next(&self.given, least).or_else(|| self.again.next(&self.used, least));
        let slice = match (free, largest) {
            (Some(slice), _) => {
                take(&mut self.used, slice);
                take(&mut self.given, slice);
                slice
            }
            (None, Some((length, its_number, other))) => {
                let mut halves = self.current.get(&other)?.subnets(length + 1).ok()?;
                let (lower, upper) = (halves.next()?, halves.next()?);
                self.whole.remove(&(length, its_number, other));
                self.whole.insert((length + 1, its_number, other));
                self.current.insert(other, lower);
                for taken in [&mut self.used, &mut self.given] {
                    take(taken, lower);
                    take(taken, upper);
                }
                upper
            }
            (None, None) => return None,
        };
        self.whole.insert((slice.prefix_len(), number, place));
        self.current.insert(place, slice);
        Some(slice)
    }

    /// What was retired and was not given again.
    fn retired(&self) -> Vec<Ipv4Net> {
        let mut left = Vec::new();
        let mut looked_at = self.old_retired.clone();
        while let Some(slice) = looked_at.pop() {
            let (first, last) = (u32::from(slice.network()), u32::from(slice.broadcast()));
            let meets = self.used.range(..=last).next_back().filter(|(_, end)| **end >= first);
            match meets {
                None => left.push(slice),
                Some((start, end)) if *start <= first && *end >= last => {}
                Some(_) => looked_at.extend(slice.subnets(slice.prefix_len() + 1).into_iter().flatten()),
            }
        }
        // Less than a slice is of no use to anybody.
        left.retain(|slice| slice.prefix_len() <= SLICE_PREFIX_LENGTH_MAX);
        Ipv4Net::aggregate(&left)
    }
}

/// Notes that `slice` is somebody's. Parts of it that were before are one with it then.
fn take(taken: &mut Taken, slice: Ipv4Net) {
    let (first, last) = (u32::from(slice.network()), u32::from(slice.broadcast()));
    let end = taken.entry(first).or_insert(last);
    // A half of what was one.
    *end = last;
}

impl Search {
    /// The first block, of the largest size from the search's own down to `least`, that meets nothing in `taken`.
    fn next(&mut self, taken: &Taken, least: u8) -> Option<Ipv4Net> {
        while self.prefix_length <= least {
            if let Some(block) = self.of_this_size(taken) {
                self.from = u32::from(block.network());
                return Some(block);
            }
            self.prefix_length += 1;
            self.from = self.start;
        }
        None
    }

    fn of_this_size(&self, taken: &Taken) -> Option<Ipv4Net> {
        let size = 1_u64 << (32 - u32::from(self.prefix_length));
        let align = |address: u64| address.div_ceil(size) * size;
        let mut from = align(self.from.into());
        let before = taken.range(..self.from).next_back().map_or(0, |(_, end)| u64::from(*end) + 1);
        from = from.max(align(before));
        for (start, end) in taken.range(self.from..) {
            if from + size <= u64::from(*start) {
                break;
            }
            from = from.max(align(u64::from(*end) + 1));
        }
        let block = Ipv4Net::new(u32::try_from(from).ok()?.into(), self.prefix_length).ok()?;
        (from + size <= 1 << 32).then_some(block)
    }
}

#[cfg(test)]
#[path = "allot_tests.rs"]
mod tests;
