//! A process that was started, and its group.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use super::{ExecError, interrupt};

/// How long a group may take to end after SIGTERM before SIGKILL.
const TERM_PATIENCE: Duration = Duration::from_secs(5);

/// A started process. Dropping it ends its whole process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command_line: String,
    ended: Option<ExitStatus>,
    released: bool,
}

impl Running {
    pub(super) fn new(child: Child, command_line: String) -> Self {
        Self {
            child,
            command_line,
            ended: None,
            released: false,
        }
    }

    /// Its process id, which is its group's too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`ExecError::Deadline`] or [`ExecError::Interrupted`]; it then still runs.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus, ExecError> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if interrupt::requested() {
                return Err(ExecError::Interrupted {
                    command_line: self.command_line.clone(),
                });
            }
            let left = deadline.saturating_sub(started.elapsed());
            if left.is_zero() {
                let command_line = self.command_line.clone();
                return Err(ExecError::Deadline {
                    command_line,
                    deadline,
                    stderr_tail: String::new(),
                });
            }
            self.pause_until_end(left);
        }
    }

    /// Waits for its end, or until `deadline`, even if a signal asked us to end: for what cleans up after an interruption.
    pub fn wait_uninterrupted(mut self, deadline: Duration) {
        let started = Instant::now();
        while self.ended().is_none() && started.elapsed() < deadline {
            self.wait_briefly();
        }
    }

    /// Returns when the process has ended, a signal came for us, or `timeout` passed.
    fn pause_until_end(&self, timeout: Duration) {
        let descriptor = self
            .pid()
            .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        match &descriptor {
            Some(descriptor) => {
                interrupt::wait_readable(Some(descriptor), timeout);
            }
            // Without pidfds (a kernel before 5.3) look ten times a second.
            None => interrupt::pause(timeout.min(Duration::from_millis(100))),
        }
    }

    /// Waits for its end for at most `patience`, even after Ctrl-C: for clean-up, which has to happen just then.
    pub fn wait_undisturbed(&mut self, patience: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        // A signal for us must not cut this short, so no interruptible wait: pidfd alone.
        while self.ended().is_none() && started.elapsed() < patience {
            self.wait_briefly();
        }
        self.ended
    }

    /// Ends the group: SIGTERM, then SIGKILL for what is left after five seconds.
    pub fn stop(&mut self) {
        if self.ended().is_some() {
            // The leader has been reaped, so its id may be another's by now: signal nobody.
            return;
        }
        self.signal(Signal::TERM);
        self.wait_undisturbed(TERM_PATIENCE);
        self.signal(Signal::KILL);
        self.ended = self.child.wait().ok();
    }

    /// Ends the group at once with SIGKILL.
    pub fn kill(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::KILL);
        self.ended = self.child.wait().ok();
    }

    /// Lets it go on after us.
    pub fn release(mut self) {
        self.released = true;
    }

    fn wait_briefly(&self) {
        use rustix::event::{PollFd, PollFlags, Timespec};
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        let descriptor = self
            .pid()
            .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        let mut descriptors: Vec<PollFd<'_>> = descriptor.iter().map(|descriptor| PollFd::new(descriptor, PollFlags::IN)).collect();
        let _ = rustix::event::poll(&mut descriptors, Some(&timeout));
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // Once, and not to both: a second SIGTERM means "at once" to a program of ours.
            if rustix::process::kill_process_group(pid, signal).is_err() {
                // ESRCH: one that makes its own session has no group until it has done so, or nobody is left.
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.released {
            self.stop();
        }
    }
}
