//! Which frames of the underlay a verb is about.

use std::path::Path;

use crate::cli::{Context, host_name};
use crate::error::Error;
use crate::lab::{Lab, Pairs, Ways};
use crate::spec::HostName;

/// What stands behind the first host.
#[derive(Debug, clap::Args)]
pub struct Direction {
    /// A second host: only what goes between the two
    #[arg(value_parser = host_name, value_name = "OTHER")]
    other: Option<HostName>,
    /// Only from HOST to OTHER, not back
    #[arg(long, requires = "other")]
    one_way: bool,
    /// Without OTHER: only what goes to HOST
    #[arg(long = "in", requires = "host", conflicts_with_all = ["other", "out"])]
    inward: bool,
    /// Without OTHER: only what HOST sends
    #[arg(long = "out", id = "out", requires = "host", conflicts_with = "other")]
    outward: bool,
}

/// A selection as it was typed.
pub struct Target<'a> {
    pub file: &'a Path,
    pub host: Option<&'a HostName>,
    pub direction: &'a Direction,
}

impl Target<'_> {
    /// The lab, after a look whether the hosts are in its cluster.
    pub fn attach(&self, context: &Context) -> Result<Lab, Error> {
        super::attach_knowing(self.file, self.host.into_iter().chain(&self.direction.other), context)
    }

    pub fn pairs(&self) -> Pairs {
        match (self.host, &self.direction.other) {
            (Some(host), Some(other)) if self.direction.one_way => Pairs::one_way(host.as_str(), other.as_str()),
            (Some(host), Some(other)) => Pairs::between(host.as_str(), other.as_str()),
            (Some(host), None) => Pairs::host(host.as_str(), self.ways()),
            (None, _) => Pairs::All,
        }
    }

    fn ways(&self) -> Ways {
        match (self.direction.inward, self.direction.outward) {
            (true, _) => Ways::In,
            (_, true) => Ways::Out,
            _ => Ways::Both,
        }
    }

    /// The selection in words.
    pub fn words(&self) -> String {
        match (self.host, &self.direction.other) {
            (Some(host), Some(other)) if self.direction.one_way => format!("from {host} to {other}"),
            (Some(host), Some(other)) => format!("between {host} and {other}"),
            (Some(host), None) => match self.ways() {
                Ways::Both => format!("to and from {host}"),
                Ways::In => format!("to {host}"),
                Ways::Out => format!("from {host}"),
            },
            (None, _) => "between all hosts".to_owned(),
        }
    }

    /// The selection as arguments of a verb.
    pub fn arguments(&self) -> String {
        let mut text = self.file.display().to_string();
        for host in self.host.into_iter().chain(&self.direction.other) {
            text += &format!(" {host}");
        }
        for (given, option) in [
            (self.direction.one_way, " --one-way"),
            (self.direction.inward, " --in"),
            (self.direction.outward, " --out"),
        ] {
            if given {
                text += option;
            }
        }
        text
    }
}
