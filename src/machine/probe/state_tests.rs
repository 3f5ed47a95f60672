//! Each state probe is green for a healthy mesh, and red as soon as one thing it checks is different.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::machine::facts::{Boot, CloudInit, FailedUnit, Found};
use crate::machine::openvswitch::{Bridge, Port};
use crate::machine::sample;
use crate::spec::LoopProtection;

type AllFacts = BTreeMap<HostName, Facts>;
type StateProbe = fn(&Plan, &AllFacts) -> Vec<Verdict>;

fn stp_plan() -> Plan {
    let mut plan = sample::plan();
    plan.spanning_tree.protocol = LoopProtection::Stp;
    plan.spanning_tree.transmit_hold_count = None;
    plan
}

fn default_boot(plan: &Plan, facts: &AllFacts) -> Vec<Verdict> {
    boot(plan, facts, &BootLimits::default())
}

/// Applies `change` to the facts of the healthy mesh of `plan` and returns what is red then.
fn reds_of(plan: &Plan, probe: StateProbe, change: impl FnOnce(&mut AllFacts)) -> Vec<String> {
    let healthy = sample::facts(plan);
    assert!(
        probe(plan, &healthy).iter().all(|verdict| verdict.state == State::Green),
        "{:#?}",
        probe(plan, &healthy)
    );
    let mut facts = healthy;
    change(&mut facts);
    let verdicts = probe(plan, &facts);
    let reds = verdicts.iter().filter(|verdict| verdict.is_red());
    reds.map(|verdict| format!("{}: {}", verdict.subject, verdict.summary)).collect()
}

fn reds(probe: StateProbe, change: impl FnOnce(&mut AllFacts)) -> Vec<String> {
    reds_of(&sample::plan(), probe, change)
}

/// Exactly one verdict is red and says `text`.
#[track_caller]
fn one(reds: &[String], text: &str) {
    assert_eq!(reds, [text.to_owned()]);
}

fn at<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Facts {
    facts.get_mut(&host.parse::<HostName>().unwrap()).unwrap()
}

fn known<T>(found: &mut Found<T>) -> &mut T {
    match found {
        Found::Known(value) => value,
        Found::Unknown(why) => panic!("{why}"),
    }
}

fn br0<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Bridge {
    known(&mut at(facts, host).ovs).bridges.get_mut("br0").unwrap()
}

fn port<'a>(facts: &'a mut AllFacts, host: &str, name: &str) -> &'a mut Port {
    br0(facts, host).ports.get_mut(name).unwrap()
}

fn boot_of<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Boot {
    known(&mut at(facts, host).boot)
}

fn cloud_init_of<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut CloudInit {
    known(&mut boot_of(facts, host).cloud_init)
}

fn set(map: &mut BTreeMap<String, String>, key: &str, value: &str) {
    map.insert(key.to_owned(), value.to_owned());
}

const STATE_PROBES: [(Probe, StateProbe); 7] = [
    (Probe::Ovs, ovs),
    (Probe::Tunnels, tunnels),
    (Probe::Bfd, bfd),
    (Probe::LoopFree, loop_free),
    (Probe::Docker0, docker0),
    (Probe::Docker, docker),
    (Probe::Boot, default_boot),
];

#[test]
fn all_are_green_for_a_healthy_mesh_with_either_protocol() {
    for plan in [sample::plan(), stp_plan()] {
        let verdicts = state(&plan, &sample::facts(&plan), &BootLimits::default());
        assert!(verdicts.iter().all(|verdict| verdict.state == State::Green), "{verdicts:#?}");
        for (probe, _) in STATE_PROBES {
            assert!(verdicts.iter().any(|verdict| verdict.probe == probe), "{probe}");
        }
    }
}

#[test]
fn a_host_that_was_not_reached_is_red_in_every_probe() {
    let plan = sample::plan();
    for (name, probe) in STATE_PROBES {
        let unknown = reds(probe, |facts| *at(facts, "host2") = Facts::unknown("not reached: timed out"));
        assert!(
            !unknown.is_empty() && unknown.iter().all(|text| text.contains("not reached: timed out")),
            "{name}: {unknown:?}"
        );
        let absent = reds(probe, |facts| drop(facts.remove(&plan.hosts[1].name)));
        assert!(
            !absent.is_empty() && absent.iter().all(|text| text.contains("no facts were gathered")),
            "{name}: {absent:?}"
        );
    }
}

