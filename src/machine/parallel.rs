//! The same work on many machines at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Machine;
use crate::spec::HostName;

/// How many machines are worked on at a time: enough to hide the latency of ssh, few enough for the descriptors of a shell's ulimit.
const AT_A_TIME: usize = 16;

/// Does `work` on every machine, several at a time, and returns what came of it by host.
pub fn on_each<T: Send>(machines: &[&dyn Machine], work: impl Fn(&dyn Machine) -> T + Sync) -> BTreeMap<HostName, T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(machines.len()) {
            scope.spawn(|| {
                while let Some(machine) = machines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(*machine);
                    results
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(machine.name().clone(), result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}
