//! How to log in to a guest.

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

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

/// Whether an sshd answers at `port` of 127.0.0.1 (RFC 4253 4.2: it speaks first); the text says what was seen instead. QEMU accepts
/// the connection before the guest does, so that alone says nothing.
///
/// # Errors
/// What was seen instead.
pub fn greeting(port: u16, patience: Duration) -> Result<(), String> {
    let look = || -> io::Result<[u8; 4]> {
        let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
        stream.set_read_timeout(Some(patience))?;
        let mut start = [0; 4];
        stream.read_exact(&mut start)?;
        Ok(start)
    };
    match look() {
        Ok(start) if &start == b"SSH-" => Ok(()),
        Ok(_) => Err("something that is no sshd answers".to_owned()),
        Err(error) => Err(format!("no sshd answers ({error})")),
    }
}
