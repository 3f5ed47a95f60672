use super::*;
use crate::spec::{LockedHost, LockedTopology};

/// A lock of hosts with these names and slices, numbered in this order; `next_number` follows.
fn lock(subnet: &str, from: &str, length: u8, hosts: &[(&str, &str)]) -> Lock {
    let subnet: Ipv4Net = subnet.parse().unwrap();
    let first = u32::from(subnet.network()) + 1;
    let locked = |(number, (name, slice)): (u32, &(&str, &str))| {
        let host = LockedHost {
            public: None,
            number,
            underlay: Ipv4Addr::new(192, 0, 2, number as u8).into(),
            address: (first + number - 1).into(),
            slice: slice.parse().unwrap(),
            priority: 32_768,
        };
        (name.parse().unwrap(), host)
    };
    Lock {
        topology: LockedTopology::Full,
        survive: 1,
        cluster: "demo".parse().unwrap(),
        subnet,
        first_address: first.into(),
        slices_from: from.parse().unwrap(),
        slice_prefix_length: length,
        next_number: hosts.len() as u32 + 1,
        next_link: 1,
        hosts: (1..).zip(hosts).map(locked).collect(),
        links: BTreeMap::new(),
        retired_slices: Vec::new(),
    }
}

/// Number, address and slice of each of these hosts; then what is retired.
fn given(lock: &Lock, names: &[&str]) -> Vec<String> {
    let names: Vec<HostName> = names.iter().map(|name| name.parse().unwrap()).collect();
    let wanted = |name| Wanted {
        name,
        address: None,
        slice: None,
    };
    let wanted: Vec<Wanted<'_>> = names.iter().map(wanted).collect();
    match allot(lock, &wanted, u32::MAX) {
        Err(error) => vec![error.to_string()],
        Ok(allotment) => {
            let shares = allotment
                .shares
                .iter()
                .map(|share| format!("{} {} {}", share.number, share.address, share.slice));
            let retired = allotment.retired_slices.iter().map(|slice| format!("retired {slice}"));
            shares.chain(retired).collect()
        }
    }
}

const THREE: &[(&str, &str)] = &[("a", "10.0.0.64/26"), ("b", "10.0.0.128/26"), ("c", "10.0.0.192/26")];

#[test]
fn a_new_host_gets_half_of_one_slice() {
    let lock = lock("10.0.0.0/24", "10.0.0.64", 26, THREE);
    let wanted = [
        "1 10.0.0.1 10.0.0.64/27",
        "2 10.0.0.2 10.0.0.128/26",
        "3 10.0.0.3 10.0.0.192/26",
        "4 10.0.0.4 10.0.0.96/27",
    ];
    assert_eq!(given(&lock, &["a", "b", "c", "d"]), wanted);
    // Wherever it stands in the list.
    let front = given(&lock, &["d", "c", "b", "a"]);
    assert_eq!(front, [wanted[3], wanted[2], wanted[1], wanted[0]]);
}

