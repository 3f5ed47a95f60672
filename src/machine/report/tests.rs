//! Whole outputs of reports.

use super::*;
use crate::machine::outage::Timeline;
use crate::machine::probe::{self, BootLimits, Probe, Subject};
use crate::machine::sample::{self, Scripted};
use crate::machine::topology::topology;

pub(super) fn outage(seconds: f64) -> Outage {
    Outage {
        sent: 200,
        received: 193,
        duplicates: 0,
        longest_gap_seconds: seconds + 0.05,
        outage_seconds: seconds,
        at_least: None,
        timeline: Timeline::default(),
    }
}

pub(super) fn scenario(verdicts: Vec<Verdict>) -> Scenario {
    Scenario {
        what: "host1, the root, loses its power".into(),
        outage: Some(outage(0.33)),
        limit_seconds: Some(1.0),
        verdicts,
        ..Scenario::new("host-down")
    }
}

/// Of the probes on a healthy mesh, or on one whose host2 does not answer and whose container has the wrong MTU.
pub(super) fn report(healthy: bool) -> Report {
    let plan = sample::plan();
    let mut facts = sample::facts(&plan);
    let hosts = ["host1", "host2", "host3"].map(|name| {
        Scripted::new(name, move |script| match (healthy, name) {
            (true, _) => Ok(sample::answer(script)),
            (false, "host2") => Err("Connection timed out".into()),
            (false, _) => Ok(sample::answer(script).replace("ping: sendmsg: Message too long", "")),
        })
    });
    let machines = sample::machines(&hosts);
    if !healthy {
        facts.insert("host2".parse().unwrap(), Facts::unknown("not reached: Connection timed out"));
    }
    let mut report = Report::new(
        plan.cluster.clone(),
        "QEMU 10.0.2, TCG",
        plan.hosts.iter().map(|host| host.name.clone()),
    );
    report.verdicts = probe::underlay_ping(&plan, &machines);
    report.verdicts.extend(probe::state(&plan, &facts, &BootLimits::default()));
    report
        .verdicts
        .extend(probe::container_ping(&plan, &machines, &sample::containers()));
    report.verdicts.extend(probe::mtu(&plan, &machines, &sample::containers()));
    for (index, host) in plan.hosts.iter().enumerate() {
        let timings = HostTimings {
            ssh_seconds: Some(61.0 + index as f64),
            cloud_init_done_seconds: Some(84.25),
            mesh_ready_seconds: healthy.then_some(95.0),
            container_running_seconds: healthy.then_some(99.5),
        };
        report.timings.insert(host.name.clone(), timings);
    }
    for (host, facts) in &facts {
        if let Ok(boot) = facts.boot.known() {
            report.boots.insert(host.clone(), boot.clone());
        }
    }
    report.topology = Some(topology(&plan, &facts));
    if !healthy {
        report.bundle = Some("/state/failures/demo-20261124T121500Z".into());
    }
    report.scenarios.push(scenario(report.verdicts[..8].to_vec()));
    report
}

use crate::machine::Facts;

#[test]
fn a_green_report() {
    let report = report(true);
    assert!(report.is_green());
    insta::assert_snapshot!(report.text(false), @"
    demo: 3 hosts on QEMU 10.0.2, TCG

    Ping from container to container (row to column)
                     host1      host2      host3
      host1              -     1.5 ms     1.5 ms
      host2         1.5 ms          -     1.5 ms
      host3         1.5 ms     1.5 ms          -

    Probes
      green    underlay-ping   6 of 6          hosts ping each other on the underlay  [1.5 ms]
      green    ovs             3 of 3          Open vSwitch bridges are as planned
      green    tunnels         3 of 3          tunnel ports are as planned, and no others are there
      green    bfd             3 of 3          links are seen up from both ends
      green    loop-free       2 of 2          one root, and the forwarding links form a tree  [2 links]
      green    docker0         3 of 3          container bridges are as planned
      green    docker          3 of 3          Docker hands out the planned addresses
      green    unique          1 of 1          no address, MAC or bridge identifier is there twice
      green    quiet           1 of 1          the mesh is silent while nobody uses it  [8 frames/s]
      green    container-ping  9 of 9          containers ping each other across hosts  [1.5 ms]
      green    mtu             6 of 6          containers send exactly the planned packet size  [1462 bytes]
      green    persistence     3 of 3          what is on disk is what runs
      green    boot            3 of 3          hosts booted without failures or delays  [6.2 s]

    Links before any fault: the tree's root is host1
      forwarding  gre1 (host1 - host2), gre2 (host1 - host3)
      in reserve  gre3 (host2 - host3)

    Boot, seconds after power-on
                         ssh  cloud-init done       mesh ready   container runs
      host1             61.0             84.2             95.0             99.5
      host2             62.0             84.2             95.0             99.5
      host3             63.0             84.2             95.0             99.5

    Where the time went, from the kernel's start
      host1: userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s), slowest: cloud-init-main.service 12.3 s
      host2: userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s), slowest: cloud-init-main.service 12.3 s
      host3: userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s), slowest: cloud-init-main.service 12.3 s

    Slowest units, seconds
                               host1  host2  host3
      cloud-init-main.service   12.3   12.3   12.3

    Faults
      green    host-down       host1, the root, loses its power
        outage between containers: 0.33 s (limit 1.00 s), 193 of 200 pings answered
        afterwards: all probes green

    all green
    ");
}

