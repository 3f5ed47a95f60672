mod captures;
mod copies;
mod impairments;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::lab::frame::{FRAME_MAX, HEADER};
use crate::lab::switch::Switch;
use crate::wait::{Look, until};

const SOON: Duration = Duration::from_secs(10);

/// How long to listen for what must not come.
const SILENCE: Duration = Duration::from_millis(150);

const A: u8 = 0x10;
const B: u8 = 0x20;
const C: u8 = 0x30;
const EVERYBODY: u8 = 0xff;

fn address(station: u8) -> [u8; 6] {
    if station == EVERYBODY {
        [0xff; 6]
    } else {
        [2, 0, 0, 0, 0, station]
    }
}

fn frame(from: u8, to: u8, text: &str) -> Vec<u8> {
    let mut frame = [address(to), address(from)].concat();
    frame.extend([0x88, 0xb5]);
    frame.extend(text.as_bytes());
    let mut wire = (frame.len() as u32).to_be_bytes().to_vec();
    wire.extend(frame);
    wire
}

/// A guest's end of a port.
struct Station(UnixStream);

impl Station {
    fn plug(switch: &Switch, port: usize) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        switch.plug(port, theirs).unwrap();
        Self(ours)
    }

    fn send(&mut self, from: u8, to: u8, text: &str) {
        self.0.write_all(&frame(from, to, text)).unwrap();
    }

    fn hears(&mut self) -> String {
        self.0.set_read_timeout(Some(SOON)).unwrap();
        let mut header = [0; HEADER];
        self.0.read_exact(&mut header).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(header) as usize];
        self.0.read_exact(&mut frame).unwrap();
        String::from_utf8(frame[14..].to_vec()).unwrap()
    }

    fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let mut byte = [0];
        let error = self.0.read(&mut byte).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }

    /// Whether the switch hung up.
    fn is_unplugged(&mut self) -> bool {
        self.0.set_read_timeout(Some(SOON)).unwrap();
        matches!(self.0.read(&mut [0]), Ok(0)) || matches!(self.0.write(&[0]), Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// A switch with three stations; it knows the addresses of none.
fn three() -> (Switch, Station, Station, Station) {
    let switch = Switch::new(3);
    let stations = [0, 1, 2].map(|port| Station::plug(&switch, port));
    let [a, b, c] = stations;
    (switch, a, b, c)
}

#[test]
fn unknown_and_broadcast_frames_reach_all_but_the_sender() {
    let (_switch, mut a, mut b, mut c) = three();
    a.send(A, EVERYBODY, "who is there?");
    a.send(A, B, "anyone?");
    for station in [&mut b, &mut c] {
        assert_eq!(station.hears(), "who is there?");
        assert_eq!(station.hears(), "anyone?");
    }
    a.hears_nothing();
}

#[test]
fn known_addresses_get_their_frames_alone() {
    let (switch, mut a, mut b, mut c) = three();
    b.send(B, EVERYBODY, "here is b");
    assert_eq!((a.hears(), c.hears()), ("here is b".into(), "here is b".into()));
    a.send(A, B, "hello b");
    assert_eq!(b.hears(), "hello b");
    c.hears_nothing();
    assert_eq!(switch.count(0, 1).frames, 1);
    assert_eq!(switch.count(0, 1).bytes, 21);
    assert_eq!(switch.count(0, 2).frames, 0);
}

#[test]
fn an_address_that_moves_is_learned_anew() {
    let (_switch, mut a, mut b, mut c) = three();
    b.send(B, A, "at b");
    assert_eq!((a.hears(), c.hears()), ("at b".into(), "at b".into()));
    c.send(B, A, "at c now");
    assert_eq!((a.hears(), b.hears()), ("at c now".into(), "at c now".into()));
    a.send(A, B, "found you");
    assert_eq!(c.hears(), "found you");
    b.hears_nothing();
}

#[test]
fn a_cut_drops_one_direction_and_healing_ends_it() {
    let (switch, mut a, mut b, mut c) = three();
    switch.set_cut(0, 1, true);
    a.send(A, EVERYBODY, "one");
    assert_eq!(c.hears(), "one");
    b.hears_nothing();
    b.send(B, A, "the other way is open");
    assert_eq!(a.hears(), "the other way is open");
    assert_eq!((switch.count(0, 1).cut, switch.count(0, 1).dropped_by_cut), (true, 1));
    switch.set_cut(0, 1, false);
    a.send(A, B, "two");
    assert_eq!(b.hears(), "two");
}

fn set_all_cut(switch: &Switch, cut: bool) {
    for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        switch.set_cut(from, to, cut);
    }
}

#[test]
fn what_nothing_is_plugged_into_counts_nothing() {
    let switch = Switch::new(4);
    // The last port gets a frame when the others have been passed.
    let [mut a, mut b] = [0, 3].map(|port| Station::plug(&switch, port));
    switch.set_cut(0, 1, true);
    a.send(A, EVERYBODY, "who is there?");
    a.send(A, C, "unknown");
    assert_eq!((b.hears(), b.hears()), ("who is there?".into(), "unknown".into()));
    for port in [1, 2] {
        let count = switch.count(0, port);
        assert_eq!(
            (count.frames, count.bytes, count.dropped_by_cut, count.dropped_by_full_queue),
            (0, 0, 0, 0)
        );
    }
    // Plugged in while the lab runs, as an outsider is, it is a port like any other.
    let mut late = Station::plug(&switch, 2);
    a.send(A, EVERYBODY, "now?");
    assert_eq!((b.hears(), late.hears()), ("now?".into(), "now?".into()));
    late.send(C, A, "yes");
    assert_eq!(a.hears(), "yes");
    b.hears_nothing();
}

#[test]
fn with_all_cut_nobody_hears_anything() {
    let (switch, mut a, mut b, mut c) = three();
    set_all_cut(&switch, true);
    a.send(A, EVERYBODY, "a");
    b.send(B, A, "b");
    c.send(C, B, "c");
    [&mut a, &mut b, &mut c].into_iter().for_each(Station::hears_nothing);
    set_all_cut(&switch, false);
    a.send(A, EVERYBODY, "healed");
    assert_eq!((b.hears(), c.hears()), ("healed".into(), "healed".into()));
}

#[test]
fn lengths_that_no_frame_has_close_the_port_and_no_other() {
    for length in [0, 13, FRAME_MAX as u32 + 1, u32::MAX] {
        let (switch, mut a, mut b, mut c) = three();
        let mut wire = length.to_be_bytes().to_vec();
        wire.extend([0; 64]);
        a.0.write_all(&wire).unwrap();
        assert!(a.is_unplugged(), "{length}");
        let fault = until("the fault", SOON, Duration::from_millis(5), || match switch.fault_of(0) {
            Some(fault) if !switch.plugged(0) => Look::Ready(fault),
            seen => Look::Pending(format!("{seen:?}")),
        });
        assert_eq!(fault.unwrap(), format!("a frame of {length} bytes; 14 to 69632 are legal"));
        b.send(B, C, "we go on");
        assert_eq!(c.hears(), "we go on");
    }
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_a_fault() {
    let (switch, mut a, _b, _c) = three();
    a.0.write_all(&frame(A, B, "half of this is lost")[..20]).unwrap();
    drop(a);
    let fault = until("the fault", SOON, Duration::from_millis(5), || match switch.fault_of(0) {
        Some(fault) => Look::Ready(fault),
        None => Look::Pending("none".into()),
    });
    assert_eq!(fault.unwrap(), "the stream ended inside a frame");
}

#[test]
fn the_longest_frame_passes() {
    let (_switch, mut a, mut b, _c) = three();
    let text = "x".repeat(FRAME_MAX - 14);
    let sent = text.clone();
    let sender = std::thread::spawn(move || a.send(A, B, &sent));
    assert_eq!(b.hears(), text);
    sender.join().unwrap();
}

#[test]
fn a_station_that_comes_back_is_heard_again() {
    let (switch, mut a, b, mut c) = three();
    drop(b);
    until("b's leave", SOON, Duration::from_millis(5), || {
        if switch.plugged(1) {
            Look::Pending("plugged".into())
        } else {
            Look::Ready(())
        }
    })
    .unwrap();
    assert_eq!(switch.fault_of(1), None);
    a.send(A, B, "gone?");
    assert_eq!(c.hears(), "gone?");
    let mut b = Station::plug(&switch, 1);
    b.send(B, EVERYBODY, "back");
    assert_eq!((a.hears(), c.hears()), ("back".into(), "back".into()));
    a.send(A, B, "welcome");
    assert_eq!(b.hears(), "welcome");
}

#[test]
fn a_second_plug_takes_the_place_of_the_first() {
    let (switch, mut a, mut b, _c) = three();
    let mut second = Station::plug(&switch, 1);
    assert!(b.is_unplugged());
    a.send(A, EVERYBODY, "to the second");
    assert_eq!(second.hears(), "to the second");
    assert!(switch.plugged(1));
}

#[test]
fn a_station_that_does_not_listen_costs_frames_and_holds_up_nobody() {
    let (switch, mut a, b, mut c) = three();
    let text = "x".repeat(60_000);
    for _ in 0..100 {
        a.send(A, EVERYBODY, &text);
        assert_eq!(c.hears(), text);
    }
    let count = switch.count(0, 1);
    assert!(count.dropped_by_full_queue > 50, "{count:?}");
    assert_eq!(count.frames + count.dropped_by_full_queue, 100);
    assert_eq!(switch.count(0, 2).frames, 100);
    drop(b);
}

#[test]
fn ports_that_do_not_exist_are_refused() {
    let switch = Switch::new(1);
    let (_ours, theirs) = UnixStream::pair().unwrap();
    assert_eq!(switch.plug(1, theirs).unwrap_err().to_string(), "the switch has no port 1");
    switch.set_cut(0, 9, true);
    assert!(!switch.count(0, 9).cut);
}
