//! The underlay: a learning Ethernet switch with one port per host and one for a machine that is none.
//! What goes from one port to another can be cut, impaired and captured.
//!
//! Each port is a stream of frames (see [`super::frame`]) with a reader and a writer thread. It knows nothing of QEMU.

use std::collections::HashMap;
use std::io::{BufReader, IoSlice, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::time::{Duration, Instant};

use self::capture::{Capture, Direction};
use self::delay::DelayLine;
use self::impairment::{Fate, Impairment};
use self::pair::Pair;
pub use self::pair::PairCount;
use super::frame::{Address, Frame, FrameError, is_group, write_all_vectored};
use super::queue::Queue;

pub mod capture;
mod delay;
pub mod impairment;
mod pair;
pub mod pcapng;
mod random;
#[cfg(test)]
mod tests;

/// Read at once from a port, bytes.
const READ_BUFFER: usize = 256 * 1024;

/// The most that waits for one port, bytes: about 700 frames of 1500.
const QUEUE_MAX: usize = 1024 * 1024;

/// Addresses remembered; with more, learning starts anew (a guest that makes them up costs flooding, not memory).
const ADDRESSES_MAX: usize = 16 * 1024;

/// A stream that is plugged in.
struct Plugged {
    stream: UnixStream,
    queue: Arc<Queue<Arc<Frame>>>,
    /// Tells this plug from a later one of the same port.
    serial: u64,
}

struct Shared {
    ports: Vec<RwLock<Option<Plugged>>>,
    /// Row: sender, column: receiver.
    pairs: Vec<Pair>,
    addresses: RwLock<HashMap<Address, usize>>,
    /// What is under way, and whether its thread was started.
    delay: Arc<DelayLine>,
    delay_started: Once,
    serial: AtomicU64,
    /// Why each port's last stream ended, if by a fault.
    faults: Mutex<HashMap<usize, String>>,
}

/// A switch; clones are the same switch.
#[derive(Clone)]
pub struct Switch(Arc<Shared>);

impl Drop for Shared {
    fn drop(&mut self) {
        self.delay.close();
    }
}

impl Switch {
    /// A switch with ports 0 to `ports` - 1, nothing plugged in, nothing cut.
    pub fn new(ports: usize) -> Self {
        let mut pairs = Vec::new();
        pairs.resize_with(ports * ports, Pair::default);
        Self(Arc::new(Shared {
            ports: (0..ports).map(|_| RwLock::new(None)).collect(),
            pairs,
            addresses: RwLock::default(),
            delay: Arc::default(),
            delay_started: Once::new(),
            serial: AtomicU64::new(0),
            faults: Mutex::default(),
        }))
    }

    /// Plugs every stream that `listener` accepts into `port`, for as long as the process lives.
    pub fn serve(&self, port: usize, listener: UnixListener) {
        let switch = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let plugged = stream.and_then(|stream| switch.plug(port, stream));
                if let Err(error) = plugged {
                    switch.fault(port, error.to_string());
                    // accept(2) fails like this only when the process is out of descriptors or memory; trying on would spin.
                    break;
                }
            }
        });
    }

    /// Plugs `stream` into `port`; what was there before is unplugged.
    ///
    /// # Errors
    /// When the process is out of descriptors, or there is no such port.
    pub fn plug(&self, port: usize, stream: UnixStream) -> std::io::Result<()> {
        let Some(slot) = self.0.ports.get(port) else {
            return Err(std::io::Error::other(format!("the switch has no port {port}")));
        };
        let (reading, mut writing) = (stream.try_clone()?, stream.try_clone()?);
        let queue = Arc::new(Queue::new(QUEUE_MAX));
        let serial = self.0.serial.fetch_add(1, Relaxed);
        let plugged = Plugged {
            stream,
            queue: Arc::clone(&queue),
            serial,
        };
        self.unplug(port, None);
        *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(plugged);
        let (reader, writer) = (self.clone(), self.clone());
        std::thread::spawn(move || {
            if let Err(error) = reader.read(port, reading) {
                reader.fault(port, error.to_string());
            }
            reader.unplug(port, Some(serial));
        });
        std::thread::spawn(move || {
            let mut batch = Vec::new();
            while queue.take(&mut batch) {
                if write_frames(&mut writing, &batch).is_err() {
                    // The guest is gone; the reader sees that too and says why.
                    break;
                }
            }
            writer.unplug(port, Some(serial));
        });
        Ok(())
    }

    /// Whether something is plugged into `port`.
    pub fn plugged(&self, port: usize) -> bool {
        self.0
            .ports
            .get(port)
            .is_some_and(|slot| slot.read().unwrap_or_else(PoisonError::into_inner).is_some())
    }

    /// Why the last stream of `port` ended, if by a fault.
    pub fn fault_of(&self, port: usize) -> Option<String> {
        let faults = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.get(&port).cloned()
    }

    /// Drops (`cut`) or lets through what goes from port `from` to port `to`; the other direction stays as it is.
    pub fn set_cut(&self, from: usize, to: usize, cut: bool) {
        if let Some(pair) = self.pair(from, to) {
            pair.cut.store(cut, Relaxed);
        }
    }

    /// Impairs what goes from port `from` to port `to`, or ends that; the other direction stays as it is. Chance starts anew, even if
    /// the settings are those it had. Frames that are under way arrive when they were going to.
    pub fn set_impairment(&self, from: usize, to: usize, impairment: Option<Impairment>) {
        if let Some(pair) = self.pair(from, to) {
            pair.set_impairment(impairment, from, to);
        }
    }

    /// Starts to capture what is handed over between two ports, in both directions: what was lost or cut is not in it.
    /// [`Switch::end_capture`] ends it.
    pub fn capture(&self, from: usize, to: usize) -> Arc<Capture> {
        let capture = Arc::default();
        for (pair, direction) in [(self.pair(from, to), Direction::There), (self.pair(to, from), Direction::Back)] {
            if let Some(pair) = pair {
                pair.add_capture(&capture, direction);
            }
        }
        capture
    }

    /// Ends a capture: [`Capture::write`] returns when it has written what waits.
    pub fn end_capture(&self, capture: &Arc<Capture>) {
        self.0.pairs.iter().for_each(|pair| pair.remove_capture(capture));
        capture.finish();
    }

    /// Settings and counters from port `from` to port `to`.
    pub fn count(&self, from: usize, to: usize) -> PairCount {
        self.pair(from, to).map_or_else(PairCount::default, Pair::count)
    }

    fn pair(&self, from: usize, to: usize) -> Option<&Pair> {
        let ports = self.0.ports.len();
        (from < ports && to < ports).then(|| &self.0.pairs[from * ports + to])
    }

    fn fault(&self, port: usize, text: String) {
        let mut faults = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.insert(port, text);
    }

    /// Takes what is plugged into `port` out, if its serial number is `serial` (or whatever it is).
    fn unplug(&self, port: usize, serial: Option<u64>) {
        let mut slot = self.0.ports[port].write().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugged) = slot.take_if(|plugged| serial.is_none_or(|serial| serial == plugged.serial)) {
            plugged.queue.close();
            // ENOTCONN: the other side was faster.
            let _ = plugged.stream.shutdown(Shutdown::Both);
            let mut addresses = self.0.addresses.write().unwrap_or_else(PoisonError::into_inner);
            addresses.retain(|_, at| *at != port);
        }
    }

    /// Reads frames of `port` and hands them on until the stream ends.
    fn read(&self, port: usize, stream: UnixStream) -> Result<(), FrameError> {
        let mut stream = BufReader::with_capacity(READ_BUFFER, stream);
        while let Some(frame) = Frame::read(&mut stream)? {
            self.learn(port, frame.source());
            self.forward(port, Arc::new(frame));
        }
        Ok(())
    }

    fn learn(&self, port: usize, source: Address) {
        if is_group(source) {
            return;
        }
        let known = self
            .0
            .addresses
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&source)
            .copied();
        if known != Some(port) {
            let mut addresses = self.0.addresses.write().unwrap_or_else(PoisonError::into_inner);
            if addresses.len() >= ADDRESSES_MAX {
                addresses.clear();
            }
            addresses.insert(source, port);
        }
    }

    fn forward(&self, from: usize, frame: Arc<Frame>) {
        let destination = frame.destination();
        let known = if is_group(destination) {
            None
        } else {
            self.0
                .addresses
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&destination)
                .copied()
        };
        match known {
            Some(to) => self.hand_to(from, to, frame),
            None => (0..self.0.ports.len()).for_each(|to| self.hand_to(from, to, Arc::clone(&frame))),
        }
    }

    fn hand_to(&self, from: usize, to: usize, frame: Arc<Frame>) {
        let Some(pair) = self.pair(from, to).filter(|_| from != to) else {
            return;
        };
        let slot = self.slot(to);
        let Some(plugged) = slot.as_ref() else {
            return;
        };
        if pair.cut.load(Relaxed) {
            pair.dropped_by_cut.fetch_add(1, Relaxed);
            return;
        }
        match pair.fate(frame.length()) {
            None => deliver(pair, plugged, frame),
            Some(Fate::TooLong) => drop(pair.dropped_by_frame_limit.fetch_add(1, Relaxed)),
            Some(Fate::Lost) => drop(pair.dropped_by_loss.fetch_add(1, Relaxed)),
            Some(Fate::Passes {
                delay,
                reordered,
                duplicate,
            }) => {
                pair.reordered.fetch_add(reordered.into(), Relaxed);
                pair.duplicated.fetch_add(duplicate.is_some().into(), Relaxed);
                for delay in [Some(delay), duplicate].into_iter().flatten() {
                    let frame = Arc::clone(&frame);
                    if delay.is_zero() {
                        deliver(pair, plugged, frame);
                    } else if !self.delay(from, to, frame, delay) {
                        pair.dropped_by_full_delay.fetch_add(1, Relaxed);
                    }
                }
            }
        }
    }

    fn slot(&self, port: usize) -> RwLockReadGuard<'_, Option<Plugged>> {
        self.0.ports[port].read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame on its way; false if there is no room.
    fn delay(&self, from: usize, to: usize, frame: Arc<Frame>, delay: Duration) -> bool {
        self.0.delay_started.call_once(|| {
            let (line, shared) = (Arc::clone(&self.0.delay), Arc::downgrade(&self.0));
            std::thread::spawn(move || arrive(&line, &shared));
        });
        self.0.delay.push(from, to, frame, Instant::now() + delay)
    }
}

