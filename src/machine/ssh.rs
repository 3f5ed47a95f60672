//! Machines reached with the system's OpenSSH.
//!
//! Host keys are never ignored: whoever's configuration holds, a host whose key is not known is refused ([`SshAccess`]), but for the first connection to
//! a droplet ([`HostKeys::First`]).
//!
//! A handshake costs a second or more on an emulated machine, so all calls of one [`SshMachine`] share a connection (ssh_config(5),
//! ControlMaster). The control socket lies in [`SshTarget::control_folder`] and ssh runs there with a relative path: a socket's path has
//! at most 108 bytes (unix(7)), of which ssh takes 17 for a temporary name.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Machine;
use crate::exec::{ExecError, Finished, Tool};
use crate::spec::{HostName, UserName};
use crate::wait::{self, Look, WaitError};

/// Seconds until a connection that gives no answer is given up; under emulation sshd's first answer may take some.
const CONNECT_SECONDS: u32 = 15;

/// Seconds between signs of life on an idle connection, of which three may be missed.
const ALIVE_SECONDS: u32 = 5;

/// Seconds that the shared connection outlives the last call.
const PERSIST_SECONDS: u32 = 120;

/// How long `ssh -O exit` may take; it only talks to a local socket.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// How long one attempt to reach a booting machine may take. A handshake with an emulated machine that is busy booting can take more than
/// 20 s, and costs it seconds of work: one that is given up is lost work on both sides.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(60);

/// Time between two attempts.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(500);

/// What ssh needs to know of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    pub host: HostName,
    /// What ssh is told to connect to.
    pub address: IpAddr,
    pub user: UserName,
    pub access: SshAccess,
    /// An existing folder for the control socket, which only the caller may enter.
    pub control_folder: PathBuf,
}

/// Whose word holds about port, keys and known hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshAccess {
    /// All is given, as in a lab. The caller's own configuration and agent are not asked.
    Given {
        port: u16,
        /// Private key, the only one that is offered.
        key: PathBuf,
        /// File with the host's key, as [`known_hosts_line`] writes it.
        known_hosts: PathBuf,
    },
    /// The caller's own ssh_config(5), agent and known_hosts; where `config` is given, that file alone (`ssh -F`).
    Own { config: Option<PathBuf>, host_keys: HostKeys },
}

/// By which key a host is known, where the caller's own configuration holds. The files have it under the host's address, whatever port and name the
/// configuration makes of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// As the caller's configuration has it.
    #[default]
    Own,
    /// This file has it, or else the usual ones of the caller.
    Kept(PathBuf),
    /// Nobody knows it yet: the one that the host shows first is written to this file, and no other is taken from then on.
    First(PathBuf),
}

impl HostKeys {
    fn absolute(self) -> std::io::Result<Self> {
        use std::path::absolute;
        Ok(match self {
            Self::Own => Self::Own,
            Self::Kept(file) => Self::Kept(absolute(file)?),
            Self::First(file) => Self::First(absolute(file)?),
        })
    }
}

impl SshAccess {
    /// ssh runs in the control folder, where a relative path would mean another file.
    fn absolute(self) -> std::io::Result<Self> {
        use std::path::absolute;
        Ok(match self {
            Self::Given { port, key, known_hosts } => Self::Given {
                port,
                key: absolute(key)?,
                known_hosts: absolute(known_hosts)?,
            },
            Self::Own { config, host_keys } => Self::Own {
                config: config.map(absolute).transpose()?,
                host_keys: host_keys.absolute()?,
            },
        })
    }
}

/// The line of known_hosts (sshd(8)) for `public_key`, the content of a ssh_host_*_key.pub file, of a machine at `address` and `port`.
pub fn known_hosts_line(address: IpAddr, port: u16, public_key: &str) -> String {
    let key: Vec<&str> = public_key.split_whitespace().take(2).collect();
    let host = if port == 22 {
        address.to_string()
    } else {
        format!("[{address}]:{port}")
    };
    format!("{host} {}\n", key.join(" "))
}

/// A machine behind an ssh server. Dropping it ends the shared connection.
#[derive(Debug)]
pub struct SshMachine {
    target: SshTarget,
}

impl SshMachine {
    /// Does not connect yet.
    ///
    /// # Errors
    /// When the current folder is gone, so that relative paths mean nothing.
    pub fn new(target: SshTarget) -> std::io::Result<Self> {
        Ok(Self {
            target: SshTarget {
                access: target.access.absolute()?,
                control_folder: std::path::absolute(&target.control_folder)?,
                ..target
            },
        })
    }

    /// How it is reached.
    pub fn target(&self) -> &SshTarget {
        &self.target
    }

