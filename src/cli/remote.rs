//! What commands have in common that reach hosts by ssh.

use std::path::{Path, PathBuf};

use super::{host_name, load};
use crate::error::Error;
use crate::plan::Plan;
use crate::remote::Connection;
use crate::spec::HostName;

/// Checks that a configuration for ssh is there.
pub fn check_config(config: Option<&Path>) -> Result<(), Error> {
    let Some(config) = config else { return Ok(()) };
    let refused = |source| {
        Error::Usage(format!(
            "cannot read {}: {source}; give --ssh-config a file in the language of ssh_config(5)",
            config.display()
        ))
    };
    std::fs::File::open(config).map(|_| ()).map_err(refused)
}

/// Which hosts, and how.
#[derive(Debug, clap::Args)]
pub struct Hosts {
    /// Only this host; may be given several times [default: all of them]
    #[arg(long = "host", value_name = "NAME", value_parser = host_name)]
    hosts: Vec<HostName>,
    /// Configuration for ssh (its option -F) in the place of your own; ssh is told a host's `address`, of a droplet its public address, and
    /// `access.user`
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
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
        check_config(self.ssh_config.as_deref())?;
        Ok(Connection {
            hosts: self.hosts.iter().cloned().collect(),
            ssh_config: self.ssh_config.clone(),
            known_hosts: Some(load::known_hosts_path(file)).filter(|path| path.exists()),
        })
    }
}
