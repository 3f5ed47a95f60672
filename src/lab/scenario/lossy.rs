//! A link that is neither whole nor dead.

use std::time::Duration;

use super::links::in_use;
use super::measure::{containers, outage_of};
use super::tree::{SETTLE_DEADLINE, settled};
use crate::lab::session::Session;
use crate::lab::switch::impairment::Impairment;
use crate::lab::units::Percent;
use crate::lab::{LabError, LabStatus, Pairs};
use crate::machine::report::Scenario;
use crate::spec::HostName;
use crate::wait::{Look, until};

/// The share that is lost, in each direction.
const LOSS_PERCENT: f64 = 20.0;

/// Frames that must have been lost in each direction: with BFD ten of a hundred and more go every second, so it lasts long enough for
/// BFD to have missed three in a row more than once.
const LOST_MIN: u64 = 60;

/// Without BFD there are pings alone in one direction, and a blocked link carries a hello every 2 s.
const LOST_DEADLINE: Duration = Duration::from_secs(90);

/// The link in use loses frames in both directions, for as long as it takes to lose many.
pub(super) fn lossy_link(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let tried = in_use(session)?;
    let [a, b] = &tried.link.hosts;
    scenario.what = format!("{} between {a} and {b} loses {LOSS_PERCENT} % both ways", tried.link.name);
    let containers = containers(session);
    let before = session.lab.status()?;
    let fault = scenario.name.clone();
    let impairment = Impairment {
        loss: Percent::try_from(LOSS_PERCENT).unwrap_or(Percent::NONE),
        ..Impairment::default()
    };
    let pairs = || Pairs::between(a.as_str(), b.as_str());
    outage_of(session, scenario, &containers, [a, b], |session| {
        session.lab.impair(pairs(), impairment)?;
        let lost = until(
            "frames that the link loses",
            LOST_DEADLINE,
            Duration::from_millis(500),
            || match session.lab.status() {
                Ok(after) => missing(&before, &after, [a, b]).map_or(Look::Ready(()), Look::Pending),
                Err(error) => Look::Gone(error.to_string()),
            },
        );
        session.lab.impair(pairs(), Impairment::default())?;
        lost.map_err(|error| LabError::NotHappened {
            fault,
            why: error.to_string(),
        })
    })?;
    settled(session, SETTLE_DEADLINE)
}

/// Why the link was not lossy, as far as the switch tells: too little was lost to show anything, or nothing got through.
fn missing(before: &LabStatus, after: &LabStatus, [a, b]: [&HostName; 2]) -> Option<String> {
    for (from, to) in [(a, b), (b, a)] {
        let more = |count: fn(&crate::lab::Traffic) -> u64| total(after, from, to, count).saturating_sub(total(before, from, to, count));
        let (lost, arrived) = (more(|pair| pair.dropped_by_loss), more(|pair| pair.frames));
        if lost < LOST_MIN {
            return Some(format!("{lost} of at least {LOST_MIN} frames were lost from {from} to {to}"));
        }
        if arrived < lost {
            return Some(format!("{lost} frames were lost from {from} to {to}, and only {arrived} arrived"));
        }
    }
    None
}

fn total(status: &LabStatus, from: &HostName, to: &HostName, count: fn(&crate::lab::Traffic) -> u64) -> u64 {
    let pairs = status.traffic.iter();
    pairs
        .filter(|pair| pair.from == from.as_str() && pair.to == to.as_str())
        .map(count)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Accelerator;
    use crate::lab::Traffic;
    use crate::lab::switch::PairCount;

    /// A lab whose switch has lost and handed on so many frames from host1 to host2, and the other way.
    fn status(there: [u64; 2], back: [u64; 2]) -> LabStatus {
        let pair = |from: &str, to: &str, [dropped_by_loss, frames]: [u64; 2]| {
            let count = PairCount {
                dropped_by_loss,
                frames,
                ..PairCount::default()
            };
            Traffic::new(from.to_owned(), to.to_owned(), count)
        };
        LabStatus {
            cluster: "demo".to_owned(),
            process: 1,
            detached: false,
            accelerator: Accelerator::Tcg,
            hosts: Vec::new(),
            traffic: vec![
                pair("host1", "host2", there),
                pair("host2", "host1", back),
                pair("host1", "host3", [999, 999]),
            ],
        }
    }

    fn said(there: [u64; 2], back: [u64; 2]) -> Option<String> {
        let [a, b] = ["host1", "host2"].map(|name| name.parse().unwrap());
        missing(&status([100, 400], [100, 400]), &status(there, back), [&a, &b])
    }

    #[test]
    fn a_link_that_loses_a_fifth_both_ways_is_lossy() {
        assert_eq!(said([160, 640], [160, 640]), None);
    }

    #[test]
    fn a_link_that_loses_nothing_in_one_direction_or_all_is_not() {
        let one_way = said([160, 640], [100, 640]).unwrap();
        assert_eq!(one_way, "0 of at least 60 frames were lost from host2 to host1");
        let dead = said([160, 400], [160, 640]).unwrap();
        assert_eq!(dead, "60 frames were lost from host1 to host2, and only 0 arrived");
    }
}
