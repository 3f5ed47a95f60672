//! What waits to be written by one thread: bounded, so that a slow reader costs frames and not memory, and never holds up the others.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

/// Items taken at once.
const BATCH_MAX: usize = 64;

#[derive(Debug)]
struct Waiting<T> {
    /// Each with its bytes.
    items: VecDeque<(T, usize)>,
    bytes: usize,
    /// Nothing more is taken in.
    closed: bool,
}

/// A queue with one reader.
#[derive(Debug)]
pub struct Queue<T> {
    bytes_max: usize,
    waiting: Mutex<Waiting<T>>,
    filled: Condvar,
}

impl<T> Queue<T> {
    /// An empty queue for at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            waiting: Mutex::new(Waiting {
                items: VecDeque::new(),
                bytes: 0,
                closed: false,
            }),
            filled: Condvar::new(),
        }
    }

    /// Adds an item of `bytes` bytes; false if there was no room or the queue is closed.
    pub fn push(&self, item: T, bytes: usize) -> bool {
        self.push_after(item, bytes, |_| ())
    }

    /// As [`Queue::push`], and calls `before` with the item when there is room, before the reader can have it.
    pub fn push_after(&self, item: T, bytes: usize, before: impl FnOnce(&T)) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.closed || waiting.bytes + bytes > self.bytes_max {
            return false;
        }
        before(&item);
        waiting.bytes += bytes;
        waiting.items.push_back((item, bytes));
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// Waits for items and moves some to `batch`, which is emptied first; false once the queue is closed and empty.
    pub fn take(&self, batch: &mut Vec<T>) -> bool {
        batch.clear();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.items.is_empty() && !waiting.closed {
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        while batch.len() < BATCH_MAX
            && let Some((item, bytes)) = waiting.items.pop_front()
        {
            waiting.bytes -= bytes;
            batch.push(item);
        }
        !batch.is_empty()
    }

    /// Takes nothing more in; the reader gets what waits, then ends.
    pub fn finish(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.filled.notify_all();
    }

    /// Throws away what waits and ends the reader.
    pub fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.items.clear();
        waiting.bytes = 0;
        drop(waiting);
        self.filled.notify_all();
    }
}
