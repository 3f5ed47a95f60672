//! How to log in to a guest.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Everything an ssh client needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// The host's name in the lab.
    pub host: String,
    pub address: Ipv4Addr,
    pub port: u16,
    pub user: &'static str,
    /// Private key.
    pub key: PathBuf,
    /// Has the guest's key under `[127.0.0.1]:PORT`.
    pub known_hosts: PathBuf,
}

impl SshTarget {
    /// Arguments of ssh(1) up to the destination: nothing of the user's own configuration has a say.
    pub fn arguments(&self) -> Vec<OsString> {
        let path = |option: &str, path: &PathBuf| {
            let mut text = OsString::from(format!("{option}=\""));
            text.push(path);
            text.push("\"");
            text
        };
        let mut arguments: Vec<OsString> = ["-F", "/dev/null", "-o"].map(OsString::from).to_vec();
        arguments.push(path("IdentityFile", &self.key));
        arguments.push("-o".into());
        arguments.push(path("UserKnownHostsFile", &self.known_hosts));
        let options = [
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "GlobalKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ];
        arguments.extend(options.iter().flat_map(|option| [OsString::from("-o"), OsString::from(option)]));
        arguments.extend(["-p".into(), self.port.to_string().into()]);
        arguments.push(format!("{}@{}", self.user, self.address).into());
        arguments
    }

    /// The same for any program of OpenSSH, as a part of a ssh_config(5): for the names in `names`, which are separated by blanks.
    pub fn config(&self, names: &str) -> String {
        // In double quotes, for there may be blanks; and %h and the like are not meant.
        let path = |path: &PathBuf| format!("\"{}\"", path.display().to_string().replace('%', "%%"));
        format!(
            "Host {names}\n  HostName {}\n  Port {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
             UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n",
            self.address,
            self.port,
            self.user,
            path(&self.key),
            path(&self.known_hosts)
        )
    }
}
