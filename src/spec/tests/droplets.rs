//! Hosts that are droplets of Digital Ocean.

use super::accepted::{accepted, codes};
use crate::plan::{Got, PlanError, plan, with_addresses};
use crate::spec::{DropletImage, Network, load, load_with_lock, lock_text};

/// Every key of `digital-ocean`, once for the cluster and once for a host.
pub(super) const DROPLETS: &str = include_str!("droplets.yaml");

/// Three hosts without addresses.
const SMALL: &str = "\
version: 1
name: ocean
access: {authorized-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA you@example]}
digital-ocean: {region: ams3, ssh-keys: [289794], size: s-1vcpu-1gb}
hosts:
  - {name: host1}
  - {name: host2}
  - {name: host3}
";

#[test]
fn every_key_arrives() {
    let spec = accepted(DROPLETS);
    let json = serde_json::to_string_pretty(&spec.digital_ocean).expect("a spec is JSON");
    insta::assert_snapshot!(json);
    let networks: Vec<_> = spec.hosts.iter().map(|host| (host.network, host.address)).collect();
    // An image of one's own may have ifupdown; a stock one has not.
    assert_eq!(networks[0], (Network::Ifupdown, None));
    assert_eq!(networks[2], (Network::Systemd, "10.110.0.9".parse().ok()));
}

#[test]
fn defaults() {
    let spec = accepted(&SMALL.replace("{name: host2}", "{name: host2, os: debian-12}"));
    let section = spec.digital_ocean.expect("droplets");
    let images: Vec<_> = section.droplets.iter().map(|droplet| &droplet.image).collect();
    let slug = |text: &str| DropletImage::Slug(text.parse().expect("a slug"));
    assert_eq!(images, [&slug("debian-13-x64"), &slug("debian-12-x64"), &slug("debian-13-x64")]);
    assert_eq!(
        (section.vpc, section.vpc_range, section.firewall, section.addresses_given),
        (None, None, None, false)
    );
    let first = &section.droplets[0];
    assert!(first.tags.is_empty() && !first.ipv6 && !first.monitoring);
}

#[test]
fn hosts_without_addresses_have_no_plan_yet() {
    let error = plan(&accepted(SMALL)).unwrap_err();
    assert!(matches!(&error, PlanError::NoAddress(hosts) if hosts.len() == 3));
    assert!(
        error.to_string().starts_with("host1, host2 and host3 have no address yet, "),
        "{error}"
    );
    let one = accepted(
        &SMALL
            .replace("{name: host2}", "{name: host2, address: 10.0.0.2}")
            .replace("{name: host3}", "{name: host3, address: 10.0.0.3}"),
    );
    assert!(plan(&one).unwrap_err().to_string().starts_with("host1 has no address yet, "));
    let hosts: String = (4..=9).map(|number| format!("  - {{name: host{number}}}\n")).collect();
    let many = plan(&accepted(&format!("{SMALL}{hosts}"))).unwrap_err().to_string();
    assert!(many.starts_with("host1, host2, host3 and 6 more have no address yet, "), "{many}");
}

/// Once the lock knows the addresses, there is a plan, the same as if the file had them.
#[test]
fn the_lock_has_addresses() {
    let given = (1..=3).fold(SMALL.to_owned(), |text, number| {
        text.replace(&format!("host{number}}}"), &format!("host{number}, address: 10.110.0.{number}}}"))
    });
    let first = plan(&accepted(&given)).expect("a plan");
    let lock = lock_text(&first.lock).expect("a lock");
    let with_lock = |text: &str| {
        let (spec, warnings) = load_with_lock(text.as_bytes(), Some(lock.as_bytes())).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(warnings, []);
        plan(&spec)
    };
    let second = with_lock(SMALL).expect("a plan");
    assert_eq!((&second.hosts, &second.links), (&first.hosts, &first.links));
    // The file goes before the lock; a new host has no address.
    let moved = with_lock(&SMALL.replace("host2}", "host2, address: 10.110.0.9}")).expect("a plan");
    assert_eq!(moved.hosts[1].address.to_string(), "10.110.0.9");
    let error = with_lock(&format!("{SMALL}  - {{name: host4}}\n")).unwrap_err();
    assert!(error.to_string().starts_with("host4 has no address yet, "), "{error}");
    // Of another host in the lock.
    let stolen = SMALL.replace("host2}", "host2, address: 10.110.0.1}");
    let problems = load_with_lock(stolen.as_bytes(), Some(lock.as_bytes())).unwrap_err();
    assert_eq!(
        problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(),
        ["hosts::duplicate-address"]
    );
}

