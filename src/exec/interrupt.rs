//! Ctrl-C and SIGTERM as something that every wait notices.
//!
//! The first signal is remembered and makes every wait of this process return; the second ends the process at once, as if no
//! handler were there.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

struct Signals {
    seen: Arc<AtomicBool>,
    /// Becomes readable at the first signal and stays so: it is never read.
    pipe: UnixStream,
}

static SIGNALS: OnceLock<Signals> = OnceLock::new();

/// How many [`Shield`]s there are.
static SHIELDS: AtomicUsize = AtomicUsize::new(0);

/// As long as it lives, waits of this process go on as if the first signal had not come: for clean-up on machines, which has to happen just
/// then. A second signal ends the process all the same.
#[derive(Debug)]
pub struct Shield(());

/// Begins such a time. Only what has a deadline of its own may be done in it.
pub fn shield() -> Shield {
    SHIELDS.fetch_add(1, Ordering::SeqCst);
    Shield(())
}

impl Drop for Shield {
    fn drop(&mut self) {
        SHIELDS.fetch_sub(1, Ordering::SeqCst);
    }
}

fn shielded() -> bool {
    SHIELDS.load(Ordering::SeqCst) > 0
}

/// Starts to listen for SIGINT, SIGTERM and SIGHUP; later calls change nothing.
///
/// # Errors
/// When no descriptor is left for the pipe that wakes the waits.
pub fn install() -> io::Result<()> {
    if SIGNALS.get().is_some() {
        return Ok(());
    }
    let seen = Arc::new(AtomicBool::new(false));
    let (pipe, writer) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // The order matters: the flag is still false when the first signal asks whether to end the process.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
        signal_hook::flag::register(signal, Arc::clone(&seen))?;
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    let _ = SIGNALS.set(Signals { seen, pipe });
    Ok(())
}

/// Makes a write beyond the size that files may have (RLIMIT_FSIZE) an error of that write, instead of the end of the process by
/// SIGXFSZ: only so can what was begun be removed and the reason told. Programs that are started have the default again.
///
/// # Errors
/// When the kernel takes no handler.
pub fn survive_size_limit() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Whether a signal asked this process to end, and no [`Shield`] says that this can wait.
pub fn requested() -> bool {
    !shielded() && SIGNALS.get().is_some_and(|signals| signals.seen.load(Ordering::SeqCst))
}

/// Waits until `descriptor` is readable, a signal came, or `timeout` passed; true if the descriptor is readable.
pub fn wait_readable(descriptor: Option<&dyn std::os::fd::AsFd>, timeout: Duration) -> bool {
    let mut descriptors = Vec::with_capacity(2);
    if let Some(descriptor) = descriptor {
        descriptors.push(PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN));
    }
    // It stays readable after the first signal: nobody would wait for anything any more.
    if let Some(signals) = SIGNALS.get().filter(|_| !shielded()) {
        descriptors.push(PollFd::new(&signals.pipe, PollFlags::IN));
    }
    let timeout = Timespec {
        tv_sec: timeout.as_secs().min(86_400) as i64,
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    // EINTR is one of the outcomes the caller has to expect: it looks again.
    let _ = rustix::event::poll(&mut descriptors, Some(&timeout));
    descriptor.is_some() && descriptors.first().is_some_and(|first| !first.revents().is_empty())
}

/// Waits for `timeout` or a signal, whichever comes first.
pub fn pause(timeout: Duration) {
    wait_readable(None, timeout);
}
