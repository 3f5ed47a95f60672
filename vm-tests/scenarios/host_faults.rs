//! Faults of a host: its services, its disk, its clock, its power. Each test is one scenario of `lab test`, with the probes that it can turn
//! red; the test `every_probe_is_green_again` at the end asks them all.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::lab::scenario::{Fault, PowerCut};
use meshimg::lab::session::Session;
use meshimg::machine::facts::{Scope, gather};
use meshimg::machine::probe::{self, Verdict};
use meshimg::machine::report::Scenario;

use super::{SOON, long, run, three};
use crate::clusters::all_green;

pub fn tests() -> Vec<Trial> {
    vec![
        long(three("a_restart_of_open_vswitch_cuts_nobody_else_off", |session| {
            cause(session, Fault::OvsRestart)
        })),
        three("open_vswitch_that_was_killed_comes_back", |session| cause(session, Fault::OvsKill)),
        three("a_restart_of_docker_cuts_nobody_else_off", |session| {
            cause(session, Fault::DockerRestart)
        }),
        long(three("live_restore_keeps_containers_while_docker_restarts", live_restore)),
        three("a_restart_of_networking_keeps_bridges_and_containers", |session| {
            cause(session, Fault::NetworkingRestart)
        }),
        long(three("a_full_disk_stops_no_traffic", |session| cause(session, Fault::DiskFull))),
        long(three("a_clock_that_jumps_is_not_noticed", |session| {
            cause(session, Fault::ClockJump)
        })),
        three("three_clones_boot_alone_after_a_power_cut_and_make_the_mesh", power_cut),
        long(three("every_probe_is_green_again", |session| all_green(&session.probe()))),
    ]
}

/// Those of the mesh. What cloud-init says of its data, which takes it half a minute, is the same as before.
fn probes(session: &mut Session<'static>) -> Vec<Verdict> {
    let (plan, machines) = (session.plan, session.all());
    let facts = gather(plan, &machines, Scope::Mesh, SOON);
    let containers = probe::container::start(plan, &machines);
    [
        probe::ovs(plan, &facts),
        probe::tunnels(plan, &facts),
        probe::bfd(plan, &facts),
        probe::loop_free(plan, &facts),
        probe::docker0(plan, &facts),
        probe::docker(plan, &facts),
        probe::container_ping(plan, &machines, &containers),
    ]
    .concat()
}

pub fn cause(session: &mut Session<'static>, fault: Fault) -> Result<(), Failed> {
    let started = std::time::Instant::now();
    let scenario = fault.cause_and(session, probes);
    judge(&scenario, started.elapsed())
}

fn judge(scenario: &Scenario, took: Duration) -> Result<(), Failed> {
    println!("{}: {} ({:.0} s)", scenario.name, scenario.what, took.as_secs_f64());
    if let (Some(outage), Some([from, to])) = (&scenario.outage, &scenario.between) {
        println!(
            "  {from} to {to}: outage {:.2} s, {} of {} pings answered",
            outage.outage_seconds, outage.received, outage.sent
        );
    }
    if let Some(by_design) = &scenario.by_design {
        println!("  {by_design}");
    }
    match scenario.complaint() {
        Some(complaint) => Err(complaint.into()),
        None => all_green(&scenario.verdicts),
    }
}

/// The same fault with `live-restore` in the plan and on the host; and with it in the plan alone, which must be red.
fn live_restore(session: &mut Session<'static>) -> Result<(), Failed> {
    let host = session.plan.head().clone();
    let mut plan = session.plan.clone();
    for host in plan.hosts.iter_mut().filter(|plan| plan.name == host) {
        host.docker.daemon.insert("live-restore".into(), true.into());
    }
    let usual = std::mem::replace(&mut session.plan, Box::leak(Box::new(plan)));
    let only_planned = Fault::DockerRestart.cause_and(session, probes);
    let daemon = "/etc/docker/daemon.json";
    let switch = format!("sed -i.usual '1s/{{/{{\"live-restore\": true,/' {daemon}; systemctl reload docker");
    let result = run(session, host.as_str(), &switch).and_then(|_| cause(session, Fault::DockerRestart));
    session.plan = usual;
    run(
        session,
        host.as_str(),
        &format!("mv {daemon}.usual {daemon}; systemctl reload docker"),
    )?;
    if !only_planned
        .error
        .as_ref()
        .is_some_and(|error| error.contains("live-restore is on"))
    {
        return Err(format!("containers that ended in spite of live-restore are not told: {only_planned:?}").into());
    }
    result
}

/// The scenarios power-cut, boot-without-peers and same-machine-id, in one boot.
fn power_cut(session: &mut Session<'static>) -> Result<(), Failed> {
    let started = std::time::Instant::now();
    let all = PowerCut {
        alone: true,
        one_machine_id: true,
    };
    let mut scenario = Scenario::new("power-cut");
    match all.cause(session, &mut scenario) {
        Ok(()) => scenario.verdicts = probes(session),
        Err(error) => scenario.error = Some(error.to_string()),
    }
    judge(&scenario, started.elapsed())
}
