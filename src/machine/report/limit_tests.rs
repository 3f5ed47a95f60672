//! When an outage is too long.

use super::*;
use crate::machine::probe::{Probe, Subject};

fn scenario(limit_seconds: Option<f64>, received: u64, outage_seconds: f64) -> Scenario {
    Scenario {
        outage: Some(Outage {
            received,
            ..tests::outage(outage_seconds)
        }),
        limit_seconds,
        ..tests::scenario(vec![Verdict::green(Probe::LoopFree, Subject::Cluster, "fine")])
    }
}

#[test]
fn nothing_may_be_lost_where_the_limit_is_0() {
    let complaint = |received, late| scenario(Some(0.0), received, late).complaint();
    assert_eq!(complaint(200, 0.08), None);
    assert_eq!(complaint(199, 0.05).as_deref(), Some("1 of 200 pings were lost, and none may be"));
    assert_eq!(
        complaint(200, 0.7).as_deref(),
        Some("a ping was answered 0.70 s late, and none may be lost")
    );
    assert_eq!(scenario(Some(0.0), 200, 0.0).limit().as_deref(), Some("no ping may be lost"));
}

#[test]
fn a_limit_is_for_the_longest_outage() {
    assert_eq!(scenario(Some(0.4), 190, 0.4).complaint(), None);
    assert_eq!(
        scenario(Some(0.4), 190, 0.41).complaint().as_deref(),
        Some("the outage was 0.41 s, the limit is 0.40 s")
    );
    assert_eq!(scenario(None, 0, 90.0).complaint(), None);
    assert_eq!(scenario(Some(0.4), 190, 0.4).limit().as_deref(), Some("limit 0.40 s"));
    let unmeasured = Scenario {
        outage: None,
        ..scenario(Some(0.4), 190, 0.4)
    };
    assert_eq!(unmeasured.complaint().as_deref(), Some("the outage was not measured"));
}
