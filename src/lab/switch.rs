//! The underlay: a learning Ethernet switch with one port per host and one for a machine that is none, whose pairs of ports can be cut.
//!
//! Each port is a stream of frames (see [`super::frame`]) with a reader and a writer thread. It knows nothing of QEMU.

use std::collections::HashMap;
use std::io::{BufReader, IoSlice};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::frame::{Address, Frame, FrameError, is_group, write_all_vectored};
use super::queue::Queue;

/// Read at once from a port, bytes.
const READ_BUFFER: usize = 256 * 1024;

/// Addresses remembered; with more, learning starts anew (a guest that makes them up costs flooding, not memory).
const ADDRESSES_MAX: usize = 16 * 1024;

/// What went from one port to another.
#[derive(Debug, Default)]
struct Pair {
    cut: AtomicBool,
    frames: AtomicU64,
    bytes: AtomicU64,
    dropped_by_cut: AtomicU64,
    dropped_by_full_queue: AtomicU64,
}

/// Counters of one direction between two ports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairCount {
    pub cut: bool,
    /// Handed to the receiving port's queue.
    pub frames: u64,
    pub bytes: u64,
    pub dropped_by_cut: u64,
    pub dropped_by_full_queue: u64,
}

/// A stream that is plugged in.
struct Plugged {
    stream: UnixStream,
    queue: Arc<Queue>,
    /// Tells this plug from a later one of the same port.
    serial: u64,
}

struct Shared {
    ports: Vec<RwLock<Option<Plugged>>>,
    /// Row: sender, column: receiver.
    pairs: Vec<Pair>,
    addresses: RwLock<HashMap<Address, usize>>,
    serial: AtomicU64,
    /// Why each port's last stream ended, if by a fault.
    faults: Mutex<HashMap<usize, String>>,
}

/// A switch; clones are the same switch.
#[derive(Clone)]
pub struct Switch(Arc<Shared>);

impl Switch {
    /// A switch with ports 0 to `ports` - 1, nothing plugged in, nothing cut.
    pub fn new(ports: usize) -> Self {
        let mut pairs = Vec::new();
        pairs.resize_with(ports * ports, Pair::default);
        Self(Arc::new(Shared {
            ports: (0..ports).map(|_| RwLock::new(None)).collect(),
            pairs,
            addresses: RwLock::default(),
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
        let queue = Arc::new(Queue::default());
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
                let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|frame| IoSlice::new(frame.wire())).collect();
                if write_all_vectored(&mut writing, &mut slices).is_err() {
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

    /// Counters from port `from` to port `to`.
    pub fn count(&self, from: usize, to: usize) -> PairCount {
        self.pair(from, to).map_or_else(PairCount::default, |pair| PairCount {
            cut: pair.cut.load(Relaxed),
            frames: pair.frames.load(Relaxed),
            bytes: pair.bytes.load(Relaxed),
            dropped_by_cut: pair.dropped_by_cut.load(Relaxed),
            dropped_by_full_queue: pair.dropped_by_full_queue.load(Relaxed),
        })
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
        let slot = self.0.ports[to].read().unwrap_or_else(PoisonError::into_inner);
        let Some(plugged) = slot.as_ref() else {
            return;
        };
        if pair.cut.load(Relaxed) {
            pair.dropped_by_cut.fetch_add(1, Relaxed);
            return;
        }
        let length = frame.length() as u64;
        if plugged.queue.push(frame) {
            pair.frames.fetch_add(1, Relaxed);
            pair.bytes.fetch_add(length, Relaxed);
        } else {
            pair.dropped_by_full_queue.fetch_add(1, Relaxed);
        }
    }
}
