//! Pings from every host to every other: one script per host.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::machine::facts::{Sections, sections_of};
use crate::machine::ping::{self, Order, Pings};
use crate::machine::{Machine, on_each, ssh};
use crate::spec::HostName;

/// All pings of a host run at once; each is tried three times at most, with a limit of 20 s each time.
const DEADLINE: Duration = Duration::from_secs(90);

/// What each host said, or why it said nothing.
pub struct Answers(BTreeMap<HostName, Result<Sections, String>>);

/// Runs the orders of each host on its machine. A machine without orders is not called.
pub fn run(machines: &[&dyn Machine], orders: impl Fn(&HostName) -> Vec<Order> + Sync) -> Answers {
    Answers(on_each(machines, |machine| {
        let orders = orders(machine.name());
        if orders.is_empty() {
            return Ok(Sections::default());
        }
        match machine.run(&ping::script(&orders), DEADLINE) {
            Ok(finished) => Ok(sections_of(&finished.stdout_text())),
            Err(error) => Err(ssh::last_words(&error)),
        }
    }))
}

impl Answers {
    /// The ping `name` of `host`.
    ///
    /// # Errors
    /// Why it did not run.
    pub fn get(&self, host: &HostName, name: &str) -> Result<Pings, String> {
        match self.0.get(host) {
            None => Err(format!("{host} is not running")),
            Some(Err(why)) => Err(format!("{host} was not reached: {why}")),
            Some(Ok(sections)) => Ok(ping::parse(
                &sections.get(name).map_err(|_| "the ping did not run".to_owned())?.output,
            )),
        }
    }
}