#[test]
fn shrunk_slices_are_told_with_who_has_the_rest() {
    let lock = lock("10.0.0.0/24", "10.0.0.64", 26, THREE);
    let names: Vec<HostName> = ["a", "b", "c", "d", "e"].iter().map(|name| name.parse().unwrap()).collect();
    let wanted = names.iter().map(|name| Wanted {
        name,
        address: None,
        slice: None,
    });
    let allotment = allot(&lock, &wanted.collect::<Vec<_>>(), u32::MAX).unwrap();
    let told = allotment.shrunk.iter().map(|shrunk| {
        let names: Vec<&str> = shrunk.given_to.iter().map(HostName::as_str).collect();
        format!("{} {} {} {}", shrunk.host, shrunk.from, shrunk.to, names.join(","))
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        ["a 10.0.0.64/26 10.0.0.64/27 d", "b 10.0.0.128/26 10.0.0.128/27 e"]
    );
}

/// What was never given comes first, then what hosts had which are gone, then a half of a slice.
#[test]
fn what_is_gone_is_given_again_last() {
    let two = &THREE[..2];
    let mut lock = lock("10.0.0.0/24", "10.0.0.64", 26, two);
    assert_eq!(
        given(&lock, &["a", "d"]),
        ["1 10.0.0.1 10.0.0.64/26", "3 10.0.0.3 10.0.0.192/26", "retired 10.0.0.128/26"]
    );
    assert_eq!(
        given(&lock, &["a", "d", "e"]),
        ["1 10.0.0.1 10.0.0.64/26", "3 10.0.0.3 10.0.0.192/26", "4 10.0.0.4 10.0.0.128/26"]
    );
    // Two halves of one block that are both retired are one block again.
    lock.hosts.clear();
    lock.retired_slices = ["10.0.0.64/27", "10.0.0.96/27", "10.0.0.128/25"]
        .map(|slice| slice.parse().unwrap())
        .to_vec();
    assert_eq!(given(&lock, &["e"]), ["3 10.0.0.3 10.0.0.64/26", "retired 10.0.0.128/25"]);
}

#[test]
fn numbers_are_given_again_when_addresses_run_out() {
    let mut lock = lock("10.0.0.0/28", "10.0.0.4", 30, &[("a", "10.0.0.4/30"), ("b", "10.0.0.8/30")]);
    lock.next_number = 4;
    assert_eq!(
        given(&lock, &["a", "d"]),
        ["1 10.0.0.1 10.0.0.4/30", "2 10.0.0.2 10.0.0.12/30", "retired 10.0.0.8/30"]
    );
}

#[test]
fn without_room_it_says_what_there_is_none_of() {
    let lock = lock(
        "10.0.0.0/28",
        "10.0.0.4",
        30,
        &[("a", "10.0.0.4/30"), ("b", "10.0.0.8/30"), ("c", "10.0.0.12/30")],
    );
    assert_eq!(
        given(&lock, &["a", "b", "c", "d"]),
        ["all bridge addresses from 10.0.0.1 to 10.0.0.3 are taken"]
    );
    // With the one of c, there is still no slice.
    let names: Vec<HostName> = ["a", "b", "c", "d"].iter().map(|name| name.parse().unwrap()).collect();
    let wanted = names.iter().map(|name| Wanted {
        name,
        address: (name.as_str() == "d").then_some(Ipv4Addr::new(10, 0, 0, 3)),
        slice: None,
    });
    let error = allot(&lock, &wanted.collect::<Vec<_>>(), u32::MAX).unwrap_err();
    assert_eq!(error.to_string(), "no part of 10.0.0.0/28 is free, and no slice is larger than /30");
}

/// Neither is split or given what the file itself names; bridge addresses in no slice.
#[test]
fn what_the_file_names_is_left_alone() {
    let mut lock = lock("10.0.0.0/24", "10.0.0.64", 26, THREE);
    lock.next_number = 16;
    let names: Vec<HostName> = ["a", "b", "c", "d", "e"].iter().map(|name| name.parse().unwrap()).collect();
    let mut wanted: Vec<Wanted<'_>> = names
        .iter()
        .map(|name| Wanted {
            name,
            address: None,
            slice: None,
        })
        .collect();
    wanted[0].slice = Some("10.0.0.64/26".parse().unwrap());
    wanted[3].slice = Some("10.0.0.16/28".parse().unwrap());
    wanted[3].address = Some("10.0.0.32".parse().unwrap());
    let allotment = allot(&lock, &wanted, u32::MAX).unwrap();
    let shares: Vec<String> = allotment
        .shares
        .iter()
        .map(|share| format!("{} {} {}", share.number, share.address, share.slice))
        .collect();
    assert_eq!(
        shares,
        [
            "1 10.0.0.1 10.0.0.64/26",
            "2 10.0.0.2 10.0.0.128/27",
            "3 10.0.0.3 10.0.0.192/26",
            "16 10.0.0.32 10.0.0.16/28",
            "33 10.0.0.33 10.0.0.160/27",
        ]
    );
}

/// A direct fabric has numbers up to 2047: the lowest that is free is next, also for a host with an address of its own.
#[test]
fn numbers_end() {
    let mut lock = lock("10.0.0.0/8", "10.64.0.0", 10, &[("a", "10.64.0.0/10"), ("b", "10.128.0.0/10")]);
    lock.next_number = 2047;
    let names: Vec<HostName> = ["b", "c", "d", "e"].map(|name| name.parse().unwrap()).into();
    let wanted = |name| Wanted {
        name,
        address: None,
        slice: None,
    };
    let mut wanted: Vec<Wanted<'_>> = names.iter().map(wanted).collect();
    wanted[3].address = Some("10.0.100.1".parse().unwrap());
    let numbers = |fabric| -> Vec<u32> {
        let allotment = allot(&lock, &wanted, host_number_max(fabric)).unwrap();
        allotment.shares.iter().map(|share| share.number).collect()
    };
    assert_eq!(numbers(Fabric::Direct), [2, 2047, 1, 3]);
    assert_eq!(numbers(Fabric::SpanningTree), [2, 2047, 2048, 2049]);
}
