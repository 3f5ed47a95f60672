//! What is set for, and counted of, one direction between two ports.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::super::frame::Frame;
use super::capture::{Capture, Direction};
use super::impairment::{Fate, Impairment};
use super::random::Stream;

/// An impairment in force.
#[derive(Debug)]
struct Impaired {
    settings: Impairment,
    stream: Stream,
    /// Frames that met it.
    frames: u64,
}

/// One direction between two ports.
#[derive(Debug, Default)]
pub struct Pair {
    pub cut: AtomicBool,
    /// Whether `impaired` has something: a clean pair takes no lock.
    is_impaired: AtomicBool,
    impaired: Mutex<Option<Impaired>>,
    is_captured: AtomicBool,
    captures: RwLock<Vec<(Arc<Capture>, Direction)>>,
    pub frames: AtomicU64,
    pub bytes: AtomicU64,
    pub duplicated: AtomicU64,
    pub reordered: AtomicU64,
    pub dropped_by_cut: AtomicU64,
    pub dropped_by_loss: AtomicU64,
    pub dropped_by_frame_limit: AtomicU64,
    pub dropped_by_full_delay: AtomicU64,
    pub dropped_by_full_queue: AtomicU64,
}

/// Settings and counters of one direction between two ports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairCount {
    pub cut: bool,
    pub impairment: Option<Impairment>,
    /// Handed to the receiving port's queue, second copies included.
    pub frames: u64,
    pub bytes: u64,
    /// Of which a second copy was sent on its way.
    pub duplicated: u64,
    /// Held back, for later ones to overtake.
    pub reordered: u64,
    pub dropped_by_cut: u64,
    pub dropped_by_loss: u64,
    pub dropped_by_frame_limit: u64,
    /// Too much was under way, between this pair or in the whole switch.
    pub dropped_by_full_delay: u64,
    /// The receiver was too slow.
    pub dropped_by_full_queue: u64,
}

impl Pair {
    pub fn set_impairment(&self, impairment: Option<Impairment>, from: usize, to: usize) {
        let mut impaired = self.impaired.lock().unwrap_or_else(PoisonError::into_inner);
        *impaired = impairment.filter(Impairment::is_any).map(|settings| Impaired {
            stream: Stream::new(settings.seed, from, to),
            settings,
            frames: 0,
        });
        self.is_impaired.store(impaired.is_some(), Relaxed);
    }

    /// What becomes of the next frame, which is `length` bytes long; `None` where nothing is impaired.
    pub fn fate(&self, length: usize) -> Option<Fate> {
        if !self.is_impaired.load(Relaxed) {
            return None;
        }
        let mut impaired = self.impaired.lock().unwrap_or_else(PoisonError::into_inner);
        let impaired = impaired.as_mut()?;
        let fate = impaired.settings.fate(impaired.stream, impaired.frames, length);
        impaired.frames += 1;
        Some(fate)
    }

    pub fn add_capture(&self, capture: &Arc<Capture>, direction: Direction) {
        let mut captures = self.captures.write().unwrap_or_else(PoisonError::into_inner);
        captures.push((Arc::clone(capture), direction));
        self.is_captured.store(true, Relaxed);
    }

    pub fn remove_capture(&self, capture: &Arc<Capture>) {
        let mut captures = self.captures.write().unwrap_or_else(PoisonError::into_inner);
        captures.retain(|(kept, _)| !Arc::ptr_eq(kept, capture));
        self.is_captured.store(!captures.is_empty(), Relaxed);
    }

    /// Whether there are captures to give frames to.
    pub fn is_captured(&self) -> bool {
        self.is_captured.load(Relaxed)
    }

    /// Gives `frame` to the captures.
    pub fn capture(&self, frame: &Arc<Frame>) {
        let captures = self.captures.read().unwrap_or_else(PoisonError::into_inner);
        for (capture, direction) in captures.iter() {
            capture.add(Arc::clone(frame), *direction);
        }
    }

    pub fn count(&self) -> PairCount {
        let impaired = self.impaired.lock().unwrap_or_else(PoisonError::into_inner);
        PairCount {
            cut: self.cut.load(Relaxed),
            impairment: impaired.as_ref().map(|impaired| impaired.settings),
            frames: self.frames.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            duplicated: self.duplicated.load(Relaxed),
            reordered: self.reordered.load(Relaxed),
            dropped_by_cut: self.dropped_by_cut.load(Relaxed),
            dropped_by_loss: self.dropped_by_loss.load(Relaxed),
            dropped_by_frame_limit: self.dropped_by_frame_limit.load(Relaxed),
            dropped_by_full_delay: self.dropped_by_full_delay.load(Relaxed),
            dropped_by_full_queue: self.dropped_by_full_queue.load(Relaxed),
        }
    }
}
