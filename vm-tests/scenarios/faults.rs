//! The fault scenarios of `lab test`.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::scenario::Fault;
use meshimg::lab::session::Session;

use super::three;
use crate::clusters::all_green;

pub fn tests() -> Vec<Trial> {
    vec![
        three("a_dead_root_costs_at_most_a_second", |session| cause(session, Fault::HostDown)),
        three("all_is_green_after_a_reboot_of_all", |session| cause(session, Fault::RebootAll)),
    ]
}

fn cause(session: &mut Session<'static>, fault: Fault) -> Result<(), Failed> {
    let scenario = fault.cause(session);
    if let Some(outage) = &scenario.outage {
        println!(
            "{}: outage {:.2} s, {} of {} pings answered",
            scenario.name, outage.outage_seconds, outage.received, outage.sent
        );
    }
    if let Some(complaint) = scenario.complaint() {
        return Err(complaint.into());
    }
    all_green(&scenario.verdicts)
}
