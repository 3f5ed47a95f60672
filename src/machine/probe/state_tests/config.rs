//! Probes unique, quiet and persistence.

use super::*;
use crate::machine::facts::{Address, Config, DockerContainer, IpLink, Traffic};
use crate::spec::Network;

fn config_of<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut Config {
    known(&mut at(facts, host).config)
}

fn link<'a>(facts: &'a mut AllFacts, host: &str, name: &str) -> &'a mut IpLink {
    known(&mut at(facts, host).links).get_mut(name).unwrap()
}

fn container<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut DockerContainer {
    known(&mut at(facts, host).docker)
        .network
        .containers
        .get_mut("meshimg-probe")
        .unwrap()
}

#[test]
fn unique_finds_what_is_there_twice() {
    one(
        &reds(unique, |facts| {
            link(facts, "host2", "docker0").mac = Some("02:00:00:00:01:01".into())
        }),
        "cluster: MAC 02:00:00:00:01:01 is that of docker0 of host1 and docker0 of host2",
    );
    one(
        &reds(unique, |facts| link(facts, "host3", "br0").mac = Some("02:00:00:00:01:01".into())),
        "cluster: MAC 02:00:00:00:01:01 is that of docker0 of host1 and br0 of host3",
    );
    one(
        &reds(unique, |facts| container(facts, "host3").mac = Some("02:42:ac:11:00:01".into())),
        "cluster: MAC 02:42:ac:11:00:01 is that of container meshimg-probe on host1 and container meshimg-probe on host3",
    );
    one(
        &reds(unique, |facts| {
            container(facts, "host3").addresses = vec!["172.17.42.2".parse().unwrap()]
        }),
        "cluster: address 172.17.42.2 is that of docker0 of host2 and container meshimg-probe on host3",
    );
    one(
        &reds(unique, |facts| {
            set(&mut br0(facts, "host2").rstp_status, "rstp_bridge_id", "1.000.020000000001");
        }),
        "cluster: bridge identifier 1.000.020000000001 is that of br0 of host1 and br0 of host2",
    );
    let stp = reds_of(&stp_plan(), unique, |facts| {
        set(&mut br0(facts, "host2").status, "stp_bridge_id", "1000.020000000001");
    });
    one(
        &stp,
        "cluster: bridge identifier 1000.020000000001 is that of br0 of host1 and br0 of host2",
    );
}

