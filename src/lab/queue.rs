//! What waits to be sent to one port: bounded, so that a slow guest costs frames and not memory, and never holds up the others.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::frame::Frame;

/// The most that waits for one port, bytes: about 700 frames of 1500.
const QUEUE_MAX: usize = 1024 * 1024;

/// Frames taken at once.
const BATCH_MAX: usize = 64;

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
    closed: bool,
}

/// A queue of frames with one reader.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Queue {
    /// Adds a frame; false if there was no room or the queue is closed.
    pub fn push(&self, frame: Arc<Frame>) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.closed || waiting.bytes + frame.length() > QUEUE_MAX {
            return false;
        }
        waiting.bytes += frame.length();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// Waits for frames and moves some to `batch`, which is emptied first; false once the queue is closed.
    pub fn take(&self, batch: &mut Vec<Arc<Frame>>) -> bool {
        batch.clear();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.frames.is_empty() && !waiting.closed {
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.closed {
            return false;
        }
        while batch.len() < BATCH_MAX
            && let Some(frame) = waiting.frames.pop_front()
        {
            waiting.bytes -= frame.length();
            batch.push(frame);
        }
        true
    }

    /// Throws away what waits and ends the reader.
    pub fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.frames.clear();
        waiting.bytes = 0;
        drop(waiting);
        self.filled.notify_all();
    }
}
