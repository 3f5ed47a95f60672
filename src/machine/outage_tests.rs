//! Tests of [`super`].

use proptest::prelude::*;

use super::*;
use crate::machine::sample::Scripted;

/// A log with replies (`true`) and missing replies (`false`) every 50 ms.
fn log(answers: &[bool]) -> String {
    let line = |(index, answered): (usize, &bool)| {
        let (sequence, sent) = (index + 1, 1000.0 + 0.05 * index as f64);
        match answered {
            true => format!("[{sent:.6}] 64 bytes from 172.17.128.0: icmp_seq={sequence} ttl=64 time=1.00 ms\n"),
            false => format!("[{:.6}] no answer yet for icmp_seq={sequence}\n", sent + 0.05),
        }
    };
    answers.iter().enumerate().map(line).collect()
}

fn read(answers: &[bool]) -> Outage {
    outage(&log(answers), INTERVAL)
}

fn near(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() < 0.001
}

#[test]
fn without_a_loss_there_is_no_outage() {
    let outage = read(&[true; 20]);
    assert!(
        near(outage.longest_gap_seconds, 0.05) && near(outage.outage_seconds, 0.0),
        "{outage:?}"
    );
    assert_eq!(
        (outage.sent, outage.received, outage.duplicates, outage.at_least),
        (20, 20, 0, None)
    );
}

#[test]
fn the_first_request_has_a_time_whether_it_was_answered_or_not() {
    let began = |log: &str| began_at(log, INTERVAL);
    assert!(began(&log(&[true; 3])).is_some_and(|began| near(began, 1000.0)));
    assert!(began(&log(&[false, false, true])).is_some_and(|began| near(began, 1000.0)));
    assert_eq!(began("PING 172.17.128.0\n"), None);
}

#[test]
fn the_longest_gap_less_the_interval_counts() {
    let answers = [vec![true; 10], vec![false; 2], vec![true; 10], vec![false; 6], vec![true; 10]].concat();
    let outage = read(&answers);
    assert!(
        near(outage.longest_gap_seconds, 0.35) && near(outage.outage_seconds, 0.3),
        "{outage:?}"
    );
    assert_eq!((outage.sent, outage.received, outage.at_least), (38, 30, None));
}

#[test]
fn a_gap_without_end_is_a_lower_bound() {
    let outage = read(&[vec![true; 10], vec![false; 20]].concat());
    assert_eq!(outage.at_least.as_deref(), Some("there was no reply after it"));
    assert!(near(outage.longest_gap_seconds, 1.05), "{outage:?}");
}

#[test]
fn a_gap_without_beginning_is_a_lower_bound() {
    let outage = read(&[vec![false; 20], vec![true; 10]].concat());
    assert_eq!(outage.at_least.as_deref(), Some("there was no reply before it"));
    assert!(near(outage.longest_gap_seconds, 1.0), "{outage:?}");
}

#[test]
fn the_last_request_may_be_without_reply_when_ping_is_stopped() {
    let outage = read(&[vec![true; 10], vec![false; 5], vec![true; 10], vec![false]].concat());
    assert_eq!(outage.at_least, None);
    assert!(near(outage.outage_seconds, 0.25), "{outage:?}");
}

#[test]
fn no_reply_at_all_lasts_as_long_as_the_log() {
    let outage = read(&[false; 40]);
    assert_eq!(outage.at_least.as_deref(), Some("there was no reply at all"));
    assert!(near(outage.longest_gap_seconds, 2.0), "{outage:?}");
    assert_eq!((outage.sent, outage.received), (40, 0));
    for empty in ["", "ping: connect: Network is unreachable\n"] {
        let outage = super::outage(empty, INTERVAL);
        assert_eq!(outage.at_least.as_deref(), Some("the log has no ping"));
        assert_eq!(outage.received, 0);
    }
}

