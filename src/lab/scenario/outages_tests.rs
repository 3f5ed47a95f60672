//! Tests of [`super`].

use super::*;
use crate::machine::outage::Outage;

fn scenario(what: &str, outage_seconds: f64) -> Scenario {
    let mut scenario = Scenario::new("host-down");
    scenario.what = what.to_owned();
    scenario.between = Some(["host2", "host3"].map(|name| name.parse().unwrap()));
    scenario.outage = Some(Outage {
        sent: 100,
        received: 93,
        outage_seconds,
        ..Outage::default()
    });
    scenario
}

#[test]
fn the_same_fault_makes_one_series_whose_middle_and_worst_were_measured() {
    let mut all = Vec::new();
    for seconds in [0.4, 0.2, 0.9, 0.3] {
        Series::add(&mut all, &scenario("frozen", seconds)).unwrap();
    }
    Series::add(&mut all, &scenario("killed", 2.0)).unwrap();
    let shown: Vec<(&str, f64, f64)> = all
        .iter()
        .map(|one| (one.what.as_str(), one.p50_seconds(), one.worst_seconds()))
        .collect();
    assert_eq!(shown, [("frozen", 0.3, 0.9), ("killed", 2.0, 2.0)]);
    assert_eq!(all[0].outage_seconds, [0.4, 0.2, 0.9, 0.3]);
    assert_eq!(all[0].lost, [7, 7, 7, 7]);
}

#[test]
fn an_outage_without_an_end_is_no_figure() {
    let mut endless = scenario("frozen", 180.0);
    endless.outage.as_mut().unwrap().at_least = Some("there was no reply after it".to_owned());
    let said = Series::add(&mut Vec::new(), &endless).unwrap_err().to_string();
    assert!(
        said.starts_with("host-down was not measured: there was no reply after it; of "),
        "{said}"
    );
    let mut nobody = scenario("frozen", 0.0);
    nobody.outage = None;
    Series::add(&mut Vec::new(), &nobody).unwrap_err();
}
