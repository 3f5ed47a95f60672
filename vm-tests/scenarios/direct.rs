//! A fabric without a tree, in the place of the tree that three hosts have: what an operator does who changes `mesh.fabric`.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::scenario::outages::{Outages, measure};
use meshimg::lab::scenario::{Fault, remake};
use meshimg::lab::session::Session;
use meshimg::plan::{Plan, plan, promise};
use meshimg::spec;

use super::host_faults::cause;
use super::{long, three};
use crate::clusters::{THREE_HOSTS, all_green, example};

/// The last on their hosts, which keep it.
pub fn tests() -> Vec<Trial> {
    vec![
        three("a_direct_fabric_takes_the_place_of_the_tree", take_its_place),
        three("a_direct_fabric_loses_nothing_to_a_host_that_is_not_asked", outages),
        long(three("a_direct_fabric_has_its_rules_again_after_a_crash", |session| {
            is_direct(session)?;
            cause(session, Fault::OvsKill)
        })),
        three("every_probe_of_a_direct_fabric_is_green", |session| {
            is_direct(session)?;
            all_green(&session.probe())
        }),
    ]
}

fn direct_plan() -> Result<Plan, Failed> {
    let mut text = std::fs::read_to_string(example(THREE_HOSTS.name))?;
    text += "mesh: {fabric: direct}\n";
    let (spec, _) = spec::load(text.as_bytes()).map_err(|problems| spec::render("direct", text.as_bytes(), &problems, false))?;
    Ok(plan(&spec)?)
}

fn take_its_place(session: &mut Session<'static>) -> Result<(), Failed> {
    // Tests run for the life of the process, and the session borrows it.
    let plan: &'static Plan = Box::leak(Box::new(direct_plan()?));
    remake(session, plan)?;
    session.wait_for_mesh(std::time::Instant::now())?;
    Ok(())
}

fn outages(session: &mut Session<'static>) -> Result<(), Failed> {
    is_direct(session)?;
    let Outages { series, .. } = measure(session, "guests", 1, false)?;
    let limit = promise::link_loss(session.plan).ok_or("nothing is promised")?;
    let mut complaints = Vec::new();
    for one in &series {
        let (seconds, lost) = (one.worst_seconds(), one.lost.iter().sum::<u64>());
        println!("{}: {seconds:.2} s, {lost} pings lost", one.what);
        let fine = if one.fault == "host-down" { lost == 0 } else { seconds <= limit };
        if !fine {
            complaints.push(format!("{}: {seconds:.2} s without an answer, {lost} pings lost", one.what));
        }
    }
    let faults = series.iter().map(|one| one.fault.as_str()).collect::<Vec<_>>();
    if faults != ["host-down", "host-down", "link-down", "half-link"] {
        complaints.push(format!("measured was {faults:?}"));
    }
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints.join("; ").into())
    }
}

/// A test before this one may have failed.
fn is_direct(session: &Session<'static>) -> Result<(), Failed> {
    if session.plan.tree().is_some() {
        return Err("the hosts have not got the fabric".into());
    }
    Ok(())
}