#[test]
fn duplicates_are_counted_once_each_and_do_not_count_as_received() {
    let text = log(&[true; 3]) + "[1000.110000] 64 bytes from 172.17.128.0: icmp_seq=3 ttl=64 time=9 ms (DUP!)\n";
    let outage = outage(&text, INTERVAL);
    assert_eq!((outage.received, outage.duplicates), (3, 1));
}

#[test]
fn unreachable_is_no_reply() {
    let text = log(&[true; 3]) + "[1000.200000] From 172.17.64.0 icmp_seq=4 Destination Host Unreachable\n";
    let text = text + "[1001.100000] 64 bytes from 172.17.128.0: icmp_seq=23 ttl=64 time=1 ms\n";
    let outage = outage(&text, INTERVAL);
    assert!(near(outage.longest_gap_seconds, 1.0), "{outage:?}");
    assert_eq!((outage.sent, outage.received), (23, 4));
}

/// The peer's interface was down for 1.3 s; what was waiting for ARP was sent late and answered then.
#[test]
fn a_real_log() {
    let outage = outage(include_str!("fixtures/outage.log"), INTERVAL);
    insta::assert_snapshot!(serde_json::to_string_pretty(&outage).unwrap(), @r#"
    {
      "sent": 61,
      "received": 61,
      "duplicates": 0,
      "longest-gap-seconds": 2.112,
      "outage-seconds": 2.062,
      "at-least": null,
      "timeline": {
        "length-seconds": 4.773,
        "fault-at-seconds": null,
        "lost": [
          [
            1.961,
            4.073
          ]
        ]
      }
    }
    "#);
}

#[test]
fn the_ping_is_started_in_the_container_and_bounded() {
    let container = ProbeContainer {
        pid: 901,
        address: Ipv4Addr::new(172, 17, 64, 0),
    };
    let machine = Scripted::new("host1", |_| Ok("4711 /tmp/tmp.a1B2\n".into()));
    let ping = start(&machine, &container, Ipv4Addr::new(172, 17, 128, 0), Duration::from_secs(300)).unwrap();
    assert_eq!(ping.pid, 4711);
    let script = machine.last_script();
    assert!(
        script.contains("nsenter -t 901 -n ping -D -n -O -i 0.05 -c 6000 172.17.128.0"),
        "{script}"
    );
    // With a deadline it would end at the first neighbour that does not answer, in the middle of an outage.
    assert!(!script.contains(" -w "), "{script}");
    stop(&machine, &ping).unwrap();
    assert!(machine.last_script().contains("rm -rf /tmp/tmp.a1B2\n"));
}

#[test]
fn an_answer_that_is_no_process_is_an_error_and_never_a_script() {
    let container = ProbeContainer {
        pid: 901,
        address: Ipv4Addr::LOCALHOST,
    };
    for answer in ["", "1", "x /tmp/a", "7 /tmp/a;reboot", "7 relative"] {
        let machine = Scripted::new("host1", move |_| Ok(answer.into()));
        start(&machine, &container, Ipv4Addr::LOCALHOST, Duration::from_secs(1)).unwrap_err();
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(text in ".{0,200}", number in "[0-9.]{0,30}") {
        outage(&text, INTERVAL);
        let line = format!("[{number}] 64 bytes from a: icmp_seq={number}\n[{number}] no answer yet for icmp_seq={number}");
        outage(&format!("{line}\n{text}\n{line}"), INTERVAL);
    }
}

#[test]
fn the_timeline_has_every_silence() {
    let answers = [vec![true; 10], vec![false; 4], vec![true; 10], vec![false; 6], vec![true; 10]].concat();
    let timeline = read(&answers).timeline;
    assert!(near(timeline.length_seconds, 1.95), "{timeline:?}");
    assert!(
        matches!(timeline.lost[..], [[a, b], [c, d]] if near(a, 0.45) && near(b, 0.7) && near(c, 1.15) && near(d, 1.5)),
        "{timeline:?}"
    );
    assert_eq!(read(&[true; 20]).timeline.lost, Vec::<[f64; 2]>::new());
    assert!(near(read(&[false; 20]).timeline.lost[0][0], 0.0));
}