/// Writes frames from where they are.
fn write_frames(stream: &mut impl Write, frames: &[Arc<Frame>]) -> std::io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame.wire())).collect();
    write_all_vectored(stream, &mut slices)
}

/// Hands over what is due until the switch is gone. A cut hits what is under way too.
fn arrive(line: &DelayLine, shared: &Weak<Shared>) {
    let mut batch = Vec::new();
    while line.take(&mut batch) {
        let Some(switch) = shared.upgrade().map(Switch) else {
            return;
        };
        for delayed in batch.drain(..) {
            let slot = switch.slot(delayed.to);
            let (Some(pair), Some(plugged)) = (switch.pair(delayed.from, delayed.to), slot.as_ref()) else {
                continue;
            };
            if pair.cut.load(Relaxed) {
                pair.dropped_by_cut.fetch_add(1, Relaxed);
            } else {
                deliver(pair, plugged, delayed.frame);
            }
        }
    }
}

/// Gives a frame to the receiver, and to captures. It is counted and captured before the receiver can see it.
fn deliver(pair: &Pair, plugged: &Plugged, frame: Arc<Frame>) {
    let length = frame.length();
    let pushed = plugged.queue.push_after(frame, length, |frame| {
        pair.frames.fetch_add(1, Relaxed);
        pair.bytes.fetch_add(length as u64, Relaxed);
        if pair.is_captured() {
            pair.capture(frame);
        }
    });
    if !pushed {
        pair.dropped_by_full_queue.fetch_add(1, Relaxed);
    }
}
