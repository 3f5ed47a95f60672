//! A machine on the underlay that is no host of the cluster: it asks the hosts the questions of the probe `exposure` from the switch's
//! last port.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ipnet::Ipv4Net;

use self::packet::{BROADCAST, Bytes, End, Heard, PacketError};
use super::Lab;
use super::frame::{Frame, HEADER};
use super::state::names;
use crate::machine::probe::exposure::{Answers, Asked, GENEVE_PORT, Questions, VXLAN_PORT};
use crate::spec::HostName;

mod packet;

/// For the address of a host; an emulated one answers in milliseconds, a busy one after seconds.
const NEIGHBOUR_DEADLINE: Duration = Duration::from_secs(10);
const NEIGHBOUR_INTERVAL: Duration = Duration::from_millis(500);

/// Requests for connections that are under way together: fewer than the switch queues for a port.
const BATCH: usize = 512;

/// How long without any answer until a batch counts as answered, first and second time.
const PATIENCE: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];

/// With more ports silent than this, a firewall drops, and asking again is in vain.
const SILENT_MAX: usize = 1024;

/// How long to listen for what should not come.
const SILENCE: Duration = Duration::from_millis(2000);

/// The stranger's own ports, for TCP and UDP.
const TCP_PORT: u16 = 40001;
const UDP_PORT: u16 = 40002;

/// An address for the stranger, of a documentation network (RFC 5737, RFC 3849), that nothing in the cluster uses; `None` if somebody
/// uses all of them. The hosts' family is that of the first.
pub fn address(underlay: &[IpAddr], subnet: Ipv4Net, management: Ipv4Net) -> Option<IpAddr> {
    let free = |address: &IpAddr| !underlay.contains(address);
    if underlay.first().is_some_and(IpAddr::is_ipv6) {
        let network = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0).to_bits();
        return (1..=u16::MAX)
            .map(|last| Ipv6Addr::from_bits(network | u128::from(last)).into())
            .find(free);
    }
    let networks = [[203, 0, 113], [198, 51, 100], [192, 0, 2]];
    let addresses = networks
        .iter()
        .flat_map(|[a, b, c]| (1..=254).rev().map(|last| Ipv4Addr::new(*a, *b, *c, last)));
    let outside = |address: &Ipv4Addr| !subnet.contains(address) && !management.contains(address);
    addresses.filter(outside).map(IpAddr::from).find(free)
}