#[test]
fn unique_looks_at_the_underlays_interfaces_and_at_no_others() {
    let nic = |mac: &str, address: &str| IpLink {
        mac: Some(mac.into()),
        addresses: vec![Address {
            address: address.parse().unwrap(),
            prefix_length: 24,
        }],
        ..IpLink::default()
    };
    let plug = |facts: &mut AllFacts, name: &str, mac: &str, addresses: [&str; 2]| {
        for (host, address) in ["host1", "host2"].into_iter().zip(addresses) {
            known(&mut at(facts, host).links).insert(name.into(), nic(mac, address));
        }
    };
    let cloned = reds(unique, |facts| plug(facts, "eth1", "52:54:00:00:00:01", ["192.0.2.1", "192.0.2.2"]));
    one(&cloned, "cluster: MAC 52:54:00:00:00:01 is that of eth1 of host1 and eth1 of host2");
    // Each lab guest has the same address in a management network of its own, and Docker's further networks are alike everywhere.
    let elsewhere = reds(unique, |facts| plug(facts, "eth0", "52:54:00:00:00:01", ["10.0.2.15", "10.0.2.15"]));
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[test]
fn one_machine_id_is_said_and_no_fault() {
    let plan = sample::plan();
    let mut facts = sample::facts(&plan);
    assert_eq!(
        unique(&plan, &facts)[0].summary,
        "9 MACs, 9 addresses and 3 bridge identifiers, each once"
    );
    at(&mut facts, "host3").machine_id = Found::Known("machine-1".into());
    let verdict = unique(&plan, &facts).remove(0);
    assert!(!verdict.is_red());
    assert_eq!(
        verdict.summary,
        "9 MACs, 9 addresses and 3 bridge identifiers, each once; host1 and host3 have one machine-id, which the mesh can do with"
    );
}

#[test]
fn quiet_counts_frames() {
    let plan = sample::plan();
    let verdict = quiet(&plan, &sample::facts(&plan)).remove(0);
    assert_eq!(verdict.summary, "7.5 frames/s on all links together, fewer than 50");
    let with = |seconds, forwarded, bpdus| {
        reds(quiet, |facts| {
            at(facts, "host2").traffic = Found::Known(Traffic { seconds, forwarded, bpdus })
        })
    };
    assert!(with(8.0, 355, 4).is_empty());
    one(
        &with(8.0, 356, 4),
        "cluster: 50 frames/s where nothing was offered, the limit is 50: host1 sends 2, host2 sends 45, host3 sends 2",
    );
    one(
        &with(8.0, 0, 400_000),
        "cluster: 50005 frames/s where nothing was offered, the limit is 50: host1 sends 2, host2 sends 50000, host3 sends 2",
    );
    one(&with(0.5, 0, 0), "host2: frames: they were counted over too short a span");
}

#[test]
fn persistence_finds_files_that_differ() {
    let red = |change: fn(&mut Config)| reds(persistence, |facts| change(config_of(facts, "host1")));
    const DOCKER: &str = "/etc/docker/daemon.json";
    one(
        &red(|config| drop(config.files.remove(DOCKER))),
        "host1: /etc/docker/daemon.json is missing",
    );
    one(
        &red(|config| config.files.get_mut(DOCKER).unwrap().hash = "0".repeat(64)),
        "host1: /etc/docker/daemon.json has been changed",
    );
    one(
        &red(|config| config.files.get_mut(DOCKER).unwrap().mode = "600".into()),
        "host1: mode of /etc/docker/daemon.json is 600, planned 644",
    );
    one(
        &red(|config| config.stanzas = Found::Unknown("Unknown interface br0\nUnknown interface docker0\n".into())),
        "host1: ifupdown does not find the bridges: Unknown interface br0, Unknown interface docker0",
    );
    let ports = |config: &mut Config| set(known(&mut config.stanzas), "ovs_ports", "gre1");
    one(&red(ports), "host1: ports of br0 for ifupdown is gre1, planned gre1 gre2");
    one(
        &red(|config| set(&mut config.sysctls, "net/bridge/bridge-nf-call-iptables", "1")),
        "host1: net/bridge/bridge-nf-call-iptables in the files of sysctl.d is 1, planned 0",
    );
    one(
        &reds(persistence, |facts| {
            set(&mut boot_of(facts, "host1").sysctls, "net/bridge/bridge-nf-call-iptables", "1")
        }),
        "host1: net/bridge/bridge-nf-call-iptables is 1, planned 0",
    );
}

#[test]
fn persistence_asks_ifupdown_only_where_it_brings_the_mesh_up() {
    let mut plan = sample::plan();
    for host in &mut plan.hosts {
        host.network = Network::Systemd;
    }
    let red = |change: fn(&mut Config)| reds_of(&plan, persistence, move |facts| change(config_of(facts, "host1")));
    assert!(red(|config| config.stanzas = Found::default()).is_empty());
    // What ifupdown's way has left behind would make a second mesh of it.
    let left = |config: &mut Config| {
        let unit = config.units.get_mut("networking.service").unwrap();
        unit.paths.push("/etc/systemd/system/networking.service.d/meshimg.conf".into());
    };
    one(
        &red(left),
        "host1: /etc/systemd/system/networking.service.d/meshimg.conf is not planned",
    );
    one(
        &red(|config| config.files.get_mut("/usr/local/lib/meshimg/mesh").unwrap().hash = "0".repeat(64)),
        "host1: /usr/local/lib/meshimg/mesh has been changed",
    );
    one(
        &red(|config| config.units.get_mut("meshimg-mesh.service").unwrap().paths.clear()),
        "host1: systemd does not run by /etc/systemd/system/meshimg-mesh.service",
    );
}

#[test]
fn persistence_finds_units_that_would_start_otherwise() {
    let unit = |name: &'static str, change: fn(&mut crate::machine::facts::UnitFile)| {
        reds(persistence, move |facts| {
            change(config_of(facts, "host1").units.get_mut(name).unwrap())
        })
    };
    one(
        &unit("docker.service", |unit| unit.state = "disabled".into()),
        "host1: docker.service is disabled, planned enabled",
    );
    one(
        &unit("docker.service", |unit| unit.needs_reload = true),
        "host1: the files of docker.service are newer than what systemd runs by",
    );
    one(
        &unit("docker.service", |unit| {
            unit.paths.push("/run/systemd/system/docker.service.d/x.conf".into())
        }),
        "host1: /run/systemd/system/docker.service.d/x.conf is gone after a reboot",
    );
    one(
        &unit("docker.service", |unit| {
            unit.paths.push("/etc/systemd/system/docker.service.d/meshimg-api.conf".into());
        }),
        "host1: /etc/systemd/system/docker.service.d/meshimg-api.conf is not planned",
    );
    one(
        &unit("networking.service", |unit| unit.paths.clear()),
        "host1: systemd does not run by /etc/systemd/system/networking.service.d/meshimg.conf",
    );
}

