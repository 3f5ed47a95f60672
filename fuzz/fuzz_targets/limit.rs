//! The limit of time that every input has.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Runs `work`, which may take a second. It is a second of processor, the same on a machine that is busy and for a process that is
/// stopped and continued; libFuzzer's own limit, of the clock on the wall, is for what never ends.
pub fn within_a_second(work: impl FnOnce()) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("it counts from 0");
    let started = now();
    work();
    let took = now() - started;
    assert!(took < Duration::from_secs(1), "{took:?}");
}
