//! The subnet of the management NICs: any that nothing in the cluster uses.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

/// QEMU's own default (qemu(1), `net=`).
const USUAL: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 0);

/// The first of 10.0.2.0/24 and then each /24 of 192.168.0.0/16 and of 100.64.0.0/16 (RFC 6598) in which neither an underlay
/// address nor any of `subnet`, that of the containers, lies. `None` only if somebody uses all 513.
pub fn choose(underlay: &[IpAddr], subnet: Ipv4Net) -> Option<Ipv4Net> {
    let private = (0..=255).map(|third| Ipv4Addr::new(192, 168, third, 0));
    let shared = (0..=255).map(|third| Ipv4Addr::new(100, 64, third, 0));
    let candidates = std::iter::once(USUAL).chain(private).chain(shared);
    let mut candidates = candidates.filter_map(|address| Ipv4Net::new(address, 24).ok());
    candidates.find(|candidate| {
        let overlaps = candidate.contains(&subnet) || subnet.contains(candidate);
        let used = underlay
            .iter()
            .any(|address| matches!(address, IpAddr::V4(address) if candidate.contains(address)));
        !overlaps && !used
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(underlay: &[&str], subnet: &str) -> String {
        let underlay: Vec<IpAddr> = underlay.iter().map(|address| address.parse().unwrap()).collect();
        choose(&underlay, subnet.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn the_usual_one_unless_it_is_in_use() {
        assert_eq!(chosen(&["192.0.2.1", "2001:db8::1"], "172.17.0.0/16"), "10.0.2.0/24");
        assert_eq!(chosen(&["10.0.2.200"], "172.17.0.0/16"), "192.168.0.0/24");
        assert_eq!(chosen(&["192.168.0.9", "192.168.1.9"], "10.0.0.0/8"), "192.168.2.0/24");
        assert_eq!(chosen(&["192.0.2.1"], "10.0.2.64/26"), "192.168.0.0/24");
        let all: Vec<String> = (0..=255).map(|third| format!("192.168.{third}.1")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(chosen(&all, "10.0.0.0/8"), "100.64.0.0/24");
    }
}
