//! Faults of links: what the underlay does to the tunnels.

use std::time::{Duration, Instant};

use super::measure::{container, containers, outage_of, pass, wait_until_steady};
use super::tree::{InUse, SETTLE_DEADLINE, link_in_use, look, settled};
use crate::lab::session::Session;
use crate::lab::{Lab, LabError, LabStatus};
use crate::machine::report::Scenario;
use crate::plan::promise;
use crate::spec::HostName;
use crate::wait::{Look, until};

/// Hellos go every 2 s, and pings all the time: what a cut drops shows at once.
const CAUSED_DEADLINE: Duration = Duration::from_secs(10);
const CAUSED_INTERVAL: Duration = Duration::from_millis(100);

/// The link in use is cut, both ways, and healed when the outage is over.
pub(super) fn link_down(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let tried = in_use(session)?;
    let [a, b] = &tried.link.hosts;
    scenario.what = format!("{} between {a} and {b} is cut, both ways", tried.link.name);
    measured_cut(session, scenario, &tried, Cut::BothWays)
}

/// Only what goes from the first host of the link in use to the second is lost.
pub(super) fn half_link(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let tried = in_use(session)?;
    let [a, b] = &tried.link.hosts;
    scenario.what = format!("{} is cut from {a} to {b} only", tried.link.name);
    measured_cut(session, scenario, &tried, Cut::OneWay)
}

/// A link that was down comes back.
pub(super) fn link_back(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let tried = in_use(session)?;
    let [a, b] = &tried.link.hosts;
    scenario.what = format!("{} between {a} and {b} comes back", tried.link.name);
    let containers = containers(session);
    let before = session.lab.status()?;
    Cut::BothWays.make(&session.lab, &tried)?;
    if !tried.replaceable {
        // Nothing gets through while it is down, so there is no outage by its return.
        until_caused(session, &scenario.name, &before, &tried, Cut::BothWays)?;
        return heal(session);
    }
    let (source, target) = (container(&containers, a)?, container(&containers, b)?);
    wait_until_steady(session, a, &source, target.address)?;
    until_caused(session, &scenario.name, &before, &tried, Cut::BothWays)?;
    outage_of(session, scenario, &containers, [a, b], |session| heal(session))
}

/// How often a flapping link goes down, and how long it stays down and up.
const FLAPS: u32 = 10;
const FLAP_HALF: Duration = Duration::from_secs(1);

/// The link in use goes down and up again, ten times in 20 s.
pub(super) fn flapping_link(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let tried = in_use(session)?;
    let [a, b] = &tried.link.hosts;
    let both = FLAP_HALF.as_secs() * 2 * u64::from(FLAPS);
    scenario.what = format!("{} between {a} and {b} goes down and up {FLAPS} times in {both} s", tried.link.name);
    let containers = containers(session);
    let fault = scenario.name.clone();
    outage_of(session, scenario, &containers, [a, b], |session| {
        let begun = Instant::now();
        for flap in 0..FLAPS {
            let before = session.lab.status()?;
            Cut::BothWays.make(&session.lab, &tried)?;
            pass(session, begun + FLAP_HALF * (2 * flap + 1))?;
            if let Some(why) = Cut::BothWays.missing(&before, &session.lab.status()?, &tried.link.hosts) {
                let why = format!("at the {}. time {why}", flap + 1);
                return Err(LabError::NotHappened { fault, why });
            }
            session.lab.heal()?;
            pass(session, begun + FLAP_HALF * (2 * flap + 2))?;
        }
        Ok(())
    })?;
    settled(session, SETTLE_DEADLINE)
}

/// Lets everything through again and waits until the mesh is as planned.
fn heal(session: &Session<'_>) -> Result<(), LabError> {
    session.lab.heal()?;
    settled(session, SETTLE_DEADLINE)
}

/// The link to be tried.
pub(super) fn in_use(session: &Session<'_>) -> Result<InUse, LabError> {
    link_in_use(session.plan, &look(session)).ok_or(LabError::NoLinkInUse)
}

/// Which directions of a link are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    BothWays,
    /// From the link's first host to its second.
    OneWay,
}

impl Cut {
    fn make(self, lab: &Lab, tried: &InUse) -> Result<(), LabError> {
        let [a, b] = tried.link.hosts.each_ref().map(HostName::as_str);
        match self {
            Self::BothWays => lab.cut(a, b),
            Self::OneWay => lab.cut_one_way(a, b),
        }
    }

    /// Why the cut was not one, as far as the switch tells: a link that is healthy, or whose other direction is cut too, proves nothing.
    fn missing(self, before: &LabStatus, after: &LabStatus, [a, b]: &[HostName; 2]) -> Option<String> {
        let more = |from, to| dropped(after, from, to).saturating_sub(dropped(before, from, to));
        match (self, more(a, b), more(b, a)) {
            (Self::BothWays, 0, 0) => Some(format!("the switch has dropped nothing between {a} and {b}")),
            (Self::OneWay, 0, _) => Some(format!("the switch has dropped nothing from {a} to {b}")),
            (Self::OneWay, _, 1..) => Some(format!("the switch has dropped frames from {b} to {a} too")),
            _ => None,
        }
    }
}

/// Frames that a cut has kept from one host to another since power-on.
fn dropped(status: &LabStatus, from: &HostName, to: &HostName) -> u64 {
    let pairs = status.traffic.iter();
    let found = pairs.filter(|pair| pair.from == from.as_str() && pair.to == to.as_str());
    found.map(|pair| pair.dropped_by_cut).sum()
}

/// Cuts the link, measures what that costs the containers at its ends, and heals it.
fn measured_cut(session: &mut Session<'_>, scenario: &mut Scenario, tried: &InUse, cut: Cut) -> Result<(), LabError> {
    let containers = containers(session);
    let before = session.lab.status()?;
    if tried.replaceable {
        scenario.limit_seconds = promise::link_loss(session.plan);
    } else {
        scenario.what += "; the mesh has no other path, so it is healed before pings are answered again";
    }
    let [a, b] = &tried.link.hosts;
    let name = scenario.name.clone();
    outage_of(session, scenario, &containers, [a, b], |session| {
        cut.make(&session.lab, tried)?;
        if tried.replaceable {
            return Ok(());
        }
        until_caused(session, &name, &before, tried, cut)?;
        session.lab.heal()
    })?;
    if tried.replaceable {
        until_caused(session, &name, &before, tried, cut)?;
    }
    heal(session)
}

/// Waits until the switch has dropped something by the cut that was made: a fault that was not caused shows nothing.
fn until_caused(session: &Session<'_>, fault: &str, before: &LabStatus, tried: &InUse, cut: Cut) -> Result<(), LabError> {
    let looked = until("frames that the cut drops", CAUSED_DEADLINE, CAUSED_INTERVAL, || {
        let missing = session.lab.status().map(|after| cut.missing(before, &after, &tried.link.hosts));
        match missing {
            Ok(None) => Look::Ready(()),
            Ok(Some(why)) => Look::Pending(why),
            Err(error) => Look::Gone(error.to_string()),
        }
    });
    looked.map_err(|error| LabError::NotHappened {
        fault: fault.to_owned(),
        why: error.to_string(),
    })
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
