//! Which pairs of ports a request means. A pair is ordered: frames go from its first to its second.

use serde::{Deserialize, Serialize};

use super::file::LabFile;

/// A selection of pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Pairs {
    /// All there are, those of the machine that is no host included.
    All,
    /// Both directions between two hosts.
    Between { hosts: [String; 2] },
    /// One direction between two hosts.
    OneWay { from: String, to: String },
    /// Between a host and everything else.
    Host { host: String, ways: Ways },
}

/// Directions, seen from a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ways {
    Both,
    /// What goes to it.
    In,
    /// What comes from it.
    Out,
}

/// Why a selection means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairsError {
    #[error("the lab has no host '{0}'")]
    NoHost(String),
    #[error("'{0}' and '{0}' are one host; frames go between two")]
    OneHost(String),
}

impl Pairs {
    /// Both directions between two hosts.
    pub fn between(a: &str, b: &str) -> Self {
        Self::Between {
            hosts: [a.to_owned(), b.to_owned()],
        }
    }

    /// From one host to another.
    pub fn one_way(from: &str, to: &str) -> Self {
        Self::OneWay {
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    /// Between a host and everything else.
    pub fn host(host: &str, ways: Ways) -> Self {
        Self::Host {
            host: host.to_owned(),
            ways,
        }
    }

    /// The pairs as (sending, receiving) port of the switch of `lab`.
    ///
    /// # Errors
    /// [`PairsError`].
    pub fn ports(&self, lab: &LabFile) -> Result<Vec<(usize, usize)>, PairsError> {
        let port = |name: &str| lab.port(name).ok_or_else(|| PairsError::NoHost(name.to_owned()));
        let two = |a: &str, b: &str| match (port(a)?, port(b)?) {
            (a_port, b_port) if a_port == b_port => Err(PairsError::OneHost(a.to_owned())),
            ports => Ok(ports),
        };
        let all = 0..lab.ports();
        Ok(match self {
            Self::All => all
                .clone()
                .flat_map(|from| all.clone().map(move |to| (from, to)))
                .filter(|(from, to)| from != to)
                .collect(),
            Self::Between { hosts: [a, b] } => {
                let (a, b) = two(a, b)?;
                vec![(a, b), (b, a)]
            }
            Self::OneWay { from, to } => vec![two(from, to)?],
            Self::Host { host, ways } => {
                let host = port(host)?;
                let others = all.filter(|other| *other != host);
                others
                    .flat_map(|other| match ways {
                        Ways::Both => vec![(host, other), (other, host)],
                        Ways::In => vec![(other, host)],
                        Ways::Out => vec![(host, other)],
                    })
                    .collect()
            }
        })
    }
}
