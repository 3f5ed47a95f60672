//! Impairments, on sockets: what arrives is what the settings say, frame by frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{A, B, EVERYBODY, SOON, Station, frame, three};
use crate::lab::frame::{FRAME_MAX, Frame};
use crate::lab::switch::delay::Timetable;
use crate::lab::switch::impairment::{Fate, Impairment, REORDER_HOLD};
use crate::lab::switch::random::Stream;
use crate::lab::switch::{PairCount, Switch};
use crate::wait::{Look, until};

/// Settings from JSON, as a request has them.
fn settings(json: &str) -> Impairment {
    serde_json::from_str(json).unwrap()
}

/// Fates of `count` frames from port 0 to port 1.
fn fates(impairment: Impairment, count: u64) -> Vec<Fate> {
    let stream = Stream::new(impairment.seed, 0, 1);
    (0..count).map(|number| impairment.fate(stream, number, 20)).collect()
}

/// Sends `count` numbered frames from port 0 to port 1, gives what arrives there, in its order, and the counters at the end.
fn send(impairment: Impairment, count: u64) -> (Vec<u64>, PairCount) {
    let switch = Switch::new(2);
    let [mut a, mut b] = [0, 1].map(|port| Station::plug(&switch, port));
    switch.set_impairment(0, 1, Some(impairment));
    let expected: usize = fates(impairment, count).iter().map(arrivals).sum();
    let wire: Vec<u8> = (0..count).flat_map(|number| frame(A, B, &format!("{number:06}"))).collect();
    let sender = std::thread::spawn(move || {
        std::io::Write::write_all(&mut a.0, &wire).unwrap();
        a
    });
    let heard = (0..expected).map(|_| b.hears().parse().unwrap()).collect();
    b.hears_nothing();
    sender.join().unwrap();
    (heard, switch.count(0, 1))
}

fn arrivals(fate: &Fate) -> usize {
    match fate {
        Fate::Passes { duplicate, .. } => 1 + usize::from(duplicate.is_some()),
        Fate::Lost | Fate::TooLong => 0,
    }
}