/// What kept the stranger from asking.
#[derive(Debug, thiserror::Error)]
enum StrangerError {
    #[error("the lab has no address left for a stranger")]
    NoAddress,
    #[error("the switch's port for strangers: {0}")]
    Port(#[from] io::Error),
    #[error(transparent)]
    Packet(#[from] PacketError),
    #[error("the switch has unplugged the stranger")]
    Unplugged,
}

/// Asks all hosts at once. What keeps the stranger from asking is in the place of every host's answers.
pub fn ask(lab: &Lab, questions: BTreeMap<HostName, Result<Questions, String>>) -> Asked {
    let hosts: Vec<HostName> = questions.keys().cloned().collect();
    let asked = plug_in(lab).and_then(|mut stranger| stranger.ask(questions));
    asked.unwrap_or_else(|error| {
        let why = |host| (host, Err(error.to_string()));
        hosts.into_iter().map(why).collect()
    })
}

fn plug_in(lab: &Lab) -> Result<Stranger, StrangerError> {
    let (mac, address) = lab.stranger();
    let address = address.ok_or(StrangerError::NoAddress)?;
    let stream = lab.connect(&names::switch_socket(lab.hosts().count()))?;
    Stranger::new(
        stream,
        End {
            mac: mac.octets(),
            address,
        },
    )
}

/// At its port.
struct Stranger {
    own: End,
    stream: UnixStream,
    frames: Receiver<Bytes>,
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // Ends the thread that reads.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// A host that has been found.
struct Target {
    host: HostName,
    to: End,
    questions: Questions,
    answers: Answers,
}

impl Target {
    /// The host, at another address of its.
    fn at(&self, address: impl Into<IpAddr>) -> End {
        End {
            mac: self.to.mac,
            address: address.into(),
        }
    }
}

impl Stranger {
    fn new(stream: UnixStream, own: End) -> Result<Self, StrangerError> {
        let mut reading = io::BufReader::new(stream.try_clone()?);
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            while let Ok(Some(frame)) = Frame::read(&mut reading) {
                if sender.send(frame.wire()[HEADER..].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { own, stream, frames })
    }

    fn send(&mut self, frames: &[Bytes]) -> Result<(), StrangerError> {
        let mut wire = Vec::new();
        for frame in frames {
            let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
            wire.extend(length.to_be_bytes());
            wire.extend(frame);
        }
        Ok(self.stream.write_all(&wire)?)
    }

    /// What comes within `time`, but for questions who this is, which are answered. `None`: nothing came.
    fn hear(&mut self, time: Duration) -> Result<Option<Heard>, StrangerError> {
        let until = Instant::now() + time;
        loop {
            let frame = match self.frames.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(frame) => frame,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(StrangerError::Unplugged),
            };
            match packet::read(&frame) {
                Some(Heard::WhoHas { asking, wanted }) if wanted == self.own.address => {
                    let answer = packet::here_is(self.own, asking)?;
                    self.send(&[answer])?;
                }
                // The hosts' talk among themselves, as far as the switch floods it.
                None | Some(Heard::WhoHas { .. }) => {}
                Some(heard) => return Ok(Some(heard)),
            }
        }
    }

    fn ask(&mut self, questions: BTreeMap<HostName, Result<Questions, String>>) -> Result<Asked, StrangerError> {
        let mut asked = Asked::new();
        let mut known = Vec::new();
        for (host, questions) in questions {
            match questions {
                Ok(questions) => known.push((host, questions)),
                Err(why) => drop(asked.insert(host, Err(why))),
            }
        }
        let found = self.find(known.iter().map(|(_, questions)| questions.address).collect())?;
        let mut targets = Vec::new();
        for (host, questions) in known {
            match found.get(&questions.address) {
                Some(to) => targets.push(Target {
                    host,
                    to: *to,
                    questions,
                    answers: Answers::default(),
                }),
                None => {
                    let why = format!("{} does not answer on the underlay", questions.address);
                    asked.insert(host, Err(why));
                }
            }
        }
        self.connect(&mut targets)?;
        self.send_what_nobody_may_answer(&mut targets)?;
        asked.extend(
            targets
                .into_iter()
                .map(|target| (target.host, Ok((target.questions, target.answers)))),
        );
        Ok(asked)
    }

    /// Where the hosts are on the wire; those that do not say so are not there.
    fn find(&mut self, mut wanted: BTreeSet<IpAddr>) -> Result<BTreeMap<IpAddr, End>, StrangerError> {
        let mut found = BTreeMap::new();
        let deadline = Instant::now() + NEIGHBOUR_DEADLINE;
        while !wanted.is_empty() && Instant::now() < deadline {
            let requests: Result<Vec<Bytes>, _> = wanted.iter().map(|address| packet::who_has(self.own, *address)).collect();
            self.send(&requests?)?;
            let again = Instant::now() + NEIGHBOUR_INTERVAL;
            while !wanted.is_empty() && Instant::now() < again {
                if let Some(Heard::HereIs { end }) = self.hear(again.saturating_duration_since(Instant::now()))?
                    && wanted.remove(&end.address)
                {
                    found.insert(end.address, end);
                }
            }
        }
        Ok(found)
    }

    /// Asks for connections, a batch at a time, of all hosts in turn.
    fn connect(&mut self, targets: &mut [Target]) -> Result<(), StrangerError> {
        let mut pending: BTreeSet<(u16, IpAddr)> = BTreeSet::new();
        let mut ends: BTreeMap<IpAddr, (usize, End)> = BTreeMap::new();
        for (index, target) in targets.iter().enumerate() {
            let bridge = target.at(target.questions.bridge.0);
            for (end, ports) in [(target.to, &target.questions.tcp), (bridge, &target.questions.bridge_tcp)] {
                ends.insert(end.address, (index, end));
                pending.extend(ports.iter().map(|port| (*port, end.address)));
            }
        }
        for patience in PATIENCE {
            let all: Vec<(u16, IpAddr)> = pending.iter().copied().collect();
            for batch in all.chunks(BATCH) {
                let requests: Result<Vec<Bytes>, PacketError> = batch
                    .iter()
                    .filter_map(|(port, address)| Some(packet::syn(self.own, ends.get(address)?.1, TCP_PORT, *port)))
                    .collect();
                self.send(&requests?)?;
                let mut left = batch.len();
                while left > 0 {
                    let Some(heard) = self.hear(patience)? else { break };
                    let Heard::Tcp {
                        from,
                        port,
                        to_port: TCP_PORT,
                        accepted,
                    } = heard
                    else {
                        continue;
                    };
                    if !pending.remove(&(port, from)) {
                        continue;
                    }
                    left -= 1;
                    if let (true, Some((index, end))) = (accepted, ends.get(&from)) {
                        let target = &mut targets[*index];
                        let open = if from == target.to.address {
                            &mut target.answers.tcp
                        } else {
                            &mut target.answers.bridge_tcp
                        };
                        open.insert(port);
                        let end = *end;
                        self.send(&[packet::reset(self.own, end, TCP_PORT, port)?])?;
                    }
                }
            }
            if pending.len() > SILENT_MAX {
                break;
            }
        }
        for (_, address) in pending {
            if let Some((index, _)) = ends.get(&address) {
                targets[*index].answers.silent += 1;
            }
        }
        Ok(())
    }

    /// Datagrams, frames in tunnels and a packet for a container; then silence, or what came instead.
    fn send_what_nobody_may_answer(&mut self, targets: &mut [Target]) -> Result<(), StrangerError> {
        for target in &*targets {
            let frames = unwanted(self.own, target)?;
            self.send(&frames)?;
        }
        let until = Instant::now() + SILENCE;
        while let Some(heard) = self.hear(until.saturating_duration_since(Instant::now()))? {
            for target in &mut *targets {
                target.hear(&heard);
            }
        }
        Ok(())
    }
}

/// What a host gets that has to come to nothing.
fn unwanted(own: End, target: &Target) -> Result<Vec<Bytes>, PacketError> {
    let Questions {
        udp,
        bridge: (bridge_address, bridge_mac),
        container,
        inside,
        ..
    } = &target.questions;
    let (to, mut frames) = (target.to, Vec::new());
    for port in udp {
        frames.push(packet::udp(own, to, UDP_PORT, *port, &[0; 32])?);
    }
    let inner = End {
        mac: own.mac,
        address: (*inside).into(),
    };
    let bridge = End {
        mac: bridge_mac.octets(),
        address: (*bridge_address).into(),
    };
    let mut inner_frames = vec![packet::who_has(inner, bridge.address)?, packet::echo(inner, bridge)?];
    if let Some(address) = container {
        let container = End {
            mac: BROADCAST,
            address: (*address).into(),
        };
        inner_frames.push(packet::who_has(inner, container.address)?);
        inner_frames.push(packet::echo(inner, container)?);
        if own.address.is_ipv4() {
            frames.push(packet::echo(own, target.at(*address))?);
        }
    }
    for inner in inner_frames {
        frames.push(packet::gre(own, to, &inner)?);
        frames.push(packet::udp(own, to, UDP_PORT, VXLAN_PORT, &packet::vxlan(&inner))?);
        frames.push(packet::udp(own, to, UDP_PORT, GENEVE_PORT, &packet::geneve(&inner))?);
    }
    Ok(frames)
}

/// GRE's protocol number (RFC 2784).
const GRE: u8 = 47;

impl Target {
    /// Keeps what should not have come from this host.
    fn hear(&mut self, heard: &Heard) {
        let (own, container) = (self.to.address, self.questions.container.map(IpAddr::from));
        let inside = match *heard {
            Heard::Udp {
                from,
                port,
                to_port: UDP_PORT,
            } if from == own => {
                self.answers.udp.insert(port);
                return;
            }
            Heard::Udp { from, to_port, .. } if from == own && to_port == VXLAN_PORT => "a frame came back by VXLAN".to_owned(),
            Heard::Udp { from, to_port, .. } if from == own && to_port == GENEVE_PORT => "a frame came back by Geneve".to_owned(),
            Heard::Other { from, protocol: GRE } if from == own => "a frame came back by GRE".to_owned(),
            Heard::Other { from, protocol } if from == own => format!("a packet of protocol {protocol} came back"),
            Heard::Echo { from } | Heard::Udp { from, .. } | Heard::Tcp { from, .. } if Some(from) == container => {
                format!("the container {from} answers a stranger on the underlay")
            }
            _ => return,
        };
        if !self.answers.inside.contains(&inside) {
            self.answers.inside.push(inside);
        }
    }
}

#[cfg(test)]
#[path = "stranger/tests.rs"]
mod tests;
