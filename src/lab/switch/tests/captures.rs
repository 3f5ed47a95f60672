//! Captures, read back byte by byte.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{A, B, EVERYBODY, SOON, frame, three};
use crate::lab::frame::HEADER;
use crate::lab::switch::pcapng::{Limits, Summary, copy_block};
use crate::wait::{Look, until};

/// One block: its type and what is between the two lengths, which are equal.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (kind, length) = (word(0), word(4) as usize);
        assert_eq!(length % 4, 0);
        assert_eq!(word(length - 4) as usize, length);
        found.push((kind, bytes[8..length - 4].to_vec()));
        bytes = &bytes[length..];
    }
    found
}

/// Options as code and value.
fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        let half = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
        let (code, length) = (half(0), half(2) as usize);
        if code == 0 {
            assert_eq!((length, bytes.len()), (0, 4));
            return found;
        }
        found.push((code, bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn both_directions_of_one_link_are_in_the_file_and_nothing_else() {
    let (switch, mut a, mut b, mut c) = three();
    let before = now();
    let capture = switch.capture(0, 1);
    a.send(A, EVERYBODY, "one");
    assert_eq!((b.hears(), c.hears()), ("one".into(), "one".into()));
    b.send(B, A, "four");
    assert_eq!(a.hears(), "four");
    switch.set_cut(0, 1, true);
    a.send(A, B, "lost");
    switch.set_cut(1, 0, true);
    until("the drop", SOON, Duration::from_millis(5), || {
        match switch.count(0, 1).dropped_by_cut {
            1 => Look::Ready(()),
            count => Look::Pending(count.to_string()),
        }
    })
    .unwrap();
    switch.end_capture(&capture);
    switch.set_cut(0, 1, false);
    a.send(A, B, "too late");
    assert_eq!(b.hears(), "too late");

    let mut bytes = Vec::new();
    capture
        .write(&mut bytes, &["host1 to host2".to_owned(), "host2 to host1".to_owned()])
        .unwrap();
    let after = now();
    let blocks = blocks(&bytes);
    let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 1, 6, 6, 5, 5]);
    assert_eq!(
        blocks[0].1,
        [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]
    );
    for (block, name) in [(1, "host1 to host2"), (2, "host2 to host1")] {
        assert_eq!(blocks[block].1[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(options(&blocks[block].1[8..]), [(2, name.as_bytes().to_vec()), (9, vec![9])]);
    }
    let mut times = vec![before];
    for (block, interface, wire) in [(3, 0, frame(A, EVERYBODY, "one")), (4, 1, frame(B, A, "four"))] {
        let body = &blocks[block].1;
        let word = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap());
        let length = wire.len() - HEADER;
        assert_eq!((word(0), word(12) as usize, word(16) as usize), (interface, length, length));
        assert_eq!(body[20..20 + length], wire[HEADER..]);
        assert!(body[20 + length..].iter().all(|byte| *byte == 0) && body.len() == 20 + length.next_multiple_of(4));
        times.push(u64::from(word(4)) << 32 | u64::from(word(8)));
    }
    times.push(after);
    assert!(times.is_sorted(), "{times:?}");
    for (block, interface) in [(5, 0_u8), (6, 1)] {
        assert_eq!(blocks[block].1[..4], [interface, 0, 0, 0]);
        let one = 1_u64.to_le_bytes().to_vec();
        assert_eq!(options(&blocks[block].1[12..]), [(4, one), (5, vec![0; 8])]);
    }
}

#[test]
fn a_writer_that_does_not_write_costs_the_file_frames_and_nobody_else() {
    let (switch, mut a, mut b, _c) = three();
    let capture = switch.capture(0, 1);
    let text = "x".repeat(60_000);
    for _ in 0..700 {
        a.send(A, B, &text);
        assert_eq!(b.hears(), text);
    }
    assert_eq!(switch.count(0, 1).frames, 700);
    switch.end_capture(&capture);
    let mut bytes = Vec::new();
    capture.write(&mut bytes, &["there".to_owned(), "back".to_owned()]).unwrap();
    // 32 MiB of 60 142 bytes each.
    let (summary, copied) = copy(&bytes);
    assert_eq!((summary.frames, summary.dropped, summary.complete), (557, 143, true));
    assert_eq!(copied, bytes);
}

#[test]
fn two_captures_of_one_link_do_not_know_of_each_other() {
    let (switch, mut a, mut b, _c) = three();
    let first = switch.capture(0, 1);
    let second = switch.capture(1, 0);
    a.send(A, B, "both");
    assert_eq!(b.hears(), "both");
    switch.end_capture(&first);
    a.send(A, B, "second");
    assert_eq!(b.hears(), "second");
    switch.end_capture(&second);
    let frames = |capture: &super::super::Capture| {
        let mut bytes = Vec::new();
        capture.write(&mut bytes, &["there".to_owned(), "back".to_owned()]).unwrap();
        copy(&bytes).0.frames
    };
    assert_eq!((frames(&first), frames(&second)), (1, 2));
}

/// What [`copy_block`] makes of `bytes`.
fn copy(mut bytes: &[u8]) -> (Summary, Vec<u8>) {
    let (mut summary, mut copied) = (Summary::default(), Vec::new());
    while copy_block(&mut bytes, &mut copied, Limits::NONE, &mut summary).unwrap() {}
    (summary, copied)
}

#[test]
fn a_stream_that_breaks_off_leaves_whole_blocks() {
    let (switch, mut a, mut b, _c) = three();
    let capture = switch.capture(0, 1);
    for text in ["one", "two"] {
        a.send(A, B, text);
        assert_eq!(b.hears(), text);
    }
    switch.end_capture(&capture);
    let mut bytes = Vec::new();
    capture.write(&mut bytes, &["there".to_owned(), "back".to_owned()]).unwrap();
    for length in 0..bytes.len() {
        let (summary, copied) = copy(&bytes[..length]);
        assert!(copied.len() <= length && bytes.starts_with(&copied));
        assert_eq!(blocks(&copied).iter().filter(|(kind, _)| *kind == 6).count() as u64, summary.frames);
    }
    // And nonsense is an error, not a file.
    let nonsense = copy_block(
        &mut [0xff_u8; 64].as_slice(),
        &mut Vec::new(),
        Limits::NONE,
        &mut Summary::default(),
    );
    assert_eq!(nonsense.unwrap_err().to_string(), "a block of 4294967295 bytes");
}
