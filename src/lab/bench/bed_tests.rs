use super::super::{FabricKind, cluster_yaml};
use super::*;
use crate::plan::plan;

fn made(hosts: u16, fabric: FabricKind, fault: Fault, timers: Timers) -> Bed {
    let (spec, _) = crate::spec::load(cluster_yaml(hosts, fabric).as_bytes()).unwrap();
    let wish = Wish {
        fault,
        timers,
        bfd_ms: 0,
        deadline: Duration::from_secs(60),
    };
    bed(&plan(&spec).unwrap(), wish).unwrap()
}

fn shown(bed: &Bed, place: usize) -> String {
    let host = &bed.hosts[place];
    format!(
        "# namespaces\n{}# underlay\n{}# {} before\n{}# ovs-vsctl\n{}\n# after\n{}# rules\n{}\n# fault\n{}\n# ports\n{:?}\n",
        bed.namespaces,
        bed.underlay,
        host.name,
        host.before,
        host.transaction.join(" ").replace(" -- ", "\n-- "),
        host.after,
        host.rules.as_deref().unwrap_or("none"),
        bed.fault.join(" "),
        host.ports,
    )
}

#[test]
fn what_hosts_of_a_tree_are_told() {
    insta::assert_snapshot!(shown(&made(3, FabricKind::Rstp, Fault::RootDown, Timers::Planned), 1));
}

#[test]
fn what_hosts_of_a_direct_fabric_are_told() {
    insta::assert_snapshot!(shown(&made(3, FabricKind::Direct, Fault::UnderlayDown, Timers::Planned), 0));
}

#[test]
fn default_timers_leave_the_root_where_it_is() {
    let planned = made(3, FabricKind::Rstp, Fault::RootDown, Timers::Planned);
    let default = made(3, FabricKind::Rstp, Fault::RootDown, Timers::Default);
    let words = &default.hosts[0].transaction;
    let gone: Vec<&String> = planned.hosts[0].transaction.iter().filter(|word| !words.contains(word)).collect();
    assert_eq!(
        gone,
        [
            "other_config:rstp-max-age=6",
            "other_config:rstp-forward-delay=4",
            "other_config:rstp-transmit-hold-count=10"
        ]
    );
    assert!(words.contains(&"other_config:rstp-priority=4096".to_owned()));
}

#[test]
fn many_hosts_speak_more_slowly_and_it_is_said() {
    let of = |hosts, fabric| {
        let conditions = made(hosts, fabric, Fault::RootDown, Timers::Planned).conditions;
        (conditions.links, conditions.planned_bfd_ms, conditions.bfd_ms, conditions.pace_ms)
    };
    assert_eq!(of(4, FabricKind::Rstp), (6, Some(100), Some(100), 50));
    assert_eq!(of(16, FabricKind::Direct), (120, Some(100), Some(100), 100));
    assert_eq!(of(50, FabricKind::Rstp), (75, Some(100), Some(100), 5000));
    assert_eq!(of(50, FabricKind::Direct), (1225, Some(100), Some(1000), 1000));
}

#[test]
fn who_dies() {
    let of = |fabric, fault| {
        let bed = made(4, fabric, fault, Timers::Planned);
        (bed.victim, bed.conditions.survivors, bed.conditions.fault_in_words)
    };
    assert_eq!(
        of(FabricKind::Rstp, Fault::RootDown),
        (Some(0), 3, "host1, the root, loses its power".to_owned())
    );
    assert_eq!(
        of(FabricKind::Direct, Fault::RootDown),
        (Some(0), 3, "host1 loses its power".to_owned())
    );
    assert_eq!(
        of(FabricKind::Rstp, Fault::HostDown),
        (Some(3), 3, "host4 loses its power".to_owned())
    );
    assert_eq!(
        of(FabricKind::Rstp, Fault::UnderlayDown),
        (None, 4, "all hosts are cut off from each other".to_owned())
    );
}

/// Whatever the addresses of a plan are, also over IPv6.
#[test]
fn any_plan_runs_on_an_underlay_of_its_own() {
    let text = "version: 1\nname: six\nhosts:\n  - {name: a, address: 2001:db8:1::9}\n  - {name: b, address: 2001:db8:2::9}\n";
    let (spec, _) = crate::spec::load(text.as_bytes()).unwrap();
    let wish = Wish {
        fault: Fault::HostDown,
        timers: Timers::Planned,
        bfd_ms: 300,
        deadline: Duration::from_secs(60),
    };
    let bed = bed(&plan(&spec).unwrap(), wish).unwrap();
    let words = bed.hosts[0].transaction.join(" ");
    assert!(words.contains("type=ip6gre options:remote_ip=2001:db8::2 "), "{words}");
    assert!(words.contains("bfd:min_tx=300 bfd:min_rx=300"), "{words}");
    assert!(bed.hosts[0].after.contains("address add 2001:db8::1/64 dev mi-under nodad\n"));
}
