//! The hosts all at once: nobody needs the mesh between hosts that leave it.

use super::change::{still_there, wipe_of};
use super::script;
use crate::machine::{Machine, on_each};
use crate::remote::Remote;
use crate::remote::apply::carry::LIMIT_SECONDS;
use crate::remote::apply::change::HostChange;
use crate::remote::apply::timed::{Step, Timed, until_nothing_differs};
use crate::remote::apply::{ApplyError, ConfirmWithin, Differences, each};

/// What is of the mesh on the hosts of `remote`.
///
/// # Errors
/// [`ApplyError`] of the first host that cannot be asked, or must be left alone.
pub fn look(remote: &Remote<'_>) -> Result<Differences, ApplyError> {
    each(remote, wipe_of)
}

/// Takes the mesh off the hosts of `differences`. Each waits for `within` to be confirmed.
///
/// # Errors
/// [`ApplyError`] of the first host, in the order of the file, where something went wrong.
pub fn wipe(remote: &Remote<'_>, differences: &Differences, within: ConfirmWithin) -> Result<(), ApplyError> {
    let mut machines = remote.all();
    let change_of = |machine: &dyn Machine| differences.hosts.iter().find(|change| change.host == *machine.name());
    machines.retain(|machine| change_of(*machine).is_some());
    let mut ends = on_each(&machines, |machine| match change_of(machine) {
        Some(change) => one(remote, machine, change, within),
        None => Ok(()),
    });
    let in_order = differences.hosts.iter().filter_map(|change| ends.remove(&change.host));
    let errors: Vec<ApplyError> = in_order.filter_map(Result::err).collect();
    // All but the first are said here.
    for error in errors.iter().skip(1) {
        remote.ui.line(&error.to_string());
    }
    errors.into_iter().next().map_or(Ok(()), Err)
}

fn one(remote: &Remote<'_>, machine: &dyn Machine, change: &HostChange, within: ConfirmWithin) -> Result<(), ApplyError> {
    let timed = Timed {
        remote,
        machine,
        within,
        left: &[],
    };
    let Some(planned) = remote.plan.hosts.iter().find(|planned| planned.name == change.host) else {
        return Ok(());
    };
    let script = script::stage(remote.plan, planned, change, within).map_err(|error| timed.taken_back(error.to_string()))?;
    let step = Step {
        script: &script,
        limit: LIMIT_SECONDS,
        doing: "taking the mesh off",
        done: "without the mesh",
    };
    timed.take(&step, |deadline| {
        until_nothing_differs(remote.plan, machine, deadline, |found| {
            still_there(remote.plan, planned, found, change)
        })
    })
}
