//! The cutting of the container subnet: which addresses the container bridges have, and which slice is whose.
//!
//! The subnet is cut in 2^k equal blocks, the fewest that leave one per host after those at the start that hold the bridge
//! addresses. Other hosts' bridge addresses are unknown to a Docker daemon, so they lie in no slice.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The network of Docker's own default bridge, as the classic recipe uses it.
pub const DEFAULT_SUBNET: &str = "172.17.0.0/16";

/// Where the first bridge address is in a subnet large enough for it: 42.1, the classic recipe's 172.17.42.1.
const CLASSIC_OFFSET: u64 = 42 * 256 + 1;

/// The longest prefix of a slice. Docker hands out every address of it, so /30 is four containers; fewer make no sense.
pub const SLICE_PREFIX_LENGTH_MAX: u8 = 30;

/// How a subnet is cut. Hosts are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub subnet: Ipv4Net,
    /// How many equal blocks there are, a power of two.
    pub blocks: u32,
    /// Blocks at the start that are never handed out.
    pub held_back: u32,
    /// Bridge address of the first host; the others follow.
    pub first_address: Ipv4Addr,
    /// Prefix length of a block.
    pub block_prefix_length: u8,
    /// How many hosts there are addresses for outside every slice.
    pub capacity: u32,
}

impl Cut {
    /// The slice of host `number`, `None` for 0 and beyond the last block.
    pub fn slice(&self, number: u32) -> Option<Ipv4Net> {
        let index = self.held_back.checked_add(number.checked_sub(1)?)?;
        if index >= self.blocks {
            return None;
        }
        let start = u64::from(u32::from(self.subnet.network())) + u64::from(index) * block_size(self.block_prefix_length);
        Ipv4Net::new(u32::try_from(start).ok()?.into(), self.block_prefix_length).ok()
    }

    /// The bridge address of host `number`, `None` for 0 and beyond the capacity.
    pub fn address(&self, number: u32) -> Option<Ipv4Addr> {
        if number > self.capacity {
            return None;
        }
        u32::from(self.first_address)
            .checked_add(number.checked_sub(1)?)
            .map(Ipv4Addr::from)
    }
}

/// Why a subnet can't be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    #[error("there is nothing to cut for: no hosts")]
    NoHosts,
    #[error("the capacity of {capacity} is less than the {hosts} hosts there are")]
    CapacityBelowHosts { capacity: u32, hosts: u32 },
    /// Outside the subnet, or its network or broadcast address.
    #[error("{first} is no host address of {subnet}")]
    AddressOutside { first: Ipv4Addr, subnet: Ipv4Net },
    /// `most` is how many hosts there is room for, with this first address if it was given.
    #[error("{subnet} has no room for {wanted} slices of /{SLICE_PREFIX_LENGTH_MAX} or more; it has for {most}")]
    NoRoom { subnet: Ipv4Net, wanted: u32, most: u32 },
}

/// Cuts `subnet` for `capacity` hosts, of which `hosts` are there.
///
/// Without `first_address` the bridge addresses start at offset 42.1 of 172.17.0.0/16, and of another subnet if the blocks that
/// must be held back anyway reach that far; else at the first address.
///
/// # Errors
/// See [`CutError`].
pub fn cut(subnet: Ipv4Net, capacity: u32, hosts: u32, first_address: Option<Ipv4Addr>) -> Result<Cut, CutError> {
    let subnet = subnet.trunc();
    if hosts == 0 || capacity == 0 {
        return Err(CutError::NoHosts);
    }
    if capacity < hosts {
        return Err(CutError::CapacityBelowHosts { capacity, hosts });
    }
    let network = u64::from(u32::from(subnet.network()));
    let size = block_size(subnet.prefix_len());
    let is_default = DEFAULT_SUBNET.parse() == Ok(subnet);
    let offset = match first_address {
        Some(first) => {
            let offset = u64::from(u32::from(first))
                .checked_sub(network)
                .filter(|offset| (1..size.saturating_sub(1)).contains(offset));
            offset.ok_or(CutError::AddressOutside { first, subnet })?
        }
        None if is_default => CLASSIC_OFFSET,
        None => 1,
    };
    let Some((blocks, held_back)) = fewest_blocks(subnet.prefix_len(), offset, capacity) else {
        // Whether a number of hosts fits is monotonous: what fits more hosts fits fewer.
        let (mut fits, mut too_many) = (0, capacity);
        while too_many - fits > 1 {
            let middle = fits + (too_many - fits) / 2;
            match fewest_blocks(subnet.prefix_len(), offset, middle) {
                Some(_) => fits = middle,
                None => too_many = middle,
            }
        }
        return Err(CutError::NoRoom {
            subnet,
            wanted: capacity,
            most: fits,
        });
    };
    let block = size / u64::from(blocks);
    let classic_fits = CLASSIC_OFFSET + u64::from(capacity) <= block * u64::from(held_back);
    let offset = if first_address.is_none() && classic_fits {
        CLASSIC_OFFSET
    } else {
        offset
    };
    let first = u32::try_from(network + offset).map_or(subnet.network(), Ipv4Addr::from);
    Ok(Cut {
        subnet,
        blocks,
        held_back,
        first_address: first,
        block_prefix_length: subnet.prefix_len() + blocks.trailing_zeros() as u8,
        capacity,
    })
}

