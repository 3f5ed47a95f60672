//! A clock that jumps.

use std::time::{Duration, Instant};

use super::measure::{machine, pass};
use super::steps::{Own, UNTOUCHED_SECONDS, ask, not_happened, outages_around, undone, unnoticed};
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::Machine;
use crate::machine::report::Scenario;

/// Where the clock is put, seconds from the right time. What counted by it would time out at the first, and at the second not go on.
const JUMPS: [i64; 2] = [24 * 3600, -3600];

/// How long the clock stays there, while pings are counted: longer than BFD's 0.3 s and the spanning tree's three hellos of 2 s.
const STAY: Duration = Duration::from_secs(8);

/// How wrong the clock may be afterwards, centiseconds. ssh to an emulated host takes a second; the script does not count that.
const TOLERANCE: i64 = 100;

/// The clock less the time since the boot, centiseconds: it changes when the clock is set, and does not otherwise.
const BASE: &str = "echo $(( $(date +%s%N) / 10000000 - $(cut -d ' ' -f 1 /proc/uptime | tr -d .) ))";

/// Sets the clock so that [`BASE`] gives `base`.
fn set(base: i64) -> String {
    format!(
        "now=$(( {base} + $(cut -d ' ' -f 1 /proc/uptime | tr -d .) ))\n\
         date --set \"@$((now / 100)).$(printf %02d $((now % 100)))\" >/dev/null\n{BASE}"
    )
}

/// Puts the clock of the root's host a day ahead, then an hour back, then right. BFD and the spanning tree must not notice.
pub(super) fn clock_jump(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let victim = session.plan.head().clone();
    scenario.what = format!(
        "the clock of {} goes a day ahead, then an hour back",
        session.plan.head_as_subject()
    );
    scenario.limit_seconds = Some(UNTOUCHED_SECONDS);
    let right = base(machine(session, &victim)?)?;
    let own = undone(
        session,
        |session| {
            outages_around(session, scenario, &victim, Own::Stay, |session| {
                for seconds in JUMPS {
                    jump(machine(session, &victim)?, right, seconds)?;
                    pass(session, Instant::now() + STAY)?;
                }
                // Back within the measurement: this is a jump too.
                jump(machine(session, &victim)?, right, 0)
            })
        },
        |session| put_right(machine(session, &victim)?, right),
    )?;
    unnoticed("clock-jump", &victim, own.as_ref())
}

fn base(machine: &dyn Machine) -> Result<i64, LabError> {
    number(machine, &ask(machine, BASE)?)
}

fn number(machine: &dyn Machine, answer: &str) -> Result<i64, LabError> {
    answer
        .parse()
        .map_err(|_| not_happened("clock-jump", machine.name(), &format!("its clock says {answer:?}")))
}

fn jump(machine: &dyn Machine, right: i64, seconds: i64) -> Result<(), LabError> {
    let wanted = right + seconds * 100;
    let now = number(machine, &ask(machine, &set(wanted))?)?;
    if (now - wanted).abs() <= TOLERANCE {
        return Ok(());
    }
    Err(not_happened(
        "clock-jump",
        machine.name(),
        &format!("its clock is {:.2} s from where it was put", (now - wanted) as f64 / 100.0),
    ))
}

fn put_right(machine: &dyn Machine, right: i64) -> Result<(), LabError> {
    jump(machine, right, 0).map_err(|error| LabError::NotUndone {
        what: "the wrong clock",
        host: machine.name().clone(),
        why: error.to_string(),
        help: "date --set, or reboot",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::Scripted;

    #[test]
    fn the_script_sets_and_reads_the_same_clock() {
        let sh = |script: &str| {
            let tool = crate::exec::Tool::new("sh", Duration::from_secs(10)).arguments(["-eu", "-c", script]);
            tool.run().unwrap().stdout_text()
        };
        let (one, other): (i64, i64) = (sh(BASE).trim().parse().unwrap(), sh(BASE).trim().parse().unwrap());
        assert!((one - other).abs() <= 5, "{one} {other}");
        // The clock itself stays as it is.
        let dry = set(one + 100 * 3600).replace("date --set", "echo").replace(">/dev/null", "");
        let said = sh(&dry);
        let wanted: f64 = said.lines().next().unwrap().trim_start_matches('@').parse().unwrap();
        let now: f64 = sh("date +%s.%N").trim().parse().unwrap();
        assert!((wanted - now - 3600.0).abs() < 5.0, "{said} {now}");
    }

    #[test]
    fn a_clock_that_did_not_jump_is_no_scenario() {
        let stubborn = Scripted::new("host1", |_| Ok("1000\n".into()));
        assert_eq!(
            jump(&stubborn, 1000, 60).unwrap_err().to_string(),
            "clock-jump did not happen: host1: its clock is -60.00 s from where it was put"
        );
        jump(&stubborn, 990, 0).unwrap();
        assert!(jump(&Scripted::new("host1", |_| Ok("date: no".into())), 0, 0).is_err());
        let error = put_right(&stubborn, 5000).unwrap_err().to_string();
        assert!(
            error.starts_with("the wrong clock on host1: ") && error.ends_with("date --set, or reboot"),
            "{error}"
        );
    }
}