/// Addresses of droplets that were destroyed are forgotten, all of them: another one may have got them by now.
#[test]
fn addresses_that_droplets_have_got_go_before_those_of_the_lock() {
    let got = |first: u8| {
        let of = |number: u8| Got {
            address: [10, 110, 0, first + number].into(),
            public: Some([203, 0, 113, first + number].into()),
        };
        let host = |number: u8| (format!("host{number}").parse().expect("a name"), of(number));
        (1..=3).map(host).collect::<std::collections::BTreeMap<_, _>>()
    };
    let first = with_addresses(&accepted(SMALL), &got(0)).expect("a plan");
    let lock = lock_text(&first.lock).expect("a lock");
    assert!(lock.contains("underlay: \"10.110.0.2\", public: \"203.0.113.2\", "), "{lock}");
    let load = |text: &str| load_with_lock(text.as_bytes(), Some(lock.as_bytes())).expect("a spec").0;
    let spec = load(SMALL);
    assert_eq!(plan(&spec).expect("a plan").lock, first.lock, "every verb keeps public addresses");
    // host1 has the one now that was host2's.
    let second = with_addresses(&spec, &got(1)).expect("a plan");
    let locked = |number: usize| second.lock.hosts[&second.hosts[number].name];
    assert_eq!(locked(0).underlay.to_string(), "10.110.0.2");
    assert_eq!(locked(0).public, "203.0.113.2".parse().ok());
    assert_eq!((locked(2).number, locked(2).slice), (3, first.hosts[2].container_bridge.slice));
    let mut some = got(1);
    some.remove(&second.hosts[1].name);
    let error = with_addresses(&spec, &some).unwrap_err().to_string();
    assert!(error.starts_with("host2 has no address yet, "), "{error}");
    // With another address by hand nobody knows the public one.
    let moved = plan(&load(&SMALL.replace("host2}", "host2, address: 10.110.0.9}"))).expect("a plan");
    assert_eq!(moved.lock.hosts[&moved.hosts[1].name].public, None);
}

/// Hosts that are no droplets need addresses as ever; a misspelt key is one mistake.
#[test]
fn others_need_addresses() {
    let without = SMALL.replace("digital-ocean: {region: ams3, ssh-keys: [289794], size: s-1vcpu-1gb}\n", "");
    assert_eq!(codes(&without), ["keys::missing"; 3]);
    assert_eq!(
        codes(&without.replace("host1}", "host1, adress: 192.0.2.1}")),
        ["keys::unknown", "keys::missing", "keys::missing"]
    );
    assert_eq!(codes(&SMALL.replace("host1}", "host1, adress: 192.0.2.1}")), ["keys::unknown"]);
    assert_eq!(codes(&SMALL.replace("region: ams3, ", "")), ["keys::missing"]);
}

#[test]
fn a_firewall_goes_with_tunnels_by_udp() {
    for (tunnel, wanted) in [
        ("vxlan", vec![]),
        ("geneve", vec![]),
        ("gre", vec!["digital-ocean::firewall-tunnel"]),
    ] {
        let text = format!(
            "{}mesh: {{tunnel: {tunnel}}}\n",
            SMALL.replace("s-1vcpu-1gb}", "s-1vcpu-1gb, firewall: {}}")
        );
        assert_eq!(codes(&text), wanted, "{tunnel}");
    }
    let text = SMALL.replace("s-1vcpu-1gb}", "s-1vcpu-1gb, firewall: none}");
    assert_eq!(codes(&text), Vec::<&str>::new());
    let text = format!(
        "{}mesh: {{tunnel: vxlan}}\n",
        SMALL.replace("s-1vcpu-1gb}", "s-1vcpu-1gb, firewall: {ssh-from: []}}")
    );
    assert_eq!(codes(&text), ["digital-ocean::no-key"]);
}