/// Addresses in a network of this prefix length.
fn block_size(prefix_length: u8) -> u64 {
    1 << (32 - u32::from(prefix_length.min(32)))
}

/// The fewest blocks that leave one per host after those that hold the addresses `offset..offset + capacity`, and how many these are.
fn fewest_blocks(prefix_length: u8, offset: u64, capacity: u32) -> Option<(u32, u32)> {
    let last = offset + u64::from(capacity) - 1;
    // No more than 2^30 blocks: SLICE_PREFIX_LENGTH_MAX less a prefix length of 0.
    (prefix_length..=SLICE_PREFIX_LENGTH_MAX).find_map(|block_prefix_length| {
        let blocks = 1_u64 << (block_prefix_length - prefix_length);
        let held_back = last / block_size(block_prefix_length) + 1;
        let enough = blocks.checked_sub(held_back)? >= u64::from(capacity);
        enough.then_some((u32::try_from(blocks).ok()?, u32::try_from(held_back).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().expect("a network")
    }

    /// blocks, held back, first address, first and last slice
    fn summary(subnet: &str, capacity: u32, first: Option<&str>) -> String {
        let first = first.map(|text| text.parse().expect("an address"));
        match cut(net(subnet), capacity, capacity, first) {
            Err(error) => error.to_string(),
            Ok(cut) => format!(
                "{} blocks, {} held back, from {}, {} to {}",
                cut.blocks,
                cut.held_back,
                cut.first_address,
                cut.slice(1).expect("a slice"),
                cut.slice(capacity).expect("a slice")
            ),
        }
    }

    #[test]
    fn three_hosts_give_the_classic_slices() {
        let cut = cut(net(DEFAULT_SUBNET), 3, 3, None).expect("a cut");
        let slices: Vec<String> = (1..=4).filter_map(|n| cut.slice(n)).map(|slice| slice.to_string()).collect();
        assert_eq!(slices, ["172.17.64.0/18", "172.17.128.0/18", "172.17.192.0/18"]);
        let addresses: Vec<String> = (0..=4).filter_map(|n| cut.address(n)).map(|address| address.to_string()).collect();
        assert_eq!(addresses, ["172.17.42.1", "172.17.42.2", "172.17.42.3"]);
    }

    #[test]
    fn cuts_of_other_sizes() {
        let cuts = [
            summary("172.17.0.0/16", 2, None),
            summary("172.17.0.0/16", 4, None),
            summary("172.17.0.0/16", 200, None),
            summary("10.0.0.0/16", 3, None),
            summary("10.0.0.0/16", 200, None),
            summary("10.0.0.0/24", 3, None),
            summary("10.0.0.0/8", 2, None),
            summary("10.0.0.0/24", 3, Some("10.0.0.66")),
            summary("10.0.0.0/27", 20, None),
            summary("10.0.0.0/28", 3, None),
            summary("10.0.0.0/28", 4, None),
            summary("10.0.0.0/32", 2, None),
            summary("172.17.0.0/16", 12_000, None),
            summary("10.0.0.0/24", 3, Some("10.0.1.1")),
            summary("10.0.0.0/24", 3, Some("10.0.0.0")),
            summary("10.0.0.0/24", 3, Some("10.0.0.255")),
        ];
        assert_eq!(
            cuts,
            [
                "4 blocks, 1 held back, from 172.17.42.1, 172.17.64.0/18 to 172.17.128.0/18",
                "8 blocks, 2 held back, from 172.17.42.1, 172.17.64.0/19 to 172.17.160.0/19",
                "256 blocks, 43 held back, from 172.17.42.1, 172.17.43.0/24 to 172.17.242.0/24",
                "4 blocks, 1 held back, from 10.0.42.1, 10.0.64.0/18 to 10.0.192.0/18",
                "256 blocks, 1 held back, from 10.0.0.1, 10.0.1.0/24 to 10.0.200.0/24",
                "4 blocks, 1 held back, from 10.0.0.1, 10.0.0.64/26 to 10.0.0.192/26",
                "4 blocks, 1 held back, from 10.0.42.1, 10.64.0.0/10 to 10.128.0.0/10",
                "8 blocks, 3 held back, from 10.0.0.66, 10.0.0.96/27 to 10.0.0.160/27",
                "10.0.0.0/27 has no room for 20 slices of /30 or more; it has for 6",
                "4 blocks, 1 held back, from 10.0.0.1, 10.0.0.4/30 to 10.0.0.12/30",
                "10.0.0.0/28 has no room for 4 slices of /30 or more; it has for 3",
                "10.0.0.0/32 has no room for 2 slices of /30 or more; it has for 0",
                "172.17.0.0/16 has no room for 12000 slices of /30 or more; it has for 10956",
                "10.0.1.1 is no host address of 10.0.0.0/24",
                "10.0.0.0 is no host address of 10.0.0.0/24",
                "10.0.0.255 is no host address of 10.0.0.0/24",
            ]
        );
    }

    proptest! {
        /// Slices are disjoint and in the subnet; bridge addresses are in the subnet and in no slice; fewer blocks would not do.
        #[test]
        fn every_cut_is_sound(network: u32, prefix_length in 0_u8..=32, capacity in 1_u32..600, hosts in 1_u32..600, offset in proptest::option::of(0_u32..70_000)) {
            let subnet = Ipv4Net::new(network.into(), prefix_length).expect("a length up to 32").trunc();
            let first = offset.map(|offset| u32::from(subnet.network()).wrapping_add(offset).into());
            let Ok(cut) = cut(subnet, capacity, hosts, first) else { return Ok(()) };
            prop_assert!(capacity >= hosts);
            prop_assert!(first.is_none_or(|first| first == cut.first_address));
            let slices: Vec<Ipv4Net> = (1..=capacity).map(|n| cut.slice(n).expect("a slice for each")).collect();
            for pair in slices.windows(2) {
                prop_assert!(pair[0].broadcast() < pair[1].network());
            }
            for (slice, number) in slices.iter().zip(1..) {
                prop_assert!(subnet.contains(slice));
                let address = cut.address(number).expect("an address for each");
                prop_assert!(subnet.contains(&address) && address != subnet.network() && address != subnet.broadcast());
                prop_assert!(address < slices[0].network());
            }
            if cut.blocks > 1 {
                let last = u64::from(u32::from(cut.address(capacity).expect("an address"))) - u64::from(u32::from(subnet.network()));
                let first_try = if first.is_none() && subnet != net(DEFAULT_SUBNET) { u64::from(capacity) } else { last };
                let half = u64::from(cut.blocks / 2);
                let held_back = first_try / (block_size(prefix_length) / half) + 1;
                prop_assert!(half < held_back + u64::from(capacity), "half the blocks would do");
            }
        }

        #[test]
        fn room_is_told_exactly(prefix_length in 8_u8..=32, capacity in 1_u32..40_000) {
            let subnet = Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 0), prefix_length).expect("a length up to 32");
            if let Err(CutError::NoRoom { most, .. }) = cut(subnet, capacity, 1, None) {
                prop_assert!(most == 0 || cut(subnet, most, 1, None).is_ok());
                prop_assert!(cut(subnet, most + 1, 1, None).is_err());
            }
        }
    }
}
