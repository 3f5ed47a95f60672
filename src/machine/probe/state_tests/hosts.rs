//! Probes of each host by itself: docker0, docker, boot.

use std::time::Duration;

use super::*;
use crate::machine::facts::FailedUnit;

#[test]
fn docker0_checks_the_bridge_and_its_port() {
    use crate::machine::facts::{Address, IpLink};
    let red =
        |name: &str, change: fn(&mut IpLink)| reds(docker0, |facts| change(known(&mut at(facts, "host1").links).get_mut(name).unwrap()));
    let second = |link: &mut IpLink| {
        link.addresses.push(Address {
            address: "172.17.64.1".parse().unwrap(),
            prefix_length: 18,
        });
    };
    one(
        &red("docker0", second),
        "host1: address is 172.17.42.1/16 and 172.17.64.1/18, planned 172.17.42.1/16",
    );
    one(
        &red("docker0", |link| link.addresses.clear()),
        "host1: address is nothing, planned 172.17.42.1/16",
    );
    one(
        &red("docker0", |link| link.addresses[0].prefix_length = 24),
        "host1: address is 172.17.42.1/24, planned 172.17.42.1/16",
    );
    one(&red("docker0", |link| link.mtu = 1500), "host1: MTU is 1500, planned 1462");
    one(
        &red("docker0", |link| link.mac = Some("02:42:ac:11:00:01".into())),
        "host1: MAC is 02:42:ac:11:00:01, planned 02:00:00:00:01:01",
    );
    one(
        &red("docker0", |link| link.kind = Some("dummy".into())),
        "host1: kind is dummy, planned bridge",
    );
    one(
        &red("docker0", |link| link.stp_state = Some(1)),
        "host1: the Linux bridge's own STP is not off: it delays each container by 30 s",
    );
    one(&red("docker0", |link| link.flags.clear()), "host1: docker0 is down");
    one(
        &red("br0", |link| link.master = None),
        "host1: bridge of br0 is nothing, planned docker0",
    );
    one(&red("br0", |link| link.mtu = 1500), "host1: MTU of br0 is 1500, planned 1462");
    one(&red("br0", |link| link.flags.clear()), "host1: br0 is down");
    one(
        &reds(docker0, |facts| drop(known(&mut at(facts, "host1").links).remove("docker0"))),
        "host1: there is no bridge docker0",
    );
}

#[test]
fn docker_checks_what_docker_says() {
    use crate::machine::facts::DockerNetwork;
    let red = |change: fn(&mut DockerNetwork)| reds(docker, |facts| change(&mut known(&mut at(facts, "host1").docker).network));
    one(
        &red(|network| set(&mut network.options, "com.docker.network.bridge.name", "docker1")),
        "host1: bridge is docker1, planned docker0",
    );
    one(
        &red(|network| network.subnet = Some("172.18.0.0/16".into())),
        "host1: subnet is 172.18.0.0/16, planned 172.17.0.0/16",
    );
    one(
        &red(|network| network.ip_range = None),
        "host1: range of addresses is nothing, planned 172.17.64.0/18",
    );
    one(
        &red(|network| network.gateway = None),
        "host1: gateway is nothing, planned 172.17.42.1",
    );
    one(
        &red(|network| set(&mut network.options, "com.docker.network.driver.mtu", "1500")),
        "host1: MTU is 1500, planned 1462",
    );
    let down = reds(docker, |facts| {
        at(facts, "host1").docker = Found::Unknown("docker.service is not active: failed".into())
    });
    one(&down, "host1: Docker: docker.service is not active: failed");
}

