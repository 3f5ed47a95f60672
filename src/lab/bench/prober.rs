//! Datagrams from each host to each other, at a steady pace, from one thread.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::bed::Bed;
use super::outage::Sample;
use super::{BenchError, namespace};
use crate::exec::interrupt;

/// "Discard" (RFC 863): nobody minds what comes there.
const PORT: u16 = 9;
/// So that nothing else is taken for one of ours.
const MAGIC: [u8; 4] = *b"mesh";
/// Magic, from, to, sequence number.
const LENGTH: usize = 12;

/// Most that are sent without a look at what has come.
const AT_A_TIME: usize = 50;

struct Member {
    address: Ipv4Addr,
    /// `None` for one that is dead.
    socket: Option<UdpSocket>,
}

pub struct Prober {
    members: Vec<Member>,
    /// Of the pair (from, to) at `from * members + to`, each by its sequence number.
    samples: Vec<Vec<Sample>>,
    /// Pairs in the order in which they send.
    turns: Vec<(usize, usize)>,
    turn: usize,
    pace: Duration,
    started: Instant,
    due: Instant,
    late: Duration,
}

impl Prober {
    /// A socket in the namespace of each host.
    ///
    /// # Errors
    /// [`BenchError::Io`].
    pub fn open(bed: &Bed) -> Result<Self, BenchError> {
        let open = |host: &super::BedHost| {
            let socket = namespace::within(&host.namespace, || {
                let socket = UdpSocket::bind(SocketAddrV4::new(host.address, PORT))?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            })?;
            Ok(Member {
                address: host.address,
                socket: Some(socket),
            })
        };
        let members: Vec<Member> = bed.hosts.iter().map(open).collect::<Result<_, BenchError>>()?;
        let now = Instant::now();
        let mut prober = Self {
            samples: vec![Vec::new(); members.len() * members.len()],
            members,
            turns: Vec::new(),
            turn: 0,
            pace: Duration::from_millis(bed.pace_ms.into()),
            started: now,
            due: now,
            late: Duration::ZERO,
        };
        prober.set_turns();
        Ok(prober)
    }

    /// Each sends once before anybody sends again, so that nobody's come all at once.
    fn set_turns(&mut self) {
        let count = self.members.len();
        let all = (1..count).flat_map(|distance| (0..count).map(move |from| (from, (from + distance) % count)));
        let alive = |place: usize| self.members[place].socket.is_some();
        self.turns = all.filter(|(from, to)| alive(*from) && alive(*to)).collect();
        self.turn = 0;
    }

    /// One host is dead.
    pub fn remove(&mut self, place: usize) {
        self.members[place].socket = None;
        self.set_turns();
    }

    pub fn is_alive(&self, place: usize) -> bool {
        self.members[place].socket.is_some()
    }

    pub fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub fn per_second(&self) -> f64 {
        self.turns.len() as f64 / self.pace.as_secs_f64()
    }

    pub fn late_ms(&self) -> u64 {
        u64::try_from(self.late.as_millis()).unwrap_or(u64::MAX)
    }

    /// The samples of all pairs of hosts that are alive.
    pub fn pairs(&self) -> impl Iterator<Item = &[Sample]> {
        self.turns
            .iter()
            .map(|(from, to)| self.samples[from * self.members.len() + to].as_slice())
    }

    /// After a pause in which nobody was to send.
    pub fn resume(&mut self) {
        self.due = Instant::now();
        self.late = Duration::ZERO;
    }

    /// Sends what is due, if `sending`, and takes what has come; returns within about 50 ms.
    ///
    /// # Errors
    /// [`BenchError::Interrupted`].
    pub fn step(&mut self, sending: bool) -> Result<(), BenchError> {
        if interrupt::requested() {
            return Err(BenchError::Interrupted);
        }
        let mut timeout = Duration::from_millis(50);
        if sending {
            let gap = self.pace / u32::try_from(self.turns.len().max(1)).unwrap_or(u32::MAX);
            for _ in 0..AT_A_TIME {
                let now = Instant::now();
                if self.due > now {
                    break;
                }
                self.late = self.late.max(now - self.due);
                self.send();
                self.due += gap;
            }
            // One that was kept from the processor for long does not send all at once what it has missed.
            let now = Instant::now();
            if now.saturating_duration_since(self.due) > self.pace {
                self.due = now;
            }
            timeout = timeout.min(self.due.saturating_duration_since(now));
        }
        self.receive(timeout);
        Ok(())
    }

    fn send(&mut self) {
        let Some(&(from, to)) = self.turns.get(self.turn) else { return };
        self.turn = (self.turn + 1) % self.turns.len();
        let pair = from * self.members.len() + to;
        let (Ok(from_word), Ok(to_word)) = (u16::try_from(from), u16::try_from(to)) else {
            return;
        };
        let sequence = u32::try_from(self.samples[pair].len()).unwrap_or(u32::MAX);
        let mut message = [0; LENGTH];
        message[..4].copy_from_slice(&MAGIC);
        message[4..6].copy_from_slice(&from_word.to_be_bytes());
        message[6..8].copy_from_slice(&to_word.to_be_bytes());
        message[8..].copy_from_slice(&sequence.to_be_bytes());
        let sent_us = self.now_us();
        let Some(socket) = &self.members[from].socket else { return };
        // What the kernel does not take was not sent, and says nothing about the mesh.
        if socket.send_to(&message, SocketAddrV4::new(self.members[to].address, PORT)).is_ok() {
            self.samples[pair].push(Sample { sent_us, copies: 0 });
        }
    }

    fn receive(&mut self, timeout: Duration) {
        let sockets: Vec<&UdpSocket> = self.members.iter().filter_map(|member| member.socket.as_ref()).collect();
        let mut polled: Vec<PollFd<'_>> = sockets.iter().map(|socket| PollFd::new(*socket, PollFlags::IN)).collect();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        // A signal is seen at the next step.
        if rustix::event::poll(&mut polled, Some(&timeout)).is_err() {
            return;
        }
        let readable: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
        let mut found = Vec::new();
        let mut buffer = [0; 64];
        for (socket, _) in sockets.iter().zip(readable).filter(|(_, readable)| *readable) {
            while let Ok(length) = socket.recv(&mut buffer) {
                found.extend(read(&buffer[..length]));
            }
        }
        let count = self.members.len();
        for (from, to, sequence) in found {
            let pair = self.samples.get_mut(from * count + to);
            if let Some(sample) = pair.and_then(|samples| samples.get_mut(sequence)) {
                sample.copies = sample.copies.saturating_add(1);
            }
        }
    }
}

/// From, to and sequence number of a datagram of ours.
fn read(bytes: &[u8]) -> Option<(usize, usize, usize)> {
    let [m0, m1, m2, m3, f0, f1, t0, t1, s0, s1, s2, s3] = *bytes else {
        return None;
    };
    let sequence = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).ok()?;
    ([m0, m1, m2, m3] == MAGIC).then(|| (u16::from_be_bytes([f0, f1]).into(), u16::from_be_bytes([t0, t1]).into(), sequence))
}

#[cfg(test)]
#[path = "prober_tests.rs"]
mod tests;
