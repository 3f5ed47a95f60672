//! Reports to show: nothing in them was measured.

use meshimg::machine::facts::{Boot, CloudInit, FailedUnit, Found, SlowUnit};
use meshimg::machine::outage::{Outage, Timeline};
use meshimg::machine::probe::{Probe, Subject, Verdict};
use meshimg::machine::report::{HostTimings, LinkState, Report, Scenario, Topology, TopologyLink};
use meshimg::spec::HostName;

/// `host1` and so on.
pub fn hosts(count: usize) -> Vec<HostName> {
    (1..=count).map(|number| format!("host{number}").parse().unwrap()).collect()
}

fn on(host: &HostName) -> Subject {
    Subject::Host { host: host.clone() }
}

fn pair(from: &HostName, to: &HostName) -> Subject {
    Subject::Pair {
        from: from.clone(),
        to: to.clone(),
    }
}

/// A full mesh in which `root` has all the links that carry traffic.
pub fn star(hosts: &[HostName], root: usize) -> Topology {
    let mut links = Vec::new();
    for (one, first) in hosts.iter().enumerate() {
        for (other, second) in hosts.iter().enumerate().skip(one + 1) {
            links.push(TopologyLink {
                name: format!("gre{}", links.len() + 1),
                ends: [first.clone(), second.clone()],
                state: if one == root || other == root {
                    LinkState::Forwarding
                } else {
                    LinkState::Blocked
                },
            });
        }
    }
    Topology {
        direct: false,
        root: Some(hosts[root].clone()),
        links,
    }
}

/// Of all probes, green.
pub fn verdicts(hosts: &[HostName]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for probe in Probe::ALL {
        match probe {
            Probe::UnderlayPing | Probe::ContainerPing | Probe::Mtu => {
                for (row, from) in hosts.iter().enumerate() {
                    for (column, to) in hosts.iter().enumerate().filter(|(_, to)| *to != from) {
                        let verdict = Verdict::green(probe, pair(from, to), "3 of 3 answered");
                        let spread = ((row * 7 + column * 13) % 19) as f64;
                        verdicts.push(match probe {
                            Probe::Mtu => verdict.measured(1462.0, "bytes"),
                            Probe::ContainerPing => verdict.measured(2.8 + spread * 3.1, "ms"),
                            _ => verdict.measured(1.7 + spread * 0.2, "ms"),
                        });
                    }
                }
            }
            Probe::LoopFree => {
                verdicts.push(Verdict::green(probe, Subject::Cluster, "one root").measured(hosts.len() as f64 - 1.0, "links"))
            }
            _ => verdicts.extend(hosts.iter().map(|host| Verdict::green(probe, on(host), "as planned"))),
        }
    }
    verdicts
}

fn boot(seed: u64) -> Boot {
    let names = [
        "cloud-final.service",
        "meshimg-mesh.service",
        "cloud-init-main.service",
        "cloud-config.service",
        "docker.service",
        "dev-disk-by\\x2dlabel-cidata.device",
        "systemd-udev-trigger.service",
        "openvswitch-switch.service",
        "networking.service",
        "containerd.service",
    ];
    let unit = |(index, name): (usize, &str)| SlowUnit {
        name: name.to_owned(),
        milliseconds: (36_200 + seed * 700) / (index as u64 + 1),
    };
    Boot {
        state: "running".into(),
        finish_us: Some(151_600_000 + seed * 900_000),
        slowest: names.into_iter().enumerate().map(unit).collect(),
        cloud_init: Found::Known(CloudInit {
            status: "done".into(),
            ..CloudInit::default()
        }),
        kernel: "6.12.48+deb13-amd64".into(),
        os: "Debian GNU/Linux 13 (trixie)".into(),
        ..Boot::default()
    }
}

/// Before any fault, all green.
pub fn before(count: usize) -> Report {
    let hosts = hosts(count);
    let mut report = Report::new("demo".parse().unwrap(), "QEMU 10.0.2 under TCG, 768 MiB each", hosts.clone());
    report.topology = (count > 0).then(|| star(&hosts, 0));
    report.verdicts = verdicts(&hosts);
    for (index, host) in hosts.iter().enumerate() {
        let late = (index * 5 % 7) as f64;
        let timings = HostTimings {
            ssh_seconds: Some(88.1 + late),
            cloud_init_done_seconds: Some(160.6 + late),
            mesh_ready_seconds: Some(152.7 - late),
            container_running_seconds: Some(163.9 + late),
        };
        report.timings.insert(host.clone(), timings);
        report.boots.insert(host.clone(), boot(index as u64 % 9));
    }
    report
}

/// Pings every 50 ms for 10 s, with the fault after 2 s and then `seconds` of silence.
pub fn outage(seconds: f64) -> Outage {
    let length = 10f64.max(seconds + 4.0);
    let sent = (length / 0.05) as u64;
    let lost = if seconds > 0.05 { vec![[2.03, 2.08 + seconds]] } else { Vec::new() };
    Outage {
        sent,
        received: sent - (seconds / 0.05) as u64,
        duplicates: 0,
        longest_gap_seconds: seconds + 0.05,
        outage_seconds: seconds,
        at_least: None,
        timeline: Timeline {
            length_seconds: length,
            fault_at_seconds: Some(2.0),
            lost,
        },
    }
}

