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
}
