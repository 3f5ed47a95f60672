//! The same work on many machines at once.

use std::collections::BTreeMap;

use super::Machine;
use crate::parallel;
use crate::spec::HostName;

/// How many machines are worked on at a time: enough to hide the latency of ssh, few enough for the descriptors of a shell's ulimit.
const AT_A_TIME: usize = 16;

/// Does `work` on every machine, several at a time, and returns what came of it by host.
pub fn on_each<T: Send>(machines: &[&dyn Machine], work: impl Fn(&dyn Machine) -> T + Sync) -> BTreeMap<HostName, T> {
    let results = parallel::each(machines, AT_A_TIME, |machine| work(*machine));
    machines.iter().map(|machine| machine.name().clone()).zip(results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::{self, Scripted};

    #[test]
    fn each_of_many_machines_is_called_once() {
        let scripted: Vec<Scripted> = (1..=40)
            .map(|number| Scripted::new(&format!("host{number}"), |_| Ok(String::new())))
            .collect();
        let results = on_each(&sample::machines(&scripted), |machine| {
            machine.run("", std::time::Duration::ZERO).is_ok()
        });
        assert_eq!(results.len(), 40);
        assert!(results.values().all(|ok| *ok) && scripted.iter().all(|machine| machine.calls() == 1));
        assert!(on_each(&[], |_| ()).is_empty());
    }

    #[test]
    fn machines_do_not_wait_for_each_other() {
        // Each waits until the other has begun: one after the other this would never end.
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(2));
        let scripted = ["host1", "host2"].map(|name| {
            let barrier = std::sync::Arc::clone(&barrier);
            Scripted::new(name, move |_| {
                barrier.wait();
                Ok(String::new())
            })
        });
        assert_eq!(
            on_each(&sample::machines(&scripted), |machine| machine
                .run("", std::time::Duration::ZERO)
                .is_ok())
            .len(),
            2
        );
    }
}
