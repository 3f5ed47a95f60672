//! The fault scenarios of `lab test`.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::lab::scenario::{Fault, settled};
use meshimg::lab::session::Session;
use meshimg::machine::probe;
use meshimg::machine::report::Scenario;

use super::{host_faults, long, on, three};
use crate::clusters::{SPARSE, all_green};

pub fn tests() -> Vec<Trial> {
    let mut tests = vec![
        three("a_link_that_stays_cut_is_not_settled", a_cut_is_noticed),
        three("a_dead_root_costs_at_most_a_second", |session| in_passing(session, Fault::HostDown)),
        three("host_back", |session| in_passing(session, Fault::HostBack)),
    ];
    // A probe round costs more than the fault: one after all of them.
    tests.extend(LINKS.iter().map(|fault| {
        let name = fault.name().replace('-', "_");
        let test = three(&name, |session| in_passing(session, *fault));
        if matches!(fault, Fault::LossyLink | Fault::FlappingLink) {
            long(test)
        } else {
            test
        }
    }));
    tests.push(long(three("every_probe_is_green_after_all_faults_of_links", |session| {
        all_green(&session.probe())
    })));
    // A power cut of all is harder.
    tests.push(long(three("all_is_well_after_a_reboot_of_all", |session| {
        host_faults::cause(session, Fault::RebootAll)
    })));
    tests
}

/// Two sides, each with a mesh of its own, and links that not all hosts have: what three hosts do not have.
pub fn of_five_hosts() -> Vec<Trial> {
    let test = |fault: &Fault| {
        let fault = *fault;
        let test = on(&SPARSE, &fault.name().replace('-', "_"), move |session| in_passing(session, fault));
        if fault == Fault::LinkDown { long(test) } else { test }
    };
    let mut tests = vec![on(&SPARSE, "every_probe_is_green", |session| all_green(&session.probe()))];
    tests.extend([Fault::Partition, Fault::Merge, Fault::LinkDown].iter().map(test));
    tests
}

/// Faults of the underlay, which leave the hosts alone; those that make sides are caused where both have several hosts.
const LINKS: &[Fault] = &[
    Fault::LinkDown,
    Fault::LinkBack,
    Fault::HalfLink,
    Fault::LossyLink,
    Fault::FlappingLink,
];

/// Causes a fault and looks only whether containers reach each other afterwards.
fn in_passing(session: &mut Session<'static>, fault: Fault) -> Result<(), Failed> {
    judge(&fault.cause_and(session, |session| {
        let machines = session.all();
        let containers = probe::container::start(session.plan, &machines);
        probe::container_ping(session.plan, &machines, &containers)
    }))
}

fn judge(scenario: &Scenario) -> Result<(), Failed> {
    if let Some(outage) = &scenario.outage {
        println!(
            "{}: {}: outage {:.2} s, {} of {} pings answered, {} duplicates",
            scenario.name, scenario.what, outage.outage_seconds, outage.received, outage.sent, outage.duplicates
        );
    }
    if let Some(complaint) = scenario.complaint() {
        return Err(complaint.into());
    }
    all_green(&scenario.verdicts)
}

/// What every scenario waits for at its end is not there while a link is down.
fn a_cut_is_noticed(session: &mut Session<'static>) -> Result<(), Failed> {
    session.lab.cut("host1", "host2")?;
    let cut = settled(session, Duration::from_secs(5));
    session.lab.heal()?;
    match cut {
        Ok(()) => return Err("the mesh is said to be whole with a link cut".into()),
        Err(error) if error.to_string().contains("bfd (host1 -> host2)") => {}
        Err(error) => return Err(error.into()),
    }
    Ok(settled(session, Duration::from_secs(60))?)
}