#[test]
fn a_plan_without_hosts_and_links_is_red_in_every_probe() {
    let mut plan = sample::plan();
    plan.hosts.clear();
    plan.links.clear();
    for (name, probe) in STATE_PROBES {
        let verdicts = probe(&plan, &AllFacts::new());
        assert!(
            verdicts.len() == 1 && verdicts[0].is_red() && verdicts[0].probe == name,
            "{name}: {verdicts:?}"
        );
    }
}

#[test]
fn a_missing_bridge_is_red() {
    for probe in [ovs, tunnels] as [StateProbe; 2] {
        one(
            &reds(probe, |facts| known(&mut at(facts, "host1").ovs).bridges.clear()),
            "host1: there is no bridge br0",
        );
    }
    let loop_free = reds(loop_free, |facts| known(&mut at(facts, "host1").ovs).bridges.clear());
    one(&loop_free, "host1: there is no bridge br0");
    assert_eq!(reds(bfd, |facts| known(&mut at(facts, "host1").ovs).bridges.clear()).len(), 2);
}

#[test]
fn ovs_checks_the_bridge() {
    let red = |change: fn(&mut Bridge)| reds(ovs, |facts| change(br0(facts, "host2")));
    one(
        &red(|bridge| bridge.fail_mode = Some("secure".into())),
        "host2: fail mode is secure, planned standalone",
    );
    one(&red(|bridge| bridge.rstp_enable = false), "host2: RSTP is false, planned true");
    one(&red(|bridge| bridge.stp_enable = true), "host2: STP is true, planned false");
    one(
        &red(|bridge| set(&mut bridge.rstp_status, "rstp_bridge_id", "8.000.020000000002")),
        "host2: priority is 32768, planned 8192",
    );
    one(
        &red(|bridge| set(&mut bridge.rstp_status, "rstp_bridge_id", "2.000.0200000000ff")),
        "host2: MAC in the bridge identifier is 02:00:00:00:00:ff, planned 02:00:00:00:00:02",
    );
    one(
        &red(|bridge| set(&mut bridge.other_config, "rstp-max-age", "20")),
        "host2: rstp-max-age is 20, planned 6",
    );
    one(
        &red(|bridge| drop(bridge.other_config.remove("rstp-forward-delay"))),
        "host2: rstp-forward-delay is 15, planned 4",
    );
    one(
        &red(|bridge| drop(bridge.other_config.remove("rstp-transmit-hold-count"))),
        "host2: rstp-transmit-hold-count is 6, planned 10",
    );
    let local = |change: fn(&mut Port)| reds(ovs, |facts| change(port(facts, "host2", "br0")));
    one(
        &local(|port| port.interface.mtu = Some(1500)),
        "host2: MTU of br0 is 1500, planned 1462",
    );
    one(
        &local(|port| port.interface.mac_in_use = None),
        "host2: MAC of br0 is nothing, planned 02:00:00:00:00:02",
    );
    let version = reds(ovs, |facts| known(&mut at(facts, "host2").ovs).version = None);
    one(&version, "host2: ovs-vswitchd has not said its version: it does not run");
}

#[test]
fn ovs_checks_stp() {
    let red = |change: fn(&mut Bridge)| reds_of(&stp_plan(), ovs, |facts| change(br0(facts, "host2")));
    one(&red(|bridge| bridge.stp_enable = false), "host2: STP is false, planned true");
    one(
        &red(|bridge| set(&mut bridge.status, "stp_bridge_id", "8000.020000000002")),
        "host2: priority is 32768, planned 8192",
    );
    one(
        &red(|bridge| set(&mut bridge.other_config, "stp-hello-time", "2")),
        "host2: stp-hello-time is 2, planned 2000",
    );
    one(
        &red(|bridge| drop(bridge.other_config.remove("stp-max-age"))),
        "host2: stp-max-age is 20, planned 6",
    );
    one(
        &red(|bridge| drop(bridge.other_config.remove("stp-forward-delay"))),
        "host2: stp-forward-delay is 15, planned 4",
    );
}