/// A scenario that lasted `seconds` of a limit of one.
pub fn scenario(name: &str, what: &str, repetition: u32, seconds: Option<f64>) -> Scenario {
    let hosts = hosts(3);
    Scenario {
        repetition,
        what: what.into(),
        outage: seconds.map(outage),
        limit_seconds: seconds.map(|_| 1.0),
        between: seconds.map(|_| [hosts[1].clone(), hosts[2].clone()]),
        verdicts: verdicts(&hosts),
        ..Scenario::new(name)
    }
}

/// Three hosts, several faults, all as it should be.
pub fn green() -> Report {
    let mut report = before(3);
    for (index, seconds) in [0.34, 0.29, 0.41, 0.33, 0.36].into_iter().enumerate() {
        report
            .scenarios
            .push(scenario("host-down", "kill -9 of host1, the root", index as u32 + 1, Some(seconds)));
    }
    report.scenarios.push(scenario(
        "link-down",
        "gre2 between host1 and host3 was cut in both directions",
        1,
        Some(0.31),
    ));
    let mut flapping = scenario("link-flapping", "gre2 was cut and healed 10 times in 20 s", 1, Some(0.62));
    if let Some(outage) = &mut flapping.outage {
        outage.timeline.length_seconds = 26.0;
        outage.timeline.lost = (0..10).map(|i| [2.0 + 2.0 * f64::from(i), 2.35 + 2.0 * f64::from(i)]).collect();
        (outage.sent, outage.received, outage.duplicates) = (520, 450, 1);
    }
    report.scenarios.push(flapping);
    report
        .scenarios
        .push(scenario("reboot-all", "systemctl reboot on all hosts at once", 1, None));
    report
}

/// Three hosts of which one is not well, and faults that took too long.
pub fn red() -> Report {
    let mut report = green();
    let host2: HostName = "host2".parse().unwrap();
    for verdict in &mut report.verdicts {
        let touches = matches!(&verdict.subject, Subject::Pair { from, to } if *from == host2 || *to == host2);
        let (probe, subject) = (verdict.probe, verdict.subject.clone());
        match probe {
            Probe::ContainerPing if touches => {
                *verdict = Verdict::red(
                    probe,
                    subject,
                    "0 of 3 answered",
                    "look at the red ones of tunnels, bfd, loop-free and docker0 first; with those green, see `sysctl net.bridge` and the firewall on both hosts",
                );
            }
            Probe::Docker0 if subject == on(&host2) => {
                *verdict = Verdict::red(
                    probe,
                    subject,
                    "docker0: address is 172.17.0.1/16, planned 172.17.42.2/16; br0: master is nothing, planned docker0",
                    "see `journalctl -b -u meshimg-mesh`; `systemctl restart meshimg-mesh` brings it up",
                );
            }
            Probe::Bfd => *verdict = Verdict::skipped(probe, subject, "no BFD in the plan"),
            _ => {}
        }
    }
    if let Some(topology) = &mut report.topology {
        topology.links[0].state = LinkState::Down;
    }
    if let Some(timings) = report.timings.get_mut(&host2) {
        (timings.mesh_ready_seconds, timings.container_running_seconds) = (None, None);
    }
    if let Some(boot) = report.boots.get_mut(&host2) {
        boot.state = "degraded".into();
        boot.failed = vec![FailedUnit {
            name: "meshimg-mesh.service".into(),
            log: "meshimg-mesh[611]: ovs-vsctl: unix:/run/openvswitch/db.sock: database connection failed\nsystemd[1]: meshimg-mesh.service: Failed with result 'exit-code'."
                .into(),
        }];
    }
    report.scenarios[6].outage = Some(outage(48.31));
    let mut partition = scenario("partition", "host1 | host2 + host3", 1, Some(0.0));
    partition.by_design = Some("The two sides cannot reach each other until the partition is healed; each keeps working by itself.".into());
    report.scenarios.push(partition);
    let mut open = scenario("link-down", "gre1 between host1 and host2 was cut", 2, Some(8.0));
    if let Some(outage) = &mut open.outage {
        outage.at_least = Some("there was no reply after it".into());
    }
    open.verdicts[14] = Verdict::red(Probe::Bfd, on(&host2), "gre1 is down at both ends", "see `ovs-appctl bfd/show`");
    report.scenarios.push(open);
    let mut failed = Scenario::new("ovs-kill");
    failed.what = "kill -9 of ovs-vswitchd on host3".into();
    failed.error = Some("host3 was not reached: Connection timed out".into());
    report.scenarios.push(failed);
    report.bundle = Some("meshimg-failure-demo-1".into());
    report
}

/// So few findings that the whole page can be read as a snapshot.
pub fn small() -> Report {
    let hosts = hosts(2);
    let mut report = Report::new("small".parse().unwrap(), "QEMU under KVM", hosts.clone());
    report.topology = Some(star(&hosts, 0));
    report.verdicts = vec![
        Verdict::green(Probe::ContainerPing, pair(&hosts[0], &hosts[1]), "3 of 3 answered").measured(1.5, "ms"),
        Verdict::red(
            Probe::ContainerPing,
            pair(&hosts[1], &hosts[0]),
            "0 of 3 answered",
            "look at tunnels",
        ),
        Verdict::green(Probe::LoopFree, Subject::Cluster, "one root").measured(1.0, "links"),
    ];
    report.timings.insert(
        hosts[0].clone(),
        HostTimings {
            ssh_seconds: Some(12.5),
            mesh_ready_seconds: Some(25.0),
            ..HostTimings::default()
        },
    );
    let mut fault = scenario("link-down", "gre1 was cut", 1, Some(0.4));
    fault.verdicts.truncate(2);
    report.scenarios.push(fault);
    report
}
