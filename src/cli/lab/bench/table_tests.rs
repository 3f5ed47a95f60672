use super::*;
use crate::lab::bench::{Fault, Load, Outages};

fn conditions() -> Conditions {
    Conditions {
        hosts: 4,
        survivors: 3,
        fabric: "rstp".to_owned(),
        topology: "full".to_owned(),
        links: 6,
        timers: Some(Timers::Planned),
        bfd_ms: Some(100),
        planned_bfd_ms: Some(100),
        pace_ms: 50,
        fault: Fault::RootDown,
        fault_in_words: "host1, the root, loses its power".to_owned(),
    }
}

fn run(whole_after_ms: Option<u64>) -> Measurement {
    Measurement {
        ready_seconds: 6.1,
        lost_before: 0,
        sent_before: 480,
        duplicates_before: 0,
        outages: Outages {
            pairs: 6,
            pairs_cut_off: 4,
            pairs_never_whole: usize::from(whole_after_ms.is_none()),
            whole_after_ms,
            last_lost_after_ms: whole_after_ms.map_or(120_000, |after| after.saturating_sub(50)),
            longest_ms: 350,
            median_ms: 300,
            sent: 900,
            lost: 12,
            duplicates: 0,
        },
        quiet_frames_per_second: 0.0,
        most_frames_per_second: 120.0,
        sent_per_second: 120.0,
        false_alarms_before: 0,
        false_alarms_after: 0,
        watched: 12,
        load: Load {
            processors: 2,
            busy_percent: 12.4,
            own_percent: 9.8,
            stolen_percent: 0.0,
        },
        prober_late_ms: 3,
    }
}

fn found() -> Found {
    let direct = Conditions {
        hosts: 50,
        survivors: 49,
        fabric: "direct".to_owned(),
        links: 1225,
        timers: None,
        bfd_ms: Some(1000),
        pace_ms: 1000,
        fault_in_words: "host1 loses its power".to_owned(),
        ..conditions()
    };
    let default = Conditions {
        timers: Some(Timers::Default),
        ..conditions()
    };
    let mut bad = run(Some(4200));
    (
        bad.false_alarms_before,
        bad.lost_before,
        bad.most_frames_per_second,
        bad.prober_late_ms,
    ) = (3, 7, 40_000.0, 900);
    bad.outages.duplicates = 2100;
    let case = |conditions, runs: Vec<Measurement>| Case {
        failed: runs.is_empty().then(|| "it is too much for this machine".to_owned()),
        conditions,
        runs,
    };
    Found {
        version: 1,
        open_vswitch: "3.1.0".to_owned(),
        cases: vec![
            case(conditions(), vec![run(Some(410)), run(Some(360)), run(Some(1900))]),
            case(default, vec![bad, run(None)]),
            case(direct.clone(), vec![run(Some(0))]),
            case(direct, vec![]),
        ],
    }
}

#[test]
fn a_table() {
    insta::assert_snapshot!(text(&found()));
}

#[test]
fn the_same_for_programs() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&found()).unwrap());
}

#[test]
fn figures_and_how_far_they_are_apart() {
    let of = |figures: &[Option<u64>]| spread(figures.to_vec(), |figure| figure.to_string());
    assert_eq!(of(&[Some(7)]), "7");
    assert_eq!(of(&[Some(7), Some(7)]), "7");
    assert_eq!(of(&[Some(9), Some(5), Some(7)]), "7 (5 to 9)");
    assert_eq!(of(&[None, Some(5)]), "5 (5 to never)");
    assert_eq!(of(&[None]), "never");
}