#[test]
fn a_red_report() {
    let report = report(false);
    assert!(!report.is_green());
    insta::assert_snapshot!(report.text(false), @"
    demo: 3 hosts on QEMU 10.0.2, TCG

    Ping from container to container (row to column)
                     host1      host2      host3
      host1              -     1.5 ms     1.5 ms
      host2         FAILED          -     FAILED
      host3         1.5 ms     1.5 ms          -

    Probes
      RED      underlay-ping   2 of 6 red      hosts ping each other on the underlay  [1.5 ms]
      RED      ovs             1 of 3 red      Open vSwitch bridges are as planned
      RED      tunnels         1 of 3 red      tunnel ports are as planned, and no others are there
      RED      bfd             2 of 3 red      links are seen up from both ends
      RED      loop-free       1 of 1 red      one root, and the forwarding links form a tree
      RED      docker0         1 of 3 red      container bridges are as planned
      RED      docker          1 of 3 red      Docker hands out the planned addresses
      RED      unique          1 of 1 red      no address, MAC or bridge identifier is there twice
      RED      quiet           1 of 1 red      the mesh is silent while nobody uses it
      RED      container-ping  2 of 9 red      containers ping each other across hosts  [1.5 ms]
      RED      mtu             6 of 6 red      containers send exactly the planned packet size
      RED      persistence     1 of 3 red      what is on disk is what runs
      RED      boot            1 of 3 red      hosts booted without failures or delays  [6.2 s]

    What is wrong
      underlay-ping (host2 -> host1): host2 was not reached: Connection timed out
      underlay-ping (host2 -> host3): host2 was not reached: Connection timed out
      ovs (host2): Open vSwitch: not reached: Connection timed out
      tunnels (host2): Open vSwitch: not reached: Connection timed out
        help: nothing is known about this, so it counts as red; see whether the machine runs and ssh reaches it
      bfd (host1 -> host2): gre1 on host2: not reached: Connection timed out
      bfd (host2 -> host3): gre3 on host2: not reached: Connection timed out
        help: on both hosts: `ovs-appctl bfd/show`; a session that is down at both ends means that the tunnel's packets do not get through the underlay (a firewall that drops protocol 47, or UDP 4789 or 6081?)
      loop-free (host2): Open vSwitch: not reached: Connection timed out
      docker0 (host2): interfaces: not reached: Connection timed out
      docker (host2): Docker: not reached: Connection timed out
      unique (host2): not reached: Connection timed out
      quiet (host2): frames: not reached: Connection timed out
      persistence (host2): not reached: Connection timed out
      boot (host2): systemd: not reached: Connection timed out
      container-ping (host2 -> host1): host2 was not reached: Connection timed out
      container-ping (host2 -> host3): host2 was not reached: Connection timed out
      mtu (host1 -> host2): 1462 bytes pass, but the container sends 1463 too (0 of 2 answered)
      mtu (host1 -> host3): 1462 bytes pass, but the container sends 1463 too (0 of 2 answered)
        help: a smaller packet may pass where the full size does not: connections then hang. Compare the MTU of the underlay with the plan, and `ip link` in the container, docker0 and br0 on both hosts
      mtu (host2 -> host1): host2 was not reached: Connection timed out
      mtu (host2 -> host3): host2 was not reached: Connection timed out
      mtu (host3 -> host1): 1462 bytes pass, but the container sends 1463 too (0 of 2 answered)
      mtu (host3 -> host2): 1462 bytes pass, but the container sends 1463 too (0 of 2 answered)

    Links before any fault: the tree's root is host1
      forwarding  gre2 (host1 - host3)
      in reserve  gre3 (host2 - host3)
      unknown     gre1 (host1 - host2)

    Boot, seconds after power-on
                         ssh  cloud-init done       mesh ready   container runs
      host1             61.0             84.2                ?                ?
      host2             62.0             84.2                ?                ?
      host3             63.0             84.2                ?                ?

    Where the time went, from the kernel's start
      host1: userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s), slowest: cloud-init-main.service 12.3 s
      host3: userspace after 9.0 s, all up after 61.5 s, networking.service 6.2 s (limit 10.0 s), slowest: cloud-init-main.service 12.3 s

    Slowest units, seconds
                               host1  host3
      cloud-init-main.service   12.3   12.3

    Faults
      RED      host-down       host1, the root, loses its power
        outage between containers: 0.33 s (limit 1.00 s), 193 of 200 pings answered
        afterwards: 3 of 8 verdicts red
          underlay-ping (host2 -> host1): host2 was not reached: Connection timed out
          underlay-ping (host2 -> host3): host2 was not reached: Connection timed out
          ovs (host2): Open vSwitch: not reached: Connection timed out

    logs and states of the failure: /state/failures/demo-20261124T121500Z
    24 red
    ");
}

