//! Frames of a link on their way to a file. Whoever writes the file may be as slow as it likes: what it cannot take is counted.

use std::io::{self, IoSlice, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::frame::{Frame, write_all_vectored};
use super::super::queue::Queue;
use super::pcapng::{self, PacketFrame};

/// The most that waits to be written, bytes: 1 Gbit/s for a quarter of a second.
const WAITING_MAX: usize = 32 * 1024 * 1024;

/// What a waiting frame takes besides its bytes, roughly.
const OVERHEAD: usize = 128;

#[derive(Debug)]
struct Captured {
    frame: Arc<Frame>,
    direction: Direction,
    /// Since 1970.
    nanoseconds: u64,
}

/// From the first port of the link to the second, or back; the number of the interface in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    There = 0,
    Back = 1,
}

#[derive(Debug, Default)]
struct Count {
    seen: AtomicU64,
    dropped: AtomicU64,
}

/// One capture that goes on.
#[derive(Debug)]
pub struct Capture {
    queue: Queue<Captured>,
    counts: [Count; 2],
}

impl Default for Capture {
    fn default() -> Self {
        Self::new(WAITING_MAX)
    }
}

impl Capture {
    /// A capture of which at most `waiting_max` bytes wait to be written.
    pub fn new(waiting_max: usize) -> Self {
        Self {
            queue: Queue::new(waiting_max),
            counts: [Count::default(), Count::default()],
        }
    }

    /// Takes a frame that was handed over right now; never waits.
    pub(super) fn add(&self, frame: Arc<Frame>, direction: Direction) {
        let count = &self.counts[direction as usize];
        count.seen.fetch_add(1, Relaxed);
        let bytes = frame.length() + OVERHEAD;
        let captured = Captured {
            frame,
            direction,
            nanoseconds: now(),
        };
        if !self.queue.push(captured, bytes) {
            count.dropped.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn finish(&self) {
        self.queue.finish();
    }

    /// Writes frames as they come, until the capture is ended. `names` are those of the two directions.
    ///
    /// # Errors
    /// That of `stream`.
    pub fn write(&self, stream: &mut impl Write, names: &[String; 2]) -> io::Result<()> {
        pcapng::write_header(stream, names)?;
        let mut batch = Vec::new();
        while self.queue.take(&mut batch) {
            let frames: Vec<PacketFrame> = batch
                .iter()
                .map(|captured| PacketFrame::new(captured.direction as u32, captured.nanoseconds, captured.frame.length()))
                .collect();
            let mut slices: Vec<IoSlice<'_>> = frames
                .iter()
                .zip(&batch)
                .flat_map(|(around, captured)| around.around(captured.frame.bytes()))
                .collect();
            write_all_vectored(stream, &mut slices)?;
        }
        for (interface, count) in (0..).zip(&self.counts) {
            pcapng::write_statistics(stream, interface, now(), count.seen.load(Relaxed), count.dropped.load(Relaxed))?;
        }
        Ok(())
    }
}

/// Nanoseconds since 1970; 0 before it.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
