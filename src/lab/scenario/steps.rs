//! What the faults of a host have in common: a word with the machine, measuring around it, and undoing.

use std::time::Duration;

use super::ground::Ground;
use super::measure::{COMMAND_DEADLINE, containers, outage_of, survivors};
use super::tree::{SETTLE_DEADLINE, settled};
use crate::exec::ExecError;
use crate::lab::LabError;
use crate::machine::Machine;
use crate::machine::outage::Outage;
use crate::machine::report::Scenario;
use crate::spec::HostName;
use crate::wait::{Look, until};

/// Prints the unit that brings the underlay up.
pub(super) const UNDERLAY_UNIT: &str =
    "if systemctl cat networking.service >/dev/null 2>&1; then echo networking.service; else echo systemd-networkd.service; fi";

/// Longest outage where nothing on the path is touched, seconds. It would be none but for an emulated processor that is busy with what
/// the fault has it do: BFD takes a host for dead that says nothing for 0.3 s, and then the host leaves the tree and joins it again
/// ([`crate::plan::promise::root_rejoin`], with the hello time of 2 s).
pub(super) const UNTOUCHED_SECONDS: f64 = 3.0;

/// How long a daemon may take to be there again: its own time limits are 60 s (cloud-init/openvswitch-daemon.conf).
pub(super) const COMEBACK_DEADLINE: Duration = Duration::from_secs(90);

/// That `fault` did not happen on `host`.
pub(super) fn not_happened(fault: &str, host: &HostName, why: &str) -> LabError {
    LabError::NotHappened {
        fault: fault.to_owned(),
        why: format!("{host}: {why}"),
    }
}

/// What `script` prints on `machine`, without blanks around it.
pub(super) fn ask(machine: &dyn Machine, script: &str) -> Result<String, ExecError> {
    Ok(machine.run(script, COMMAND_DEADLINE)?.stdout_text().trim().to_owned())
}

/// Waits until `script` prints on `machine` what `accept` takes; `accept` gives what is missing otherwise.
///
/// # Errors
/// [`LabError::Wait`] with what was missing last.
pub(super) fn wait_for(
    machine: &dyn Machine,
    what: &str,
    deadline: Duration,
    script: &str,
    accept: impl Fn(&str) -> Result<(), String>,
) -> Result<String, LabError> {
    let what = format!("{what} of {}", machine.name());
    Ok(until(&what, deadline, Duration::from_millis(500), || match ask(machine, script) {
        Ok(answer) => match accept(&answer) {
            Ok(()) => Look::Ready(answer),
            Err(missing) => Look::Pending(missing),
        },
        Err(error) => Look::Pending(error.to_string()),
    })?)
}

/// Does `work`, and `undo` whatever came of it.
///
/// # Errors
/// That of `work`, of `undo`, or [`LabError::Both`].
pub(super) fn undone<C, T>(
    context: &mut C,
    work: impl FnOnce(&mut C) -> Result<T, LabError>,
    undo: impl FnOnce(&mut C) -> Result<(), LabError>,
) -> Result<T, LabError> {
    let done = work(context);
    match (done, undo(context)) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        (Err(first), Err(then)) => Err(LabError::Both {
            first: Box::new(first),
            then: Box::new(then),
        }),
    }
}

/// Whether containers on the host of a fault are there before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Stay,
    /// The fault ends them.
    End,
}

/// Pings while `fault` is caused on `victim`: between two other hosts, whose path leads over the victim where that is the root, and, if
/// its own containers stay, from another host to the victim's. No ping starts on the victim: its ssh and its clock may be what fails.
///
/// The scenario gets the first pair, or the second where there is no first; the outage of the second is returned. Before it and after it the
/// mesh is as planned.
///
/// # Errors
/// Those of [`outage_of`] and of `fault`.
pub(super) fn outages_around<'a, G: Ground<'a>>(
    ground: &mut G,
    scenario: &mut Scenario,
    victim: &HostName,
    own: Own,
    fault: impl FnOnce(&mut G) -> Result<(), LabError>,
) -> Result<Option<Outage>, LabError> {
    settled(ground, SETTLE_DEADLINE)?;
    let own = pings_around(ground, scenario, victim, own, fault)?;
    settled(ground, SETTLE_DEADLINE)?;
    Ok(own)
}