    /// Ends the shared connection, if there is one.
    ///
    /// # Errors
    /// [`ExecError`] when ssh could not end it.
    pub fn close(&self) -> Result<(), ExecError> {
        if !self.is_open() {
            return Ok(());
        }
        // Not Tool::run, which gives up after Ctrl-C: that is just when this is called.
        let tool = Tool::new("ssh", CLOSE_DEADLINE)
            .arguments(close_arguments(&self.target))
            .folder(&self.target.control_folder);
        let command_line = tool.command_line();
        let status = tool.spawn()?.wait_undisturbed(CLOSE_DEADLINE);
        // The connection may also have ended by itself in the meantime.
        if !self.is_open() {
            return Ok(());
        }
        Err(ExecError::Failed {
            command_line,
            status: status.map_or_else(|| "no end".to_owned(), |status| status.to_string()),
            stderr_tail: String::new(),
        })
    }

    fn is_open(&self) -> bool {
        self.target.control_folder.join(control_name(&self.target)).exists()
    }
}

impl Drop for SshMachine {
    fn drop(&mut self) {
        // ControlPersist ends it later if this fails.
        let _ = self.close();
    }
}

impl Machine for SshMachine {
    fn name(&self) -> &HostName {
        &self.target.host
    }

    fn run(&self, script: &str, deadline: Duration) -> Result<Finished, ExecError> {
        Tool::new("ssh", deadline)
            .arguments(run_arguments(&self.target, deadline))
            .folder(&self.target.control_folder)
            // BatchMode is not passed on to the ssh of a ProxyJump, which would ask on our terminal for whatever it misses (ssh(1)).
            .environment("SSH_ASKPASS", "/bin/false")
            .environment("SSH_ASKPASS_REQUIRE", "force")
            .stdin(whole_script(script))
            .run()
    }
}

/// Whether `error` of [`Machine::run`] means that the machine was not reached, rather than that the script failed.
///
/// A deadline that passed can mean either, and counts as the script's. ssh(1) exits with 255 for errors of its own; the script's 255 is turned into 254 on the machine.
pub fn is_unreachable(error: &ExecError) -> bool {
    matches!(error, ExecError::Failed { status, .. } if status == "exit status: 255")
}

/// Waits until the machine runs a command, and returns it. `gone` says why there is no more use in waiting (its QEMU has ended).
///
/// # Errors
/// [`WaitError`] with what ssh said last.
pub fn wait_for_ssh(target: SshTarget, deadline: Duration, gone: impl Fn() -> Option<String>) -> Result<SshMachine, WaitError> {
    let what = format!("ssh to {}", target.host);
    let machine = SshMachine::new(target).map_err(|error| WaitError::Gone {
        what: what.clone(),
        why: error.to_string(),
    })?;
    wait_until_answer(&machine, &what, deadline, gone, |_| Ok(()))?;
    Ok(machine)
}

/// Waits until `machine` answers from another boot than the one `boot_id` (see [`super::facts::Facts::boot_id`]) is of.
///
/// # Errors
/// [`WaitError`] with what was seen last.
pub fn wait_for_reboot(
    machine: &SshMachine,
    boot_id: &str,
    deadline: Duration,
    gone: impl Fn() -> Option<String>,
) -> Result<(), WaitError> {
    let what = format!("reboot of {}", machine.name());
    wait_until_answer(machine, &what, deadline, gone, |now| match now.trim() {
        same if same == boot_id.trim() => Err("still up from before".into()),
        _ => Ok(()),
    })
}

fn wait_until_answer(
    machine: &SshMachine,
    what: &str,
    deadline: Duration,
    gone: impl Fn() -> Option<String>,
    accept: impl Fn(&str) -> Result<(), String>,
) -> Result<(), WaitError> {
    wait::until(what, deadline, ATTEMPT_INTERVAL, || {
        if let Some(why) = gone() {
            return Look::Gone(why);
        }
        match machine.run("cat /proc/sys/kernel/random/boot_id", ATTEMPT_DEADLINE.min(deadline)) {
            Ok(finished) => match accept(&finished.stdout_text()) {
                Ok(()) => Look::Ready(()),
                Err(seen) => Look::Pending(seen),
            },
            Err(error @ ExecError::Missing { .. }) => Look::Gone(error.to_string()),
            Err(error) => {
                // A connection from before a reboot would swallow the next attempt too.
                let _ = machine.close();
                Look::Pending(last_words(&error))
            }
        }
    })
}