#[test]
fn the_same_seed_loses_the_same_frames() {
    let impairment = settings(r#"{"loss-percent":20,"seed":7}"#);
    let (first, count) = send(impairment, 10_000);
    let (second, again) = send(impairment, 10_000);
    assert_eq!(first, second);
    assert_eq!((count.dropped_by_loss, count.frames), (again.dropped_by_loss, again.frames));
    // Binomial, sigma 40: four of them.
    assert!((1840..=2160).contains(&count.dropped_by_loss), "{count:?}");
    assert_eq!(count.dropped_by_loss + count.frames, 10_000);
    assert_eq!(count.impairment, Some(impairment));
    let expected: Vec<u64> = (0..)
        .zip(fates(impairment, 10_000))
        .filter(|(_, fate)| *fate != Fate::Lost)
        .map(|(number, _)| number)
        .collect();
    assert_eq!(first, expected);
}

#[test]
fn another_seed_and_the_other_direction_lose_others() {
    let impairment = settings(r#"{"loss-percent":50,"seed":7}"#);
    let lost = |seed, from, to| -> Vec<bool> {
        let stream = Stream::new(seed, from, to);
        (0..100).map(|number| impairment.fate(stream, number, 20) == Fate::Lost).collect()
    };
    let all = [lost(7, 0, 1), lost(8, 0, 1), lost(7, 1, 0), lost(7, 0, 2)];
    for (number, some) in all.iter().enumerate() {
        assert!(all[number + 1..].iter().all(|others| others != some));
    }
}

/// What is lost stays the same when something else is set too, so a run can be varied in one thing alone.
#[test]
fn one_setting_does_not_change_what_another_does() {
    let alone = fates(settings(r#"{"loss-percent":20,"seed":7}"#), 1000);
    let with_others = fates(
        settings(r#"{"loss-percent":20,"delay-seconds":0.02,"jitter-seconds":0.01,"duplicate-percent":5,"reorder-percent":5,"seed":7}"#),
        1000,
    );
    let lost = |fates: &[Fate]| -> Vec<bool> { fates.iter().map(|fate| *fate == Fate::Lost).collect() };
    assert_eq!(lost(&alone), lost(&with_others));
}

#[test]
fn chance_starts_anew_with_each_setting_and_ends_with_it() {
    let (switch, mut a, mut b, _c) = three();
    let impairment = settings(r#"{"loss-percent":50,"seed":3}"#);
    let expected: Vec<u64> = (0..)
        .zip(fates(impairment, 20))
        .filter(|(_, fate)| *fate != Fate::Lost)
        .map(|(number, _)| number)
        .collect();
    for _ in 0..2 {
        switch.set_impairment(0, 1, Some(impairment));
        for number in 0..20 {
            a.send(A, B, &number.to_string());
        }
        let heard: Vec<u64> = expected.iter().map(|_| b.hears().parse().unwrap()).collect();
        assert_eq!(heard, expected);
        // All are through before the settings change.
        until("all frames", SOON, Duration::from_millis(5), || {
            let count = switch.count(0, 1);
            if (count.frames + count.dropped_by_loss) % 20 == 0 {
                Look::Ready(())
            } else {
                Look::Pending(format!("{count:?}"))
            }
        })
        .unwrap();
    }
    // The default harms nothing, and is shown as nothing.
    switch.set_impairment(0, 1, Some(Impairment::default()));
    assert_eq!(switch.count(0, 1).impairment, None);
    for number in 0..20 {
        a.send(A, B, &number.to_string());
        assert_eq!(b.hears(), number.to_string());
    }
}

#[test]
fn one_direction_is_impaired_and_no_other() {
    let (switch, mut a, mut b, mut c) = three();
    switch.set_impairment(0, 1, Some(settings(r#"{"loss-percent":100,"seed":1}"#)));
    a.send(A, EVERYBODY, "to all");
    assert_eq!(c.hears(), "to all");
    b.hears_nothing();
    b.send(B, A, "back");
    assert_eq!(a.hears(), "back");
    assert_eq!((switch.count(0, 1).dropped_by_loss, switch.count(0, 2).dropped_by_loss), (1, 0));
}

#[test]
fn frames_above_the_limit_are_dropped_and_counted() {
    let (switch, mut a, mut b, _c) = three();
    switch.set_impairment(0, 1, Some(settings(r#"{"max-frame-bytes":1400,"seed":1}"#)));
    let longest = "x".repeat(1400 - 14);
    a.send(A, B, &(longest.clone() + "x"));
    a.send(A, B, &longest);
    assert_eq!(b.hears(), longest);
    let count = switch.count(0, 1);
    assert_eq!((count.frames, count.bytes, count.dropped_by_frame_limit), (1, 1400, 1));
}

#[test]
fn duplicates_come_right_behind_their_originals() {
    let impairment = settings(r#"{"duplicate-percent":10,"seed":5}"#);
    let (heard, count) = send(impairment, 1000);
    let expected: Vec<u64> = (0..)
        .zip(fates(impairment, 1000))
        .flat_map(|(number, fate)| vec![number; arrivals(&fate)])
        .collect();
    assert_eq!(heard, expected);
    assert_eq!((count.frames, count.duplicated), (heard.len() as u64, heard.len() as u64 - 1000));
    assert!((60..=140).contains(&count.duplicated), "{count:?}");
}

#[test]
fn a_delay_keeps_the_order() {
    let delay = Duration::from_millis(60);
    let started = Instant::now();
    let (heard, count) = send(settings(r#"{"delay-seconds":0.06,"seed":1}"#), 3000);
    assert!(started.elapsed() >= delay);
    assert_eq!(heard, (0..3000).collect::<Vec<_>>());
    assert_eq!(count.frames, 3000);
}

#[test]
fn jitter_changes_the_order_and_loses_nothing() {
    let impairment = settings(r#"{"delay-seconds":0.02,"jitter-seconds":0.02,"seed":2}"#);
    let (mut heard, _) = send(impairment, 1000);
    assert!(!heard.is_sorted());
    heard.sort_unstable();
    assert_eq!(heard, (0..1000).collect::<Vec<_>>());
    let delays: Vec<Duration> = fates(impairment, 1000)
        .into_iter()
        .map(|fate| match fate {
            Fate::Passes { delay, .. } => delay,
            Fate::Lost | Fate::TooLong => panic!("{fate:?}"),
        })
        .collect();
    // From 0 to 40 ms, evenly.
    assert!(delays.iter().all(|delay| *delay <= Duration::from_millis(40)));
    let early = delays.iter().filter(|delay| **delay < Duration::from_millis(10)).count();
    assert!((190..=310).contains(&early), "{early}");
}

#[test]
fn jitter_above_the_delay_ends_at_none() {
    let delays = fates(settings(r#"{"jitter-seconds":0.02,"seed":2}"#), 1000);
    let none = delays
        .iter()
        .filter(|fate| matches!(fate, Fate::Passes { delay: Duration::ZERO, .. }))
        .count();
    assert!((420..=580).contains(&none), "{none}");
}

#[test]
fn reordered_frames_are_overtaken_and_the_others_keep_their_order() {
    let impairment = settings(r#"{"reorder-percent":5,"seed":4}"#);
    let held = |number: u64| {
        matches!(
            fates(impairment, 1000)[number as usize],
            Fate::Passes {
                reordered: true,
                delay: REORDER_HOLD,
                ..
            }
        )
    };
    let (heard, count) = send(impairment, 1000);
    assert!(!heard.is_sorted());
    let held: Vec<u64> = (0..1000).filter(|number| held(*number)).collect();
    assert_eq!(count.reordered, held.len() as u64);
    assert!((20..=80).contains(&held.len()));
    let others: Vec<u64> = heard.iter().copied().filter(|number| !held.contains(number)).collect();
    assert!(others.is_sorted() && others.len() + held.len() == 1000);
}

#[test]
fn a_cut_hits_what_is_under_way() {
    let (switch, mut a, mut b, mut c) = three();
    switch.set_impairment(0, 1, Some(settings(r#"{"delay-seconds":0.2,"seed":1}"#)));
    a.send(A, EVERYBODY, "under way");
    // Port 2 gets it behind port 1.
    assert_eq!(c.hears(), "under way");
    switch.set_cut(0, 1, true);
    until("the drop", SOON, Duration::from_millis(5), || {
        match switch.count(0, 1).dropped_by_cut {
            1 => Look::Ready(()),
            count => Look::Pending(count.to_string()),
        }
    })
    .unwrap();
    b.hears_nothing();
}

#[test]
fn the_thread_that_delays_ends_with_the_switch() {
    let (switch, mut a, mut b, _c) = three();
    switch.set_impairment(0, 1, Some(settings(r#"{"delay-seconds":0.001,"seed":1}"#)));
    a.send(A, B, "late");
    assert_eq!(b.hears(), "late");
    let line = Arc::downgrade(&switch.0.delay);
    drop((switch, a, b, _c));
    until("the end of the thread", SOON, Duration::from_millis(5), || {
        match line.strong_count() {
            0 => Look::Ready(()),
            count => Look::Pending(count.to_string()),
        }
    })
    .unwrap();
}

fn some_frame(text: &str) -> Arc<Frame> {
    Arc::new(Frame::read(&mut frame(A, B, text).as_slice()).unwrap().unwrap())
}

#[test]
fn the_timetable_gives_the_first_due_first_and_equals_in_their_order() {
    let mut table = Timetable::default();
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    for (text, due) in [("c", 30), ("a", 10), ("d", 30), ("b", 20), ("e", 30)] {
        assert!(table.push(0, 1, some_frame(text), at(due)));
    }
    assert_eq!(table.next_due(), Some(at(10)));
    let mut due = |now| -> String {
        let popped = std::iter::from_fn(|| table.pop(at(now)));
        popped.map(|delayed| char::from(delayed.frame.bytes()[14])).collect()
    };
    assert_eq!([due(9), due(25), due(29), due(30), due(99)], ["", "ab", "", "cde", ""]);
}

#[test]
fn what_is_under_way_is_bounded_by_pair_and_in_all() {
    let mut table = Timetable::default();
    let now = Instant::now();
    let longest = some_frame(&"x".repeat(FRAME_MAX - 14));
    let mut fill = |from| (0..1000).take_while(|_| table.push(from, 9, Arc::clone(&longest), now)).count();
    // 32 MiB for each, 128 MiB for all.
    assert_eq!([0, 1, 2, 3, 4].map(&mut fill), [480, 480, 480, 480, 3]);
    // One leaves, one has room.
    assert_eq!(table.pop(now).unwrap().from, 0);
    assert!(table.push(0, 9, Arc::clone(&longest), now) && !table.push(0, 9, Arc::clone(&longest), now));
}

#[test]
fn settings_out_of_range_are_refused() {
    for json in [
        r#"{"loss-percent":101,"seed":1}"#,
        r#"{"loss-percent":-1,"seed":1}"#,
        r#"{"delay-seconds":61,"seed":1}"#,
        r#"{"delay-seconds":-1,"seed":1}"#,
        r#"{"speed":1,"seed":1}"#,
        r#"{"loss-percent":1}"#,
    ] {
        assert!(serde_json::from_str::<Impairment>(json).is_err(), "{json}");
    }
    let all = r#"{"delay-seconds":0.02,"jitter-seconds":0.005,"loss-percent":20.0,"duplicate-percent":1.0,"reorder-percent":5.0,"max-frame-bytes":1400,"seed":7}"#;
    assert_eq!(serde_json::to_string(&settings(all)).unwrap(), all);
}