#[test]
fn tunnels_checks_each_port() {
    let red = |change: fn(&mut Port)| reds(tunnels, |facts| change(port(facts, "host3", "gre3")));
    one(
        &red(|port| port.interface.kind = "vxlan".into()),
        "host3: kind of gre3 is vxlan, planned gre",
    );
    one(
        &red(|port| set(&mut port.interface.options, "remote_ip", "192.0.2.3")),
        "host3: remote address of gre3 is 192.0.2.3, planned 192.0.2.2",
    );
    one(
        &red(|port| port.other_config.clear()),
        "host3: rstp-path-cost of gre3 is nothing, planned 2000",
    );
    one(
        &red(|port| port.interface.error = Some("could not add network device gre3 to ofproto (File exists)".into())),
        "host3: gre3: could not add network device gre3 to ofproto (File exists)",
    );
    let bridge = |change: fn(&mut Bridge)| reds(tunnels, |facts| change(br0(facts, "host3")));
    one(
        &bridge(|bridge| drop(bridge.ports.remove("gre3"))),
        "host3: port gre3 to host2 is not there",
    );
    one(
        &bridge(|bridge| drop(bridge.ports.insert("eth1".into(), Port::default()))),
        "host3: port eth1 is not planned",
    );
    let stp = reds_of(&stp_plan(), tunnels, |facts| port(facts, "host3", "gre3").other_config.clear());
    one(&stp, "host3: stp-path-cost of gre3 is nothing, planned 2000");
    let mut plan = sample::plan();
    plan.hosts[0].mesh_bridge.ports.clear();
    let verdicts = tunnels(&plan, &sample::facts(&plan));
    assert_eq!(verdicts[0].summary, "no tunnel is planned");
    assert!(verdicts[0].is_red());
}

#[test]
fn bfd_checks_both_ends_of_each_link() {
    for (host, link, pair) in [
        ("host1", "gre1", "host1 -> host2"),
        ("host2", "gre1", "host1 -> host2"),
        ("host3", "gre3", "host2 -> host3"),
    ] {
        let red = |key: &str, value: &str| reds(bfd, |facts| set(&mut port(facts, host, link).interface.bfd_status, key, value));
        one(
            &red("state", "down"),
            &format!("{pair}: {link} on {host}: state is down, planned up"),
        );
        one(
            &red("remote_state", "init"),
            &format!("{pair}: {link} on {host}: remote_state is init, planned up"),
        );
        one(
            &red("forwarding", "false"),
            &format!("{pair}: {link} on {host}: forwarding is false, planned true"),
        );
        let red = |key: &str, value: &str| reds(bfd, |facts| set(&mut port(facts, host, link).interface.bfd, key, value));
        one(
            &red("min_tx", "1000"),
            &format!("{pair}: {link} on {host}: min_tx is 1000, planned 100"),
        );
        one(
            &red("min_rx", "1000"),
            &format!("{pair}: {link} on {host}: min_rx is 1000, planned 100"),
        );
        one(&red("mult", "5"), &format!("{pair}: {link} on {host}: mult is 5, planned 3"));
        let gone = reds(bfd, |facts| drop(br0(facts, host).ports.remove(link)));
        one(&gone, &format!("{pair}: {link} is not there on {host}"));
        let off = reds(bfd, |facts| port(facts, host, link).interface.bfd_status.clear());
        assert_eq!(off.len(), 1);
    }
}

#[test]
fn bfd_is_skipped_only_when_no_link_has_it() {
    let mut plan = sample::plan();
    let ports = plan.hosts.iter_mut().flat_map(|host| &mut host.mesh_bridge.ports);
    ports.for_each(|port| port.bfd = None);
    let verdicts = bfd(&plan, &AllFacts::new());
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].state, State::Skipped);
    // A link that the plan gives one end only.
    let mut plan = sample::plan();
    plan.hosts[2].mesh_bridge.ports.clear();
    let verdicts = bfd(&plan, &sample::facts(&sample::plan()));
    assert!(
        verdicts.iter().any(|verdict| verdict.summary == "gre3 has 1 ends in the plan"),
        "{verdicts:?}"
    );
}