/// The part of an error that says what happened, without the long command line.
pub(crate) fn last_words(error: &ExecError) -> String {
    match error {
        ExecError::Failed { status, stderr_tail, .. } if stderr_tail.is_empty() => status.clone(),
        ExecError::Failed { stderr_tail, .. } => stderr_tail.clone(),
        ExecError::Deadline { deadline, .. } => format!("no end within {} s", deadline.as_secs()),
        other => other.to_string(),
    }
}

/// Braces make the shell read the script to its end before it starts: a connection that breaks half way runs nothing, and no command
/// of the script can eat the rest of it from standard input.
fn whole_script(script: &str) -> String {
    format!("{{\n{script}\n}} </dev/null\n")
}

fn control_name(target: &SshTarget) -> String {
    // At most 63 bytes, and 17 for ssh's temporary name.
    target.host.as_str().to_owned()
}

/// What ssh runs on the machine: the shell with a time limit of its own, for nobody ends it when our end of the connection dies.
fn remote_command(user: &UserName, deadline: Duration) -> String {
    let seconds = deadline.as_secs() + 5;
    let shell = format!("sh -c 'timeout -k 5 {seconds} sh -eu -s; status=$?; if [ $status -eq 255 ]; then status=254; fi; exit $status'");
    if user.as_str() == "root" {
        shell
    } else {
        format!("sudo -n {shell}")
    }
}

/// The arguments of ssh for a script that takes at most `deadline`; to be run in the control folder.
pub fn run_arguments(target: &SshTarget, deadline: Duration) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    match &target.access {
        SshAccess::Given { .. } => arguments.extend(["-F", "none"].map(OsString::from)),
        SshAccess::Own { config: Some(config), .. } => arguments.extend([OsString::from("-F"), config.into()]),
        SshAccess::Own { config: None, .. } => {}
    }
    let mut option = |text: OsString| arguments.extend([OsString::from("-o"), text]);
    option("BatchMode=yes".into());
    let is_first = matches!(
        &target.access,
        SshAccess::Own {
            host_keys: HostKeys::First(_),
            ..
        }
    );
    option(format!("StrictHostKeyChecking={}", if is_first { "accept-new" } else { "yes" }).into());
    match &target.access {
        SshAccess::Given { port, key, known_hosts } => {
            option(path_option("UserKnownHostsFile", known_hosts));
            option("GlobalKnownHostsFile=none".into());
            option("IdentitiesOnly=yes".into());
            option("IdentityAgent=none".into());
            option(path_option("IdentityFile", key));
            option(format!("Port={port}").into());
        }
        // What a person wants of a shell of his is in the way of a script.
        SshAccess::Own { host_keys, .. } => {
            match host_keys {
                HostKeys::Own => {}
                HostKeys::Kept(file) => {
                    let mut files = path_option("UserKnownHostsFile", file);
                    files.push(" ~/.ssh/known_hosts ~/.ssh/known_hosts2");
                    option(files);
                    option(format!("HostKeyAlias={}", target.address).into());
                }
                HostKeys::First(file) => {
                    option(path_option("UserKnownHostsFile", file));
                    option(format!("HostKeyAlias={}", target.address).into());
                    // We have to read it.
                    option("HashKnownHosts=no".into());
                }
            }
            option("ClearAllForwardings=yes".into());
            option("RemoteCommand=none".into());
        }
    }
    option("UpdateHostKeys=no".into());
    option(format!("ConnectTimeout={CONNECT_SECONDS}").into());
    option(format!("ServerAliveInterval={ALIVE_SECONDS}").into());
    option("ServerAliveCountMax=3".into());
    option("ControlMaster=auto".into());
    option(format!("ControlPath={}", control_name(target)).into());
    option(format!("ControlPersist={PERSIST_SECONDS}").into());
    option("ForwardAgent=no".into());
    option("LogLevel=ERROR".into());
    arguments.extend(["-T", "-l", target.user.as_str(), "--"].map(OsString::from));
    arguments.push(target.address.to_string().into());
    arguments.push(remote_command(&target.user, deadline).into());
    arguments
}

/// The arguments of ssh that end the shared connection; to be run in the control folder.
pub fn close_arguments(target: &SshTarget) -> Vec<OsString> {
    let control = format!("ControlPath={}", control_name(target));
    let address = target.address.to_string();
    ["-F", "none", "-o", &control, "-O", "exit", "--", &address]
        .map(OsString::from)
        .to_vec()
}

/// An option whose value is a file name: in double quotes, for ssh splits at spaces, and `%` doubled, for ssh expands `%h` and the like.
fn path_option(name: &str, path: &Path) -> OsString {
    let text = path.to_string_lossy().replace('%', "%%").replace('\\', r"\\").replace('"', r#"\""#);
    format!("{name}=\"{text}\"").into()
}

#[cfg(test)]
#[path = "ssh_tests.rs"]
mod tests;