/// One warning for all droplets whose root password has to be changed first; where the host has a key of its own there is none.
#[test]
fn droplets_without_a_key_of_digital_ocean() {
    let without = SMALL.replace("ssh-keys: [289794], ", "");
    let said = |text: &str| {
        let (_, warnings) = load(text.as_bytes()).expect("a spec");
        warnings.into_iter().map(|warning| warning.message).collect::<Vec<_>>()
    };
    assert_eq!(codes(&without), ["digital-ocean::password"]);
    assert!(
        said(&without)[0].contains("gives host1 and 2 more a root password"),
        "{:?}",
        said(&without)
    );
    let one = without.replace("{name: host1}", "{name: host1, digital-ocean: {ssh-keys: [289794]}}");
    let one = one.replace("{name: host3}", "{name: host3, digital-ocean: {ssh-keys: [289794]}}");
    assert!(said(&one)[0].contains("gives host2 a root password"), "{:?}", said(&one));
    let none = one.replace("{name: host2}", "{name: host2, digital-ocean: {ssh-keys: [289794]}}");
    assert_eq!(codes(&none), Vec::<&str>::new());
    let user = without.replace("access: {", "access: {user: admin, ");
    assert_eq!(codes(&user), Vec::<&str>::new(), "nobody is root");
}

#[test]
fn ranges_of_a_vpc() {
    let with = |range: &str| codes(&SMALL.replace("s-1vcpu-1gb}", &format!("s-1vcpu-1gb, vpc-range: {range}}}")));
    for fine in ["10.0.0.0/16", "192.168.7.0/28", "172.20.0.0/20"] {
        assert_eq!(with(fine), Vec::<&str>::new(), "{fine}");
    }
    for wrong in ["10.0.0.0/15", "10.0.0.0/29", "198.51.100.0/24", "10.0.0.1/24", "172.32.0.0/16"] {
        assert_eq!(with(wrong), ["digital-ocean::vpc-range"], "{wrong}");
    }
    // The containers have 172.17.0.0/16 where the file says nothing.
    assert_eq!(with("172.17.16.0/20"), ["digital-ocean::vpc-overlap"]);
    let hosts: String = (4..=13).map(|number| format!("  - {{name: host{number}}}\n")).collect();
    let text = SMALL.replace("s-1vcpu-1gb}", "s-1vcpu-1gb, vpc-range: 10.0.0.0/28}") + &hosts;
    assert_eq!(codes(&text), ["digital-ocean::vpc-range"], "13 hosts, 12 addresses");
}

#[test]
fn lists_have_an_end() {
    let keys: Vec<String> = (1..=101).map(|number| number.to_string()).collect();
    let text = SMALL.replace("289794", &keys.join(", "));
    assert_eq!(codes(&text), ["keys::too-long"]);
}

/// What has another type, a number below 1, or is a word that is no truth.
#[test]
fn values_of_the_wrong_type() {
    for keys in ["[-1]", "5"] {
        assert_eq!(codes(&SMALL.replace("[289794]", keys)), ["keys::wrong-type"], "{keys}");
    }
    let with = |keys: &str| codes(&SMALL.replace("s-1vcpu-1gb}", &format!("s-1vcpu-1gb, {keys}}}")));
    for keys in ["image: 0", "image: [a]", "ipv6: yes", "monitoring: 1", "firewall: true", "tags: x"] {
        assert_eq!(with(keys), ["keys::wrong-type"], "{keys}");
    }
    assert!(
        load(
            SMALL
                .replace(
                    "digital-ocean: {region: ams3, ssh-keys: [289794], size: s-1vcpu-1gb}",
                    "digital-ocean: yes"
                )
                .as_bytes()
        )
        .is_err()
    );
}
