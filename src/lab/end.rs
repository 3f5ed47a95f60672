//! The end of a lab: every step is tried, and what counts is that nothing is left.

use std::fs::File;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::control::{ControlError, ENDED_KINDS, Request, ask};
use super::error::LabError;
use super::run::Held;
use super::state::{LabFolder, StateError};
use crate::wait::{Look, WaitError, until};

/// Killing guests takes some milliseconds each.
const END_DEADLINE: Duration = Duration::from_secs(20);

/// How often to look.
const SOON: Duration = Duration::from_millis(50);

/// Ends the supervisor, then what it may have left, then the folder.
pub(super) fn end(folder: &LabFolder, held: Option<Held>) -> Result<(), LabError> {
    let mut faults = Vec::new();
    match ask(folder, &Request::Stop) {
        Ok(_) | Err(ControlError::NotUp { .. }) => {}
        // It may be gone before its answer is sent; what counts is looked at below.
        Err(ControlError::Io(error)) if ENDED_KINDS.contains(&error.kind()) => {}
        Err(error) => faults.push(error.to_string()),
    }
    if let Some(mut held) = held {
        held.stop();
    }
    // It holds the lock until it has ended.
    let lock = until("the end of the lab's supervisor", END_DEADLINE, SOON, || match lock(folder) {
        Ok(lock) => Look::Ready(lock),
        Err(error @ StateError::Busy { .. }) => Look::Pending(error.to_string()),
        Err(error) => Look::Gone(error.to_string()),
    });
    match lock {
        Ok(lock) => {
            faults.extend(kill_leftovers(folder).err().map(|error| error.to_string()));
            faults.extend(remove(folder).err().map(|error| error.to_string()));
            faults.extend(folder.remove_lock(&lock).err().map(|error| error.to_string()));
        }
        Err(error) => faults.push(error.to_string()),
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(LabError::NotEnded {
        cluster: folder.cluster().to_owned(),
        faults,
    })
}

/// Removes the folder. A program that a killed `up` had started there, as it makes the disks, may write one more file meanwhile.
fn remove(folder: &LabFolder) -> Result<(), WaitError> {
    until("the removal of the lab's folder", END_DEADLINE, SOON, || match folder.remove() {
        Ok(()) => Look::Ready(()),
        Err(StateError::Io { path, source }) if source.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            Look::Pending(format!("{}: something still writes there", path.display()))
        }
        Err(error) => Look::Gone(error.to_string()),
    })
}

/// How long a child of ours may take from fork(2), with all our descriptors, to execve(2), without them.
const FORK_DEADLINE: Duration = Duration::from_secs(2);

/// The lab's lock. A killed supervisor's guests may have inherited it before the kernel was told to end them with it: they are ended. A
/// lock that this process took and let go of may live on for a moment in a child that another thread is starting: it is waited for.
///
/// # Errors
/// Those of [`LabFolder::lock`].
pub(super) fn lock(folder: &LabFolder) -> Result<File, StateError> {
    match folder.lock() {
        Err(StateError::Busy { process, .. }) if process == std::process::id().to_string() => {
            let mut found = folder.lock();
            // Its result is `found`.
            let _ = until("the lab's lock", FORK_DEADLINE, SOON, || {
                if matches!(found, Err(StateError::Busy { .. })) {
                    found = folder.lock();
                }
                match &found {
                    Err(error @ StateError::Busy { .. }) => Look::Pending(error.to_string()),
                    _ => Look::Ready(()),
                }
            });
            found
        }
        Err(StateError::Busy { process, .. }) if !is_alive(&process) && kill_leftovers(folder).is_ok() => folder.lock(),
        other => other,
    }
}

/// Whether there is such a process, not ended yet (proc_pid_stat(5)). One that has not written its id yet counts as one.
fn is_alive(process: &str) -> bool {
    match std::fs::read_to_string(format!("/proc/{process}/stat")) {
        Ok(stat) => !stat.contains(") Z"),
        Err(_) => process.is_empty(),
    }
}

/// Ends guests whose supervisor died without them.
pub(super) fn kill_leftovers(folder: &LabFolder) -> Result<(), WaitError> {
    for process in folder.processes() {
        if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
            // ESRCH: it was faster.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
    until("the end of left-over guests", END_DEADLINE, SOON, || match folder.processes() {
        left if left.is_empty() => Look::Ready(()),
        left => Look::Pending(format!("processes {left:?}")),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_folder_in_which_something_still_writes_is_removed_once_it_has_ended() {
        let state = tempfile::tempdir().unwrap();
        let folder = LabFolder::new(state.path(), "demo");
        let first = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::fs::create_dir_all(folder.path()).unwrap();
                for number in 0..2_000 {
                    // Fails once the folder is gone.
                    let _ = std::fs::write(folder.path().join(number.to_string()), "late");
                    first.store(true, Ordering::SeqCst);
                }
            });
            while !first.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            remove(&folder).unwrap();
        });
        assert!(!folder.path().exists());
    }
}