#[test]
fn loop_free_checks_the_root() {
    let see = |facts: &mut AllFacts, host: &str, root: &str| set(&mut br0(facts, host).rstp_status, "rstp_root_id", root);
    let all_see = |root: &'static str| {
        reds(loop_free, move |facts| {
            ["host1", "host2", "host3"].iter().for_each(|host| see(facts, host, root))
        })
    };
    one(
        &all_see("2.000.020000000002"),
        "cluster: the stand-in host2 is the root in place of host1",
    );
    one(
        &all_see("3.000.020000000003"),
        "cluster: host3 is the root, planned host1 (stand-in host2)",
    );
    one(&all_see("0.000.0200000000ff"), "cluster: the root is a bridge that is not planned");
    one(
        &reds(loop_free, |facts| see(facts, "host3", "3.000.020000000003")),
        "cluster: the bridges disagree about the root: host1, host2 say 1.000.020000000001, host3 say 3.000.020000000003",
    );
    one(
        &reds(loop_free, |facts| br0(facts, "host3").rstp_status.clear()),
        "cluster: host3 takes no part in the spanning tree",
    );
    // Cloned images: the same identifier twice.
    let twins = reds(loop_free, |facts| {
        set(&mut br0(facts, "host2").rstp_status, "rstp_bridge_id", "1.000.020000000001")
    });
    one(&twins, "cluster: host1, host2 are all roots");
}

#[test]
fn loop_free_checks_the_tree() {
    let state = |facts: &mut AllFacts, host: &str, link: &str, state: &str| {
        set(&mut port(facts, host, link).rstp_status, "rstp_port_state", state);
    };
    one(
        &reds(loop_free, |facts| state(facts, "host3", "gre3", "Forwarding")),
        "cluster: 3 links forward (gre1, gre2, gre3), a tree of 3 hosts has 2: there is a loop",
    );
    for end in ["host1", "host3"] {
        one(
            &reds(loop_free, |facts| state(facts, end, "gre2", "Learning")),
            "cluster: no forwarding path leads from host1 to host3",
        );
    }
    // As many links as a tree has, but one host is left out: only possible with a pair of links between two hosts.
    let mut plan = sample::plan();
    plan.links[1].hosts = plan.links[0].hosts.clone();
    let facts = sample::facts(&sample::plan());
    let mut both = facts;
    let gre2 = port(&mut both, "host1", "gre2").clone();
    br0(&mut both, "host2").ports.insert("gre2".into(), gre2);
    let verdict = &loop_free(&plan, &both)[1];
    assert_eq!(verdict.summary, "no forwarding path leads from host1 to host3");
    assert!(verdict.is_red());
}

#[test]
fn loop_free_checks_stp() {
    let state = |host: &str, link: &str, state: &str| {
        reds_of(&stp_plan(), loop_free, |facts| {
            set(&mut port(facts, host, link).status, "stp_state", state)
        })
    };
    one(
        &state("host3", "gre3", "forwarding"),
        "cluster: 3 links forward (gre1, gre2, gre3), a tree of 3 hosts has 2: there is a loop",
    );
    one(
        &state("host2", "gre1", "listening"),
        "cluster: no forwarding path leads from host1 to host2",
    );
    let root = reds_of(&stp_plan(), loop_free, |facts| {
        set(&mut br0(facts, "host2").status, "stp_designated_root", "2000.020000000002");
    });
    assert!(
        root.len() == 1 && root[0].starts_with("cluster: the bridges disagree about the root"),
        "{root:?}"
    );
}

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
fn boot_measures_networking_against_its_limit() {
    let plan = sample::plan();
    let facts = sample::facts(&plan);
    let verdicts = default_boot(&plan, &facts);
    assert_eq!(
        verdicts[0].summary,
        "userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s)"
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