/// The same for who sees to it himself that the mesh is as planned afterwards.
pub(super) fn pings_around<'a, G: Ground<'a>>(
    ground: &mut G,
    scenario: &mut Scenario,
    victim: &HostName,
    own: Own,
    fault: impl FnOnce(&mut G) -> Result<(), LabError>,
) -> Result<Option<Outage>, LabError> {
    let plan = ground.plan();
    let containers = containers(ground);
    match (&survivors(plan, &[victim])[..], own) {
        ([from, to, ..], Own::Stay) => {
            // The inner one ends first: both have their pings back when this returns.
            let mut inner = Scenario::new("");
            outage_of(ground, scenario, &containers, [from, to], |ground| {
                outage_of(ground, &mut inner, &containers, [from, victim], fault)
            })?;
            Ok(inner.outage)
        }
        ([from, to, ..], Own::End) => {
            outage_of(ground, scenario, &containers, [from, to], fault)?;
            Ok(None)
        }
        ([from], Own::Stay) => {
            outage_of(ground, scenario, &containers, [from, victim], fault)?;
            Ok(scenario.outage.clone())
        }
        // Nobody is left to ping.
        _ => {
            fault(ground)?;
            Ok(None)
        }
    }
}

/// What an operator sees of the victim's own containers.
pub(super) fn own_outage(victim: &HostName, own: Option<&Outage>, why: &str) -> Option<String> {
    let seconds = own?.outage_seconds;
    Some(format!("containers on {victim} itself were cut off for {seconds:.2} s: {why}"))
}

/// The victim's own containers must not have noticed `fault` either.
///
/// # Errors
/// [`LabError::Broken`] with how long they were cut off.
pub(super) fn unnoticed(fault: &'static str, victim: &HostName, own: Option<&Outage>) -> Result<(), LabError> {
    match own {
        Some(own) if own.outage_seconds > UNTOUCHED_SECONDS || own.at_least.is_some() => Err(LabError::Broken {
            fault,
            why: format!(
                "containers on {victim} were cut off for {:.2} s, and {UNTOUCHED_SECONDS} s is the limit",
                own.outage_seconds
            ),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::Scripted;

    #[test]
    fn containers_that_noticed_are_an_error() {
        let judge = |outage_seconds: f64, at_least: Option<&str>| {
            let outage = Outage {
                outage_seconds,
                at_least: at_least.map(str::to_owned),
                ..Outage::default()
            };
            unnoticed("clock-jump", &"host1".parse().unwrap(), Some(&outage)).map_err(|error| error.to_string())
        };
        assert_eq!(judge(0.1, None), Ok(()));
        assert!(judge(0.1, Some("there was no reply after it")).is_err());
        assert_eq!(
            judge(9.0, None).unwrap_err(),
            "after clock-jump: containers on host1 were cut off for 9.00 s, and 3 s is the limit"
        );
    }

    fn broken(why: &str) -> LabError {
        LabError::Broken {
            fault: "test",
            why: why.to_owned(),
        }
    }

    #[test]
    fn what_failed_is_undone_too_and_both_errors_are_told() {
        let mut undone_times = 0;
        let error = undone(
            &mut undone_times,
            |_| Err::<(), _>(broken("work")),
            |times| {
                *times += 1;
                Ok(())
            },
        );
        assert_eq!(error.unwrap_err().to_string(), "after test: work");
        assert_eq!(undone_times, 1);
        assert_eq!(undone(&mut (), |()| Ok(7), |()| Ok(())).unwrap(), 7);
        let error = undone(&mut (), |()| Err::<(), _>(broken("work")), |()| Err(broken("undo")));
        assert_eq!(error.unwrap_err().to_string(), "after test: work\nafter test: undo");
        let error = undone(&mut (), |()| Ok(()), |()| Err(broken("undo")));
        assert_eq!(error.unwrap_err().to_string(), "after test: undo");
    }

    #[test]
    fn a_wait_asks_until_the_answer_is_taken() {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let machine = Scripted::new("host1", move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Err("connection refused".into()),
            1 => Ok("7\n".into()),
            _ => Ok("8\n".into()),
        });
        let accept = |answer: &str| if answer == "8" { Ok(()) } else { Err(format!("still {answer}")) };
        assert_eq!(
            wait_for(&machine, "a new process", COMEBACK_DEADLINE, "cat pid", accept).unwrap(),
            "8"
        );
        assert_eq!(machine.calls(), 3);
    }
}
