//! What commands have in common that reach hosts by ssh.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Format, ask, host_name, load, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::plan::Plan;
use crate::remote::Connection;
use crate::remote::apply::ConfirmWithin;
use crate::spec::HostName;

/// How hosts are reached.
#[derive(Debug, Default, clap::Args)]
pub struct Ssh {
    /// Configuration for ssh (its option -F) in the place of your own; ssh is told a host's `address`, of a droplet its public address, and
    /// `access.user`
    #[arg(long = "ssh-config", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Ssh {
    /// Whether ssh can read its configuration: it would say so once for each host.
    ///
    /// # Errors
    /// [`Error::Usage`]
    pub fn check(&self) -> Result<(), Error> {
        let Some(config) = &self.config else { return Ok(()) };
        let opened = std::fs::File::open(config);
        opened.map(drop).map_err(|source| {
            Error::Usage(format!(
                "cannot read {}: {source}; give --ssh-config a file in the language of ssh_config(5)",
                config.display()
            ))
        })
    }

    /// What to connect to: `hosts` of `file`, all of them where there are none.
    pub fn connection(&self, file: &Path, hosts: BTreeSet<HostName>) -> Connection {
        Connection {
            hosts,
            ssh_config: self.config.clone(),
            known_hosts: Some(load::known_hosts_path(file)).filter(|path| path.exists()),
        }
    }
}

/// Which hosts, and how.
#[derive(Debug, clap::Args)]
pub struct Hosts {
    /// Only this host; may be given several times [default: all of them]
    #[arg(long = "host", value_name = "NAME", value_parser = host_name)]
    hosts: Vec<HostName>,
    #[command(flatten)]
    ssh: Ssh,
}

impl Hosts {
    /// What to connect to for `plan`, of `file`.
    ///
    /// # Errors
    /// A host that is not in the plan, or a configuration that is not there: ssh would say it once for each host.
    pub fn connection(&self, plan: &Plan, file: &Path) -> Result<Connection, Error> {
        for name in &self.hosts {
            load::known(plan, name, &file.display().to_string())?;
        }
        self.ssh.check()?;
        Ok(self.ssh.connection(file, self.hosts.iter().cloned().collect()))
    }
}

/// Of commands that change hosts.
#[derive(Debug, clap::Args)]
pub struct Changing {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// For how long a host that has changed waits to be confirmed over a new ssh connection; then it takes the change back [30 to 3600]
    #[arg(long, value_name = "SECONDS", default_value_t = ConfirmWithin::default())]
    pub confirm_within: ConfirmWithin,
    /// How what differs is shown: text for people, or JSON for programs (its `version` changes when a field changes its meaning)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Changing {
    /// Prints what differs.
    ///
    /// # Errors
    /// Standard output cannot be written to, or Ctrl-C: nothing is asked then.
    pub fn show(&self, differences: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Error> {
        match self.format {
            Format::Json => output::print_json(differences)?,
            Format::Text => output::print(&text())?,
        }
        match interrupt::requested() {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }

    /// Whether the person at the terminal says yes, if there is to be one.
    ///
    /// # Errors
    /// [`Error::Usage`]: nobody is there.
    pub fn is_wanted(&self, question: &str) -> Result<bool, Error> {
        Ok(self.yes || says_yes(question)?)
    }
}

/// Whether the person at the terminal says yes.
///
/// # Errors
/// [`Error::Usage`]: nobody is there.
pub fn says_yes(question: &str) -> Result<bool, Error> {
    let nobody = "nothing was changed: nobody can be asked, as standard input is no terminal; --yes goes without asking";
    ask::agrees(question, nobody)
}

#[cfg(test)]
impl Default for Changing {
    fn default() -> Self {
        Self {
            yes: false,
            confirm_within: ConfirmWithin::default(),
            format: Format::Text,
        }
    }
}
