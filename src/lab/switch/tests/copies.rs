//! A frame is copied once, from the stream into its own memory: all that happens to it later happens to that memory.

use std::io::{self, IoSlice, Read, Write};
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, PoisonError};

use super::{A, B, EVERYBODY, frame};
use crate::lab::frame::{Frame, HEADER};
use crate::lab::queue::Queue;
use crate::lab::switch::impairment::Impairment;
use crate::lab::switch::{Plugged, QUEUE_MAX, Switch, write_frames};

/// A stream that notes where its bytes were read to.
struct Source<'a> {
    bytes: &'a [u8],
    read_to: Vec<Range<*const u8>>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.read_to.push(buffer[..count].as_ptr_range());
        Ok(count)
    }
}

/// A stream that notes where the bytes lie that are written to it.
#[derive(Default)]
struct Sink {
    written_from: Vec<Range<*const u8>>,
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buffer)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.written_from.extend(slices.iter().map(|slice| slice.as_ptr_range()));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A port whose queue is for the test to read.
fn port(switch: &Switch, port: usize) -> Arc<Queue<Arc<Frame>>> {
    let queue = Arc::new(Queue::new(QUEUE_MAX));
    let plugged = Plugged {
        stream: UnixStream::pair().unwrap().0,
        queue: Arc::clone(&queue),
        serial: 0,
    };
    *switch.0.ports[port].write().unwrap_or_else(PoisonError::into_inner) = Some(plugged);
    queue
}

fn broadcast() -> Arc<Frame> {
    Arc::new(Frame::read(&mut frame(A, EVERYBODY, "to all").as_slice()).unwrap().unwrap())
}

#[test]
fn a_frame_is_read_into_its_own_memory_and_written_from_there() {
    let wire = frame(A, B, "once");
    let mut source = Source {
        bytes: &wire,
        read_to: Vec::new(),
    };
    let frame = Arc::new(Frame::read(&mut source).unwrap().unwrap());
    assert_eq!(source.read_to.last(), Some(&frame.bytes().as_ptr_range()));
    // The length, and nothing else, was read to elsewhere.
    let elsewhere: usize = source.read_to.iter().map(|range| range.end as usize - range.start as usize).sum();
    assert_eq!(elsewhere - frame.length(), HEADER);

    let mut sink = Sink::default();
    write_frames(&mut sink, &[Arc::clone(&frame), Arc::clone(&frame)]).unwrap();
    assert_eq!(sink.written_from, [frame.wire().as_ptr_range(), frame.wire().as_ptr_range()]);
}

#[test]
fn all_receivers_duplicates_and_captures_share_one_frame_delayed_or_not() {
    for json in [
        r#"{"duplicate-percent":100,"seed":1}"#,
        r#"{"duplicate-percent":100,"delay-seconds":0.001,"jitter-seconds":0.001,"reorder-percent":50,"seed":1}"#,
    ] {
        let switch = Switch::new(3);
        let queues = [1, 2].map(|number| port(&switch, number));
        let impairment: Impairment = serde_json::from_str(json).unwrap();
        switch.set_impairment(0, 1, Some(impairment));
        let capture = switch.capture(0, 1);
        let sent = broadcast();
        switch.forward(0, Arc::clone(&sent));

        let mut arrived = Vec::new();
        for (queue, count) in queues.iter().zip([2, 1]) {
            let mut batch = Vec::new();
            let mut of_this = 0;
            while of_this < count {
                assert!(queue.take(&mut batch));
                of_this += batch.len();
                arrived.append(&mut batch);
            }
        }
        assert_eq!(arrived.len(), 3);
        assert!(arrived.iter().all(|frame| Arc::ptr_eq(frame, &sent)));

        switch.end_capture(&capture);
        let mut sink = Sink::default();
        capture.write(&mut sink, &["there".to_owned(), "back".to_owned()]).unwrap();
        let from_the_frame = sink.written_from.iter().filter(|range| **range == sent.bytes().as_ptr_range());
        assert_eq!(from_the_frame.count(), 2);
    }
}