#[test]
fn repeated_scenarios_have_their_median_and_worst() {
    let mut report = report(true);
    let fine = vec![Verdict::green(Probe::LoopFree, Subject::Cluster, "fine")];
    let times = [0.31, 0.90, 0.33, 0.40].into_iter().zip(1..);
    report.scenarios = times
        .map(|(seconds, repetition)| Scenario {
            repetition,
            outage: Some(outage(seconds)),
            ..scenario(fine.clone())
        })
        .collect();
    report.scenarios.push(Scenario {
        verdicts: fine.clone(),
        ..Scenario::new("reboot-all")
    });
    let line = |report: &Report| {
        let text = report.text(false);
        let (_, rest) = text.split_once("Repeated faults, outage between containers\n").unwrap();
        rest.lines().next().unwrap().to_owned()
    };
    assert_eq!(line(&report), "  green    host-down       4 times: p50 0.40 s, worst 0.90 s");
    assert!(report.text(false).contains("  green    host-down-4     host1, the root"));
    report.scenarios[1].outage.as_mut().unwrap().at_least = Some("there was no reply after it".into());
    report.scenarios[2].outage = None;
    assert_eq!(
        line(&report),
        "  RED      host-down       4 times, 2 red: p50 0.40 s, worst at least 0.90 s, 1 not measured"
    );
    report.scenarios.truncate(1);
    assert!(!report.text(false).contains("Repeated"));
}

#[test]
fn colours_add_nothing_but_colour() {
    for healthy in [true, false] {
        let colored = report(healthy).text(true);
        assert!(colored.contains("\x1b[32m"));
        let mut plain = colored;
        for code in ["32", "1;31", "2", "1", "0"] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, report(healthy).text(false));
    }
}

#[test]
fn an_empty_report_is_not_green() {
    let mut report = Report::new("demo".parse().unwrap(), "nothing", []);
    assert!(!report.is_green());
    assert_eq!(report.text(false), "demo: 0 hosts on nothing\n\nnothing was checked\n");
    report.verdicts.push(Verdict::skipped(Probe::Bfd, Subject::Cluster, "not planned"));
    assert!(!report.is_green());
    report.verdicts.push(Verdict::green(Probe::LoopFree, Subject::Cluster, "fine"));
    assert!(report.is_green());
    report.verdicts.push(Verdict::red(Probe::LoopFree, Subject::Cluster, "bad", "help"));
    assert!(!report.is_green());
}

#[test]
fn a_scenario_is_red_for_each_of_its_reasons() {
    let good = scenario(vec![Verdict::green(Probe::LoopFree, Subject::Cluster, "fine")]);
    assert_eq!(good.complaint(), None);
    let complaint = |change: fn(&mut Scenario)| {
        let mut report = report(true);
        let mut scenario = good.clone();
        change(&mut scenario);
        report.scenarios = vec![scenario];
        assert_eq!(report.red_count(), 1);
        assert!(!report.is_green());
        let text = report.text(false);
        assert!(text.contains("  RED      host-down") && text.ends_with("\n1 red\n"), "{text}");
        report.scenarios[0].complaint()
    };
    assert_eq!(
        complaint(|scenario| scenario.outage = Some(outage(1.25))).unwrap(),
        "the outage was 1.25 s, the limit is 1.00 s"
    );
    let open = |scenario: &mut Scenario| {
        let at_least = Some("there was no reply after it".to_owned());
        scenario.outage = Some(Outage { at_least, ..outage(0.5) });
    };
    assert_eq!(
        complaint(open).unwrap(),
        "the outage was at least 0.50 s: there was no reply after it"
    );
    assert_eq!(complaint(|scenario| scenario.outage = None).unwrap(), "the outage was not measured");
    assert_eq!(
        complaint(|scenario| scenario.verdicts.clear()).unwrap(),
        "nothing was probed afterwards"
    );
    assert_eq!(
        complaint(|scenario| scenario.error = Some("ssh to host2".into())).unwrap(),
        "ssh to host2"
    );
    let red_after = |scenario: &mut Scenario| scenario.verdicts.push(Verdict::red(Probe::Bfd, Subject::Cluster, "down", "help"));
    assert_eq!(complaint(red_after), None);
}
