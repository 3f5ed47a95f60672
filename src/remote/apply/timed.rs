//! One change of one host under its timer: begun, waited for, judged, and confirmed over a new connection.

use std::time::{Duration, Instant};

use super::carry::{self, CONFIRM, PROGRESS, SAID, UNDO_NOW};
use super::change::Refusal;
use super::confirm::ConfirmWithin;
use super::found::{self, Found};
use super::run::ApplyError;
use crate::exec::interrupt;
use crate::machine::{Machine, ssh};
use crate::plan::Plan;
use crate::remote::Remote;
use crate::spec::HostName;
use crate::ui::seconds;
use crate::wait::{self, Look, WaitError};

/// To send files, and to have the change begin.
const STAGE_DEADLINE: Duration = Duration::from_secs(90);

/// A word with a host.
pub const ASK_DEADLINE: Duration = Duration::from_secs(30);

/// Time between two looks.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// A host that is to change.
pub struct Timed<'a> {
    pub remote: &'a Remote<'a>,
    pub machine: &'a dyn Machine,
    pub within: ConfirmWithin,
    /// The hosts that are not touched if this goes wrong.
    pub left: &'a [HostName],
}

/// What is done there.
pub struct Step<'a> {
    /// What begins it, of [`carry`].
    pub script: &'a str,
    /// Seconds that it may take.
    pub limit: u32,
    /// In the words of a line: `changing`, and `as planned` at the end.
    pub doing: &'a str,
    pub done: &'a str,
}

impl Timed<'_> {
    fn host(&self) -> HostName {
        self.machine.name().clone()
    }

    /// The host did it, or has it done, and is as it was.
    pub fn taken_back(&self, why: String) -> ApplyError {
        ApplyError::TakenBack {
            host: self.host(),
            why,
            left: self.left.to_vec(),
        }
    }

    fn not_confirmed(&self, why: String) -> ApplyError {
        let (host, left) = (self.host(), self.left.to_vec());
        if interrupt::requested() {
            return ApplyError::Interrupted { host, left };
        }
        let within = self.within;
        ApplyError::NotConfirmed { host, within, why, left }
    }

    /// Takes `step`; `settled` waits for at most the time it is given until the host is as it is to be.
    ///
    /// # Errors
    /// [`ApplyError`]: the old state is back, or will be.
    pub fn take(&self, step: &Step<'_>, settled: impl FnOnce(Duration) -> Result<(), WaitError>) -> Result<(), ApplyError> {
        let (machine, host, started) = (self.machine, self.host(), Instant::now());
        self.remote.ui.line(&format!("{host}: {} ...", step.doing));
        if let Err(error) = machine.run(step.script, STAGE_DEADLINE) {
            return Err(self.not_confirmed(ssh::last_words(&error)));
        }
        match changed(machine, Duration::from_secs((step.limit + self.within.seconds()).into())) {
            Ok(()) => {}
            Err(Failed::Undone) => return Err(self.taken_back(said(machine))),
            Err(Failed::Wait(error)) => return Err(self.not_confirmed(error.to_string())),
        }
        if let Err(error) = settled(self.within.settle()) {
            if interrupt::requested() {
                return Err(self.not_confirmed(error.to_string()));
            }
            // What is wrong is known now; the timer would only take longer.
            return Err(match machine.run(UNDO_NOW, Duration::from_secs(carry::LIMIT_SECONDS.into())) {
                Ok(_) => self.taken_back(error.to_string()),
                Err(_) => self.not_confirmed(error.to_string()),
            });
        }
        // A connection from before the change says nothing of whether one can be made.
        self.remote.reconnect(&host);
        if let Err(error) = machine.run(CONFIRM, ASK_DEADLINE) {
            return Err(self.not_confirmed(ssh::last_words(&error)));
        }
        let (done, took) = (step.done, seconds(started.elapsed()));
        self.remote.ui.line(&format!("{host}: {done}, and confirmed, after {took}"));
        Ok(())
    }
}

/// Waits for at most `deadline` until `differing` finds nothing on the host any more.
///
/// # Errors
/// [`WaitError`] with what it has found last.
pub fn until_nothing_differs(
    plan: &Plan,
    machine: &dyn Machine,
    deadline: Duration,
    differing: impl Fn(&Found) -> Result<Vec<String>, Refusal>,
) -> Result<(), WaitError> {
    let host = machine.name();
    wait::until(&format!("{host} as it is to be"), deadline, INTERVAL, || {
        let found = match found::ask(plan, &[machine]).remove(host) {
            // A change that is under way is this one.
            Some(Ok(found)) => Found { pending: false, ..found },
            Some(Err(why)) => return Look::Pending(why),
            None => return Look::Gone("it is no host of the plan".to_owned()),
        };
        match differing(&found) {
            Ok(differ) if differ.is_empty() => Look::Ready(()),
            Ok(differ) => Look::Pending(differ.join("; ")),
            Err(why) => Look::Gone(why.to_string()),
        }
    })
}

enum Failed {
    Undone,
    Wait(WaitError),
}

/// Waits until the change is made; the way to the host may be away meanwhile.
fn changed(machine: &dyn Machine, deadline: Duration) -> Result<(), Failed> {
    let what = format!("the change of {}", machine.name());
    let made = wait::until(&what, deadline, INTERVAL, || match machine.run(PROGRESS, ASK_DEADLINE) {
        Ok(finished) => match finished.stdout_text().trim() {
            "done" => Look::Ready(true),
            // The unit that takes it back has been started, and may be at it still.
            "undone" | "failed" => Look::Ready(false),
            state => Look::Pending(format!("meshimg-apply.service is {state}")),
        },
        Err(error) => Look::Pending(ssh::last_words(&error)),
    });
    match made {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failed::Undone),
        Err(error) => Err(Failed::Wait(error)),
    }
}

/// Why the change was taken back, in the words of the host's units.
fn said(machine: &dyn Machine) -> String {
    match machine.run(SAID, ASK_DEADLINE) {
        Ok(finished) => format!("the host did that by itself; it said:\n{}\n", finished.stdout_text().trim_end()),
        Err(error) => format!(
            "the host did that by itself, and its log cannot be read: {}",
            ssh::last_words(&error)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::Scripted;

    #[test]
    fn a_change_is_waited_for_while_the_host_is_away_and_its_end_is_told() {
        let looks = std::sync::atomic::AtomicUsize::new(0);
        let machine = Scripted::new("host1", move |_| match looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Ok("activating\n".into()),
            1 => Err("Connection timed out".into()),
            _ => Ok("done\n".into()),
        });
        assert!(changed(&machine, Duration::from_secs(30)).is_ok());
        for answer in ["undone\n", "failed\n"] {
            let machine = Scripted::new("host1", move |_| Ok(answer.into()));
            assert!(matches!(changed(&machine, Duration::from_secs(30)), Err(Failed::Undone)));
        }
        let machine = Scripted::new("host1", |_| Err("Connection refused".into()));
        let Err(Failed::Wait(error)) = changed(&machine, Duration::from_millis(20)) else {
            panic!("it came to an end")
        };
        assert!(error.to_string().ends_with("last seen: Connection refused"), "{error}");
    }
}
