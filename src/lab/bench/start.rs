//! Starts a run in namespaces of its own.

use std::time::Duration;

use super::{Answer, Bed, BenchError, CASE_VERB, Measurement};
use crate::exec::{self, ExecError, Tool};

/// Programs that a run needs.
pub const PROGRAMS: &[&str] = &[
    "ip",
    "mount",
    "nsenter",
    "setpriv",
    "unshare",
    "ovs-ofctl",
    "ovs-vsctl",
    "ovs-vswitchd",
    "ovsdb-server",
    "ovsdb-tool",
];

/// What a run may take besides the time for the mesh to get whole.
const SLACK: Duration = Duration::from_secs(900);

/// Checks that this machine can do it, and says which Open vSwitch it has.
///
/// # Errors
/// [`BenchError::NotRoot`], or [`BenchError::Exec`] with the programs that are missing.
pub fn open_vswitch() -> Result<String, BenchError> {
    exec::require(PROGRAMS)?;
    if !rustix::process::geteuid().is_root() {
        return Err(BenchError::NotRoot);
    }
    let said = Tool::new("ovs-vswitchd", SLACK).argument("--version").run()?.stdout_text();
    Ok(version(&said))
}

/// `3.1.0` of `ovs-vswitchd (Open vSwitch) 3.1.0`, the first line.
fn version(said: &str) -> String {
    let first = said.lines().next().unwrap_or_default();
    first.rsplit(' ').next().unwrap_or_default().to_owned()
}

/// Carries out one run: this program again, as the first process of its namespaces. If this one ends, in whatever way, so does that, and with it all it
/// has started (prctl(2), PR_SET_PDEATHSIG; pid_namespaces(7)). Only the main thread may call it: the promise is bound to the thread that forks.
///
/// # Errors
/// [`BenchError`]: from the machine, or what the run says.
pub fn start(bed: &Bed) -> Result<Measurement, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("the program that runs"))?;
    let order = serde_json::to_vec(bed).map_err(|error| answer(error.to_string()))?;
    let finished = Tool::new("setpriv", SLACK + Duration::from_secs(bed.deadline_seconds))
        .arguments(["--pdeathsig", "KILL", "--", "unshare"])
        .arguments(["--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"])
        .argument(&program)
        .argument(CASE_VERB)
        .stdin(order)
        .run();
    let finished = match finished {
        Err(ExecError::Interrupted { .. }) => return Err(BenchError::Interrupted),
        Err(other) => return Err(other.into()),
        Ok(finished) => finished,
    };
    match serde_json::from_slice(&finished.stdout) {
        Ok(Answer::Measured(measurement)) => Ok(*measurement),
        Ok(Answer::Failed(said)) => Err(BenchError::Case {
            case: format!("{} hosts, {}", bed.conditions.hosts, bed.conditions.fabric),
            said,
        }),
        Err(error) => Err(answer(error.to_string())),
    }
}

fn answer(why: String) -> BenchError {
    BenchError::Answer {
        what: "the run's answer".to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version("ovs-vswitchd (Open vSwitch) 3.1.0\n"), "3.1.0");
        assert_eq!(version(""), "");
    }
}
