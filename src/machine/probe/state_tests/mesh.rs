//! Probes of the mesh: ovs, tunnels, bfd, loop-free.

use super::*;

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
    let counted = |value: Option<&'static str>| {
        reds(ovs, move |facts| {
            let settings = &mut known(&mut at(facts, "host2").ovs).other_config;
            settings.clear();
            settings.extend(value.map(|value| ("max-revalidator".to_owned(), value.to_owned())));
        })
    };
    one(&counted(None), "host2: max-revalidator is 500, planned 200");
    one(&counted(Some("10000")), "host2: max-revalidator is 10000, planned 200");
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
    let version = reds(ovs, |facts| {
        at(facts, "host2").vswitchd_version = Found::Unknown("cannot read pidfile".into())
    });
    one(&version, "host2: ovs-vswitchd does not answer: cannot read pidfile");
    let policy = |found: Found<String>| reds(ovs, move |facts| at(facts, "host2").vswitchd_policy = found.clone());
    one(
        &policy(Found::Known("SCHED_OTHER".into())),
        "host2: scheduling of ovs-vswitchd is SCHED_OTHER, planned SCHED_RR",
    );
    one(
        &policy(Found::Unknown("chrt is not installed".into())),
        "host2: scheduling of ovs-vswitchd: chrt is not installed",
    );
}

/// Open vSwitch 4.0.0 with RSTP: only what the tree lets through counts.
#[test]
fn ovs_checks_that_broadcasts_reach_the_host() {
    let deaf = |host: &'static str, ports: &'static [&'static str]| {
        reds(ovs, move |facts| {
            let floods = known(&mut at(facts, host).floods);
            for port in ports {
                floods.insert((*port).to_owned(), ["drop".to_owned()].into());
            }
        })
    };
    one(&deaf("host2", &["gre1"]), "host2: broadcasts from gre1 do not reach br0");
    one(
        &deaf("host2", &["gre1", "gre3"]),
        "host2: broadcasts from gre1, gre3 do not reach br0",
    );
    // Blocked at host3.
    assert_eq!(deaf("host3", &["gre3"]), Vec::<String>::new());
    let unknown = reds(ovs, |facts| {
        at(facts, "host1").floods = Found::Unknown("no bridge named br0".into())
    });
    one(&unknown, "host1: where broadcasts go: no bridge named br0");
}

/// Where the plan says a version; where it does not, the sample's is as good as any.
#[test]
fn ovs_checks_the_version_that_was_built() {
    let mut planned = sample::plan();
    planned.hosts[1].open_vswitch = OpenVSwitchSource::Build {
        version: "3.5.0".parse().unwrap(),
        url: "https://archive.example/openvswitch-3.5.0.tar.gz".parse().unwrap(),
        sha256: "0a".repeat(32).parse().unwrap(),
    };
    let running = |version: &'static str| {
        reds_of(&planned, ovs, move |facts| {
            at(facts, "host2").vswitchd_version = Found::Known(version.to_owned());
        })
    };
    one(&running("3.1.0"), "host2: version of ovs-vswitchd is 3.1.0, planned 3.5.0");
    one(&running("3.5.0-rc1"), "host2: version of ovs-vswitchd is 3.5.0-rc1, planned 3.5.0");
    assert_eq!(running("3.5.0"), Vec::<String>::new());
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

/// Facts of the sample with what three real bridges said, whose Open vSwitch has the default `max-revalidator`, as `plan` has it then.
fn with_real_bridges(plan: &mut Plan, tables: [&str; 3]) -> AllFacts {
    for host in &mut plan.hosts {
        host.mesh_bridge.max_revalidator_ms = crate::plan::DEFAULT_MAX_REVALIDATOR_MS;
    }
    let mut facts = sample::facts(plan);
    for (host, tables) in ["host1", "host2", "host3"].into_iter().zip(tables) {
        at(&mut facts, host).ovs = Found::Known(crate::machine::openvswitch::parse(tables).unwrap());
    }
    facts
}

#[test]
fn real_bridges_with_rstp_and_bfd_are_green() {
    let mut plan = sample::plan();
    for port in plan.hosts.iter_mut().flat_map(|host| &mut host.mesh_bridge.ports) {
        port.bfd.as_mut().unwrap().interval_ms = 1000;
    }
    let tables = [
        include_str!("../../fixtures/ovs-rstp-host1.json"),
        include_str!("../../fixtures/ovs-rstp-host2.json"),
        include_str!("../../fixtures/ovs-rstp-host3.json"),
    ];
    let facts = with_real_bridges(&mut plan, tables);
    let verdicts = [
        ovs(&plan, &facts),
        tunnels(&plan, &facts),
        bfd(&plan, &facts),
        loop_free(&plan, &facts),
    ]
    .concat();
    assert!(verdicts.iter().all(|verdict| verdict.state == State::Green), "{verdicts:#?}");
    assert_eq!(verdicts.last().unwrap().summary, "2 links forward (gre1, gre2), 1 in reserve");
}

#[test]
fn real_bridges_with_stp_are_green() {
    let mut plan = stp_plan();
    plan.tree_mut().unwrap().hello = 1;
    let tables = [
        include_str!("../../fixtures/ovs-stp-host1.json"),
        include_str!("../../fixtures/ovs-stp-host2.json"),
        include_str!("../../fixtures/ovs-stp-host3.json"),
    ];
    let facts = with_real_bridges(&mut plan, tables);
    let verdicts = [ovs(&plan, &facts), tunnels(&plan, &facts), loop_free(&plan, &facts)].concat();
    assert!(verdicts.iter().all(|verdict| verdict.state == State::Green), "{verdicts:#?}");
}