#[test]
fn persistence_finds_what_no_file_has() {
    let added = |facts: &mut AllFacts| {
        let port = port(facts, "host2", "gre1").clone();
        br0(facts, "host2").ports.insert("gre9".into(), port.clone());
        known(&mut config_of(facts, "host2").ovs)
            .bridges
            .get_mut("br0")
            .unwrap()
            .ports
            .insert("gre9".into(), port);
    };
    one(
        &reds(persistence, added),
        "host2: port gre9 of br0 is in no file, and stays in Open vSwitch's database",
    );
    let plugged = |facts: &mut AllFacts| {
        let tap = IpLink {
            master: Some("docker0".into()),
            kind: Some("tun".into()),
            ..IpLink::default()
        };
        known(&mut at(facts, "host2").links).insert("tap0".into(), tap);
    };
    one(&reds(persistence, plugged), "host2: port tap0 of docker0 is in no file");
    let addressed = |facts: &mut AllFacts| {
        link(facts, "host2", "br0").addresses.push(Address {
            address: "172.17.9.9".parse().unwrap(),
            prefix_length: 16,
        });
    };
    one(&reds(persistence, addressed), "host2: address 172.17.9.9/16 of br0 is in no file");
}

#[test]
fn persistence_compares_the_database_on_disk_with_that_in_memory() {
    let red = |change: fn(&mut Bridge)| {
        reds(persistence, |facts| {
            change(known(&mut config_of(facts, "host1").ovs).bridges.get_mut("br0").unwrap());
        })
    };
    one(
        &red(|bridge| set(&mut bridge.other_config, "rstp-max-age", "20")),
        "host1: br0 has other settings in the database on disk than in memory",
    );
    one(
        &red(|bridge| drop(bridge.ports.remove("gre1"))),
        "host1: port gre1 of br0 is not the same in the database on disk as in memory",
    );
    one(
        &red(|bridge| {
            set(
                &mut bridge.ports.get_mut("gre1").unwrap().interface.options,
                "remote_ip",
                "192.0.2.9",
            )
        }),
        "host1: port gre1 of br0 is not the same in the database on disk as in memory",
    );
    let gone = reds(persistence, |facts| known(&mut config_of(facts, "host1").ovs).bridges.clear());
    one(&gone, "host1: the bridges of the database on disk is , planned br0");
    let unreadable = reds(persistence, |facts| {
        config_of(facts, "host1").ovs = Found::Unknown("No such file".into())
    });
    one(&unreadable, "host1: Open vSwitch's database on disk: No such file");
}

#[test]
fn persistence_compares_what_docker_says_with_daemon_json() {
    let mut plan = sample::plan();
    plan.hosts[0].docker.daemon.insert("live-restore".into(), true.into());
    let with = |value: bool| {
        let mut facts = sample::facts(&plan);
        config_of(&mut facts, "host1").docker = Found::Known(serde_json::json!({ "LiveRestoreEnabled": value }));
        persistence(&plan, &facts).remove(0)
    };
    assert!(!with(true).is_red());
    assert_eq!(with(false).summary, "Docker's live-restore is false, planned true");
    let silent = persistence(&plan, &sample::facts(&plan)).remove(0);
    assert_eq!(silent.summary, "Docker: not asked for");
    assert!(silent.is_red());
}