#[test]
fn boot_checks_systemd() {
    let red = |change: fn(&mut Boot)| reds(default_boot, |facts| change(boot_of(facts, "host1")));
    one(
        &red(|boot| boot.state = "degraded".into()),
        "host1: systemctl is-system-running says degraded",
    );
    let fail = |boot: &mut Boot| {
        boot.failed.push(FailedUnit {
            name: "docker.service".into(),
            log: "first\nlast words".into(),
        });
    };
    one(&red(fail), "host1: docker.service failed: last words");
    one(&red(|boot| boot.units.clear()), "host1: networking.service has not started");
    let slow = |boot: &mut Boot| boot.units.get_mut("networking.service").unwrap().active_enter_us = Some(320_000_000);
    one(&red(slow), "host1: networking.service took 300.0 s, the limit is 10.0 s");
}

#[test]
fn boot_checks_cloud_init() {
    let red = |change: fn(&mut CloudInit)| reds(default_boot, |facts| change(cloud_init_of(facts, "host1")));
    one(
        &red(|status| status.status = "running".into()),
        "host1: cloud-init status is running",
    );
    one(&red(|status| status.errors.push("boom".into())), "host1: cloud-init: boom");
    let recovered = |status: &mut CloudInit| drop(status.recoverable_errors.insert("ERROR".into(), vec!["no such key".into()]));
    one(&red(recovered), "host1: cloud-init recovered from: no such key");
    one(
        &red(|status| status.schema_error = Some("bad key".into())),
        "host1: cloud-init schema: bad key",
    );
    let absent = reds(default_boot, |facts| {
        boot_of(facts, "host1").cloud_init = Found::Unknown("cloud-init is not installed".into());
    });
    one(&absent, "host1: cloud-init: cloud-init is not installed");
    let warned = |facts: &mut AllFacts| {
        cloud_init_of(facts, "host1")
            .recoverable_errors
            .insert("WARNING".into(), vec!["deprecated".into()]);
    };
    assert!(reds(default_boot, warned).is_empty());
}

#[test]
fn a_host_may_do_without_cloud_init_where_nobody_needs_it_but_not_with_a_broken_one() {
    let plan = sample::plan();
    let mut facts = sample::facts(&plan);
    let limits = BootLimits {
        needs_cloud_init: false,
        ..BootLimits::default()
    };
    for (why, red) in [("cloud-init is not installed", false), ("cloud-init: no answer in time", true)] {
        boot_of(&mut facts, "host1").cloud_init = Found::Unknown(why.into());
        assert_eq!(boot(&plan, &facts, &limits)[0].is_red(), red, "{why}");
    }
    assert!(include_str!("../../facts/gather_boot.sh").contains("echo \"cloud-init is not installed\" >&2; exit 127;"));
}

#[test]
fn ifupdown_that_came_after_the_boot_held_up_nothing() {
    let plan = sample::plan();
    let mut facts = sample::facts(&plan);
    let unit = boot_of(&mut facts, "host1").units.get_mut("networking.service").unwrap();
    (unit.inactive_exit_us, unit.active_enter_us) = (None, None);
    let verdict = |facts: &AllFacts| boot(&plan, facts, &BootLimits::default())[0].clone();
    assert!(verdict(&facts).is_red(), "a unit that is up has a time");
    boot_of(&mut facts, "host1")
        .units
        .get_mut("networking.service")
        .unwrap()
        .active_state = "inactive".to_owned();
    assert!(!verdict(&facts).is_red());
    assert!(verdict(&facts).summary.contains("networking.service not part of this boot"));
}

#[test]
fn boot_measures_networking_against_its_limit() {
    let plan = sample::plan();
    let facts = sample::facts(&plan);
    let verdicts = default_boot(&plan, &facts);
    assert_eq!(
        verdicts[0].summary,
        "userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s), slowest: cloud-init-main.service 12.3 s"
    );
    assert_eq!(verdicts[0].measured, Some(Measured { value: 6.2, unit: "s" }));
    let limits = BootLimits {
        networking_without_mesh: Duration::from_secs(1),
        ..BootLimits::default()
    };
    let strict = boot(&plan, &facts, &limits);
    assert_eq!(strict[0].summary, "networking.service took 6.2 s, the limit is 6.0 s");
    assert!(strict[0].is_red());
}
