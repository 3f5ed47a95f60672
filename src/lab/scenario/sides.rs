//! A mesh that falls apart into two sides, and comes together.

use std::time::Duration;

use super::measure::{containers, outage_of};
use super::tree::{SETTLE_DEADLINE, settled};
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::probe::container::Containers;
use crate::machine::probe::{self, Subject, Verdict};
use crate::machine::report::Scenario;
use crate::plan::{Plan, promise};
use crate::spec::HostName;
use crate::wait::{Look, until};

/// Which hosts still see each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sides {
    /// With the planned root.
    with_root: Vec<HostName>,
    without: Vec<HostName>,
}

impl Sides {
    /// Two halves, in the order of the file; the one with the root is the smaller, if one is.
    fn of(plan: &Plan) -> Self {
        let root = plan.head();
        let others = plan.hosts.iter().map(|host| &host.name).filter(|name| *name != root);
        let mut with_root: Vec<HostName> = std::iter::once(root).chain(others).cloned().collect();
        let without = with_root.split_off(plan.hosts.len() / 2);
        Self { with_root, without }
    }

    /// Two hosts that stay connected: on the side that has to find a root, if it has two.
    fn inside(&self) -> Option<[&HostName; 2]> {
        [&self.without, &self.with_root].into_iter().find_map(|side| match &side[..] {
            [one, other, ..] => Some([one, other]),
            _ => None,
        })
    }

    fn cut(&self, session: &Session<'_>) -> Result<(), LabError> {
        for one in &self.with_root {
            for other in &self.without {
                session.lab.cut(one.as_str(), other.as_str())?;
            }
        }
        Ok(())
    }

    /// What is not as it should be between two sides: inside a side all containers reach each other, across none.
    fn wrong(&self, verdicts: &[Verdict]) -> Option<String> {
        let (mut wrong, mut across) = (Vec::new(), 0);
        for verdict in verdicts {
            let Subject::Pair { from, to } = &verdict.subject else { continue };
            let apart = self.with_root.contains(from) != self.with_root.contains(to);
            across += usize::from(apart);
            match (apart, verdict.is_red()) {
                (true, false) => wrong.push(format!("{from} reaches {to} on the other side")),
                (false, true) => wrong.push(format!("{from} does not reach {to} on its own side: {}", verdict.summary)),
                _ => {}
            }
        }
        if across == 0 {
            wrong.push("nothing was tried across".to_owned());
        }
        (!wrong.is_empty()).then(|| wrong.join("\n"))
    }

    /// Waits until the sides are apart, and each in itself is whole.
    fn wait_until_apart(&self, session: &Session<'_>, fault: &str, containers: &Containers) -> Result<(), LabError> {
        let apart = until("two sides", SETTLE_DEADLINE, Duration::from_secs(1), || {
            match self.wrong(&probe::container_ping(session.plan, &session.all(), containers)) {
                None => Look::Ready(()),
                Some(why) => Look::Pending(why),
            }
        });
        apart.map_err(|error| LabError::NotHappened {
            fault: fault.to_owned(),
            why: error.to_string(),
        })
    }

    fn text(&self) -> String {
        let list = |side: &[HostName]| side.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ");
        format!("{} | {}", list(&self.with_root), list(&self.without))
    }
}

/// Half of the hosts lose the other half.
pub(super) fn partition(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let sides = Sides::of(session.plan);
    scenario.what = format!("cut in two: {}", sides.text());
    let containers = containers(session);
    match sides.inside() {
        Some(inside) => {
            scenario.limit_seconds = promise::root_loss(session.plan, sides.without.len());
            outage_of(session, scenario, &containers, inside, |session| sides.cut(session))?;
        }
        // One host a side: there are no two that stay connected.
        None => sides.cut(session)?,
    }
    sides.wait_until_apart(session, &scenario.name, &containers)?;
    session.lab.heal()?;
    settled(session, SETTLE_DEADLINE)
}

/// Two halves that were apart come together.
pub(super) fn merge(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let sides = Sides::of(session.plan);
    scenario.what = format!("together again: {}", sides.text());
    let containers = containers(session);
    sides.cut(session)?;
    sides.wait_until_apart(session, &scenario.name, &containers)?;
    let heal = |session: &Session<'_>| {
        session.lab.heal()?;
        settled(session, SETTLE_DEADLINE)
    };
    match sides.inside() {
        Some(inside) => outage_of(session, scenario, &containers, inside, |session| heal(session)),
        None => heal(session),
    }
}

#[cfg(test)]
#[path = "sides_tests.rs"]
mod tests;
