//! Frames that are under way: one heap for the whole switch, emptied by one thread.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::super::frame::Frame;

/// The most that is under way between one pair, bytes: 1 Gbit/s for a quarter of a second.
const PAIR_MAX: usize = 32 * 1024 * 1024;

/// The most that is under way in the whole switch, bytes.
const TOTAL_MAX: usize = 128 * 1024 * 1024;

/// What a frame takes besides its bytes: its places in heap and memory, roughly.
const OVERHEAD: usize = 128;

/// Frames taken at once.
const BATCH_MAX: usize = 64;

/// A frame on its way.
#[derive(Debug)]
pub struct Delayed {
    pub from: usize,
    pub to: usize,
    pub frame: Arc<Frame>,
    due: Instant,
    /// Frames that are due at the same time arrive in the order in which they came.
    serial: u64,
}

impl Delayed {
    fn bytes(&self) -> usize {
        self.frame.length() + OVERHEAD
    }

    fn key(&self) -> (Instant, u64) {
        (self.due, self.serial)
    }
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    /// The first that is due is the greatest, as the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// What is due when; it knows no clock.
#[derive(Debug, Default)]
pub struct Timetable {
    heap: BinaryHeap<Delayed>,
    bytes: usize,
    bytes_of_pair: HashMap<(usize, usize), usize>,
    serial: u64,
}

impl Timetable {
    /// Adds a frame; false if there is no room.
    pub fn push(&mut self, from: usize, to: usize, frame: Arc<Frame>, due: Instant) -> bool {
        let delayed = Delayed {
            from,
            to,
            frame,
            due,
            serial: self.serial,
        };
        let of_pair = self.bytes_of_pair.entry((from, to)).or_default();
        if *of_pair + delayed.bytes() > PAIR_MAX || self.bytes + delayed.bytes() > TOTAL_MAX {
            return false;
        }
        *of_pair += delayed.bytes();
        self.bytes += delayed.bytes();
        self.serial += 1;
        self.heap.push(delayed);
        true
    }

    /// When the next frame is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|delayed| delayed.due)
    }

    /// The next frame that is due at `now`.
    pub fn pop(&mut self, now: Instant) -> Option<Delayed> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        let delayed = self.heap.pop()?;
        self.bytes -= delayed.bytes();
        if let Some(of_pair) = self.bytes_of_pair.get_mut(&(delayed.from, delayed.to)) {
            *of_pair -= delayed.bytes();
        }
        Some(delayed)
    }
}

#[derive(Debug, Default)]
struct State {
    table: Timetable,
    closed: bool,
}

/// A timetable with one thread that waits for what is due.
#[derive(Debug, Default)]
pub struct DelayLine {
    state: Mutex<State>,
    changed: Condvar,
}

impl DelayLine {
    /// Adds a frame; false if there is no room.
    pub fn push(&self, from: usize, to: usize, frame: Arc<Frame>, due: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = state.table.next_due().is_none_or(|first| due < first);
        let pushed = state.table.push(from, to, frame, due);
        drop(state);
        if pushed && earlier {
            self.changed.notify_one();
        }
        pushed
    }

    /// Waits for frames that are due and moves some to `batch`, which is emptied first; false once this is closed.
    pub fn take(&self, batch: &mut Vec<Delayed>) -> bool {
        batch.clear();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.closed {
            let now = Instant::now();
            while batch.len() < BATCH_MAX
                && let Some(delayed) = state.table.pop(now)
            {
                batch.push(delayed);
            }
            if !batch.is_empty() {
                return true;
            }
            state = match state.table.next_due() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let waited = self.changed.wait_timeout(state, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        false
    }

    /// Ends the thread; what is under way is lost.
    pub fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}
