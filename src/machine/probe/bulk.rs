//! Probe `bulk`: 64 MiB over TCP from a container on one host to one on the next arrive whole.
//!
//! The programs are Python of the host's own: cloud-init, which every supported host runs, is written in it. They run in the network
//! namespaces of the probe containers, whose image need not hold them. The hash is SHA-512: without a processor's help, as emulated ones
//! are, it takes 0.5 s for 64 MiB where SHA-256 takes 1.2 s.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::container::{Containers, ProbeContainer};
use super::{Probe, Verdict, between, never_empty};
use crate::machine::{Machine, on_each, ping, ssh};
use crate::plan::Plan;
use crate::spec::HostName;

const HELP: &str = "where container-ping is green and this is not: see the probe mtu, then `nstat -az TcpRetransSegs` and `ip -s link` on both \
                    hosts; a connection that stalls after some kilobytes means that full packets vanish on the underlay";

/// What each pair transfers.
const BYTES: u64 = 64 << 20;

/// A connection on which nothing moves for so long is dead: TCP has retried five times by then (RFC 6298).
const STALL: Duration = Duration::from_secs(10);

/// 64 MiB at 5 Mbit/s.
const LONGEST: Duration = Duration::from_secs(110);

/// That, and starting Python on an emulated machine.
const DEADLINE: Duration = Duration::from_secs(150);

const RECEIVE: &str = include_str!("bulk/receive.py");
const SEND: &str = include_str!("bulk/send.py");

/// From each host to the next, and from the last to the first: every host sends once and receives once, all at the same time. All pairs
/// would take an emulated mesh minutes, and show no more: each link, in use or not, is the business of the other probes. The measured
/// value is what a pair carried, Mbit/s.
pub fn bulk(plan: &Plan, machines: &[&dyn Machine], containers: &Containers) -> Vec<Verdict> {
    let names: Vec<&HostName> = plan.hosts.iter().map(|host| &host.name).collect();
    let next = |host: &HostName| {
        let place = names.iter().position(|name| *name == host)?;
        names.get((place + 1) % names.len()).copied()
    };
    let get = |host: &HostName| match containers.get(host) {
        Some(Ok(container)) => Ok(*container),
        Some(Err(why)) => Err(format!("no container on {host}: {why}")),
        None => Err(format!("no container on {host}")),
    };
    let ports = on_each(machines, |machine| {
        let script = receive_script(&get(machine.name())?);
        let port = |text: String| text.trim().parse().map_err(|_| format!("no port: {:?}", text.trim()));
        match machine.run(&script, DEADLINE) {
            Ok(finished) => port(finished.stdout_text()),
            Err(error) => Err(ssh::last_words(&error)),
        }
    });
    let port_of = |host: &HostName| match ports.get(host) {
        Some(Ok(port)) => Ok(*port),
        Some(Err(why)) => Err(format!("{host} does not receive: {why}")),
        None => Err(format!("{host} is not running")),
    };
    let sent: BTreeMap<HostName, Result<Transfer, String>> = on_each(machines, |machine| {
        let own = get(machine.name())?;
        let to = next(machine.name()).ok_or_else(|| "it is no host of the plan".to_owned())?;
        let script = send_script(&own, get(to)?.address, port_of(to)?);
        match machine.run(&script, DEADLINE) {
            Ok(finished) => Transfer::parse(&finished.stdout_text()),
            Err(error) => Err(ssh::last_words(&error)),
        }
    });
    let verdict = |from: &&HostName| {
        // A host alone has nobody to send to.
        let to = next(from).filter(|to| to != from)?;
        let subject = between(from, to);
        Some(match sent.get(*from) {
            None => Verdict::red(Probe::Bulk, subject, format!("{from} is not running"), super::UNKNOWN_HELP),
            Some(Err(why)) => Verdict::red(Probe::Bulk, subject, why, super::UNKNOWN_HELP),
            Some(Ok(transfer)) => match transfer.whole() {
                Ok(rate) => {
                    let summary = format!("64 MiB arrived whole in {:.1} s", transfer.seconds);
                    Verdict::green(Probe::Bulk, subject, summary).measured(rate, "Mbit/s")
                }
                Err(why) => Verdict::red(Probe::Bulk, subject, why, HELP),
            },
        })
    };
    never_empty(Probe::Bulk, names.iter().filter_map(verdict).collect())
}

fn python(container: &ProbeContainer, arguments: &str, program: &str) -> String {
    format!(
        "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n\
         if ! command -v python3 >/dev/null; then echo 'python3 is not installed' >&2; exit 127; fi\n\
         LC_ALL=C {}python3 -I -S - {arguments} <<'MESHIMG_END'\n{program}MESHIMG_END\n",
        ping::inside(Some(container))
    )
}

fn receive_script(own: &ProbeContainer) -> String {
    let arguments = format!("{} {BYTES} {} {}", own.address, STALL.as_secs(), LONGEST.as_secs());
    python(own, &arguments, RECEIVE)
}

fn send_script(own: &ProbeContainer, to: Ipv4Addr, port: u16) -> String {
    python(own, &format!("{to} {port} {BYTES} {}", STALL.as_secs()), SEND)
}

/// What one end says of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    bytes: u64,
    hash: String,
    /// `-`: all went well.
    why: String,
}

/// A transfer as both ends saw it.
#[derive(Debug, Clone, PartialEq)]
struct Transfer {
    sent: End,
    received: End,
    seconds: f64,
}

impl Transfer {
    fn parse(output: &str) -> Result<Self, String> {
        let line = |name: &str| output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        if let Some(why) = line("connect") {
            return Err(format!("no connection: {why}"));
        }
        let end = |name: &str| {
            let mut words = line(name)?.splitn(3, ' ');
            Some(End {
                bytes: words.next()?.parse().ok()?,
                hash: words.next()?.to_owned(),
                why: words.next()?.to_owned(),
            })
        };
        match (end("sent"), end("received")) {
            (Some(sent), Some(received)) => Ok(Self {
                sent,
                received,
                seconds: line("seconds").and_then(|text| text.parse().ok()).unwrap_or_default(),
            }),
            _ => Err(format!("the transfer broke off: {:?}", output.trim())),
        }
    }

    /// Mbit/s, if all of it arrived as it was.
    fn whole(&self) -> Result<f64, String> {
        let (sent, received) = (&self.sent, &self.received);
        if received.bytes != BYTES || sent.bytes != BYTES {
            let reasons: Vec<&str> = [&received.why, &sent.why]
                .into_iter()
                .map(String::as_str)
                .filter(|why| *why != "-")
                .collect();
            return Err(format!(
                "{} of {BYTES} bytes arrived: {}",
                received.bytes,
                reasons.join("; the sender had ")
            ));
        }
        if received.hash != sent.hash || sent.hash.len() != 128 {
            return Err(format!(
                "{BYTES} bytes arrived, but other ones: SHA-512 {} was sent, {} was received",
                sent.hash, received.hash
            ));
        }
        if self.seconds <= 0.0 {
            return Err("nobody knows how long it took".to_owned());
        }
        Ok(BYTES as f64 * 8.0 / 1e6 / self.seconds)
    }
}

#[cfg(test)]
#[path = "bulk/tests.rs"]
mod tests;
