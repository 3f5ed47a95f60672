//! The sockets at which a host waits for others (ss(8)).

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

/// A socket that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listener {
    pub protocol: Transport,
    /// Unspecified: every address of the host.
    pub address: IpAddr,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Tcp,
    Udp,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

/// Lines of `ss -Hltun`: `tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*`, with `*`, `[::]:22` and `127.0.0.53%lo:53` as addresses too.
pub fn parse(text: &str) -> Result<Vec<Listener>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut listeners: Vec<Listener> = lines
        .map(|line| listener(line).ok_or_else(|| format!("not a line of ss: {line}")))
        .collect::<Result<_, _>>()?;
    listeners.sort_unstable();
    Ok(listeners)
}

fn listener(line: &str) -> Option<Listener> {
    let mut words = line.split_whitespace();
    let protocol = match words.next()? {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return None,
    };
    let (address, port) = words.nth(3)?.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']);
    let address = address.split('%').next()?;
    Some(Listener {
        protocol,
        address: match address {
            "*" => Ipv4Addr::UNSPECIFIED.into(),
            other => other.trim_matches(['[', ']']).parse().ok()?,
        },
        port: port.parse().ok()?,
    })
}
