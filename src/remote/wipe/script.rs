//! The script that has a host take its mesh off.

use crate::plan::{HostPlan, Plan};
use crate::remote::apply::ConfirmWithin;
use crate::remote::apply::carry::{self, LIMIT_SECONDS, Operation};
use crate::remote::apply::change::{DOCKERS, HostChange};
use crate::render::RenderFilesError;

const WIPE: &str = include_str!("wipe.sh");

/// The script that begins to take the mesh off `host`; it ends while that goes on.
///
/// # Errors
/// A mistake of ours in a template of a host's files.
pub fn stage(plan: &Plan, host: &HostPlan, change: &HostChange, within: ConfirmWithin) -> Result<String, RenderFilesError> {
    // Those that come back are kept too: they may have been changed since.
    let mut remove: Vec<&str> = change.files.iter().map(|file| file.path.as_str()).collect();
    if !remove.contains(&DOCKERS) && change.restarts_docker() {
        // Another is in its place for a while.
        remove.push(DOCKERS);
    }
    let operation = Operation {
        name: "wipe",
        change: WIPE,
        new_host: false,
        restart_docker: change.restarts_docker(),
        limit: LIMIT_SECONDS,
        forget: change.restarts_docker(),
        remove,
        write: &[],
    };
    carry::begin(plan, host, &operation, within)
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
