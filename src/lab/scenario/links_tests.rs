//! Tests of [`super`].

use super::*;
use crate::lab::switch::PairCount;
use crate::lab::{Accelerator, Traffic};

/// A lab whose switch has dropped `there` frames from host1 to host2 and `back` the other way, and many elsewhere.
fn status(there: u64, back: u64) -> LabStatus {
    let pair = |from: &str, to: &str, dropped_by_cut| {
        let count = PairCount {
            cut: true,
            dropped_by_cut,
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
            pair("host1", "host3", 99),
        ],
    }
}

fn missing(cut: Cut, before: (u64, u64), after: (u64, u64)) -> Option<String> {
    let hosts = ["host1", "host2"].map(|name| name.parse().unwrap());
    cut.missing(&status(before.0, before.1), &status(after.0, after.1), &hosts)
}

#[test]
fn a_cut_that_drops_nothing_is_none() {
    assert_eq!(missing(Cut::BothWays, (5, 5), (6, 5)), None);
    assert_eq!(missing(Cut::BothWays, (5, 5), (5, 6)), None);
    // What was dropped by an earlier cut does not count.
    let said = missing(Cut::BothWays, (5, 5), (5, 5)).unwrap();
    assert_eq!(said, "the switch has dropped nothing between host1 and host2");
}

#[test]
fn a_cut_in_one_direction_is_told_from_others() {
    assert_eq!(missing(Cut::OneWay, (0, 0), (7, 0)), None);
    let said = missing(Cut::OneWay, (0, 3), (0, 9)).unwrap();
    assert_eq!(said, "the switch has dropped nothing from host1 to host2");
    let said = missing(Cut::OneWay, (0, 3), (7, 9)).unwrap();
    assert_eq!(said, "the switch has dropped frames from host2 to host1 too");
}
