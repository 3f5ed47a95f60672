//! A running lab, seen from outside its supervisor.

use std::path::PathBuf;
use std::process::{ChildStdin, ExitStatus};
use std::time::Duration;

use super::accel::{self, Wish};
use super::control::{Answer, ControlError, HostState, LabStatus, Request, ask};
use super::end::{end, kill_leftovers, lock};
use super::error::LabError;
use super::file::LabFile;
use super::log::tail;
use super::prepare::{self, LabRequest};
use super::qmp::Monitor;
use super::ssh::SshTarget;
use super::state::{LabFolder, StateError, names, state_folder};
use super::{PROGRAMS, SUPERVISOR_VERB};
use crate::exec::{Running, Tool, require};
use crate::ui::Ui;
use crate::wait::{Look, WaitError, until};

/// The supervisor and QEMU start in well under a second each; a loaded machine gets more.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// How often to look while something starts or ends.
const SOON: Duration = Duration::from_millis(50);

/// How often ports are chosen anew because another program took one.
const PORT_ATTEMPTS: u32 = 3;

/// The process that a lab lives in, held by the one that started it.
#[derive(Debug)]
pub(super) struct Held {
    running: Running,
    /// Its end ends the supervisor.
    _pipe: ChildStdin,
}

impl Held {
    /// Ends it, whatever signals came for us: SIGTERM first; what is left of its children then, the kernel ends with it.
    pub(super) fn stop(&mut self) {
        self.running.stop();
    }
}

/// A lab. One that this process started ends when this is dropped, unless [`Lab::detach`] was called.
#[derive(Debug)]
pub struct Lab {
    folder: LabFolder,
    file: LabFile,
    held: Option<Held>,
}

impl Lab {
    /// Starts all hosts of `request`. They have power when this returns, and take their time to boot.
    ///
    /// # Errors
    /// [`LabError`]; nothing runs then. A second lab of the same cluster is [`StateError::Busy`].
    pub fn up(request: &LabRequest, ui: &Ui) -> Result<Self, LabError> {
        require(PROGRAMS)?;
        let state = state_folder()?;
        let folder = LabFolder::new(&state, request.cluster.as_str());
        let mut attempt = 1;
        loop {
            match Self::try_up(request, &folder, &state, ui) {
                Err(error) if error.is_taken_port() && attempt < PORT_ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    fn try_up(request: &LabRequest, folder: &LabFolder, state: &std::path::Path, ui: &Ui) -> Result<Self, LabError> {
        let lock = lock(folder)?;
        kill_leftovers(folder)?;
        let accelerator = match request.hosts.first().and_then(|host| request.image(host).ok()) {
            Some(image) => accel::choose(Wish::from_environment()?, image, state, ui)?,
            None => super::Accelerator::Tcg,
        };
        let file = prepare::lab_file(request, accelerator)?;
        prepare::write(folder, &file, request)?;
        let program = prepare::program(request)?;
        // The supervisor inherits the locked file, so there is no moment at which nobody holds the lock.
        let (running, pipe) = Tool::new(program.to_string_lossy(), START_DEADLINE)
            .argument(SUPERVISOR_VERB)
            .argument(folder.path())
            .log(folder.file(names::SUPERVISOR_LOG))
            .spawn_held(lock)?;
        let mut lab = Self {
            folder: folder.clone(),
            file,
            held: Some(Held { running, _pipe: pipe }),
        };
        lab.wait_for_power()?;
        ui.detail(&format!(
            "lab: {} hosts under {}, files in {}",
            lab.file.guests.len(),
            lab.file.accelerator,
            folder.path().display()
        ));
        Ok(lab)
    }

    /// A lab that another process started.
    ///
    /// # Errors
    /// [`ControlError::NotUp`] if it does not run.
    pub fn attach(cluster: &str) -> Result<Self, LabError> {
        let folder = LabFolder::new(&state_folder()?, cluster);
        ask(&folder, &Request::Status)?;
        let path = folder.file(names::LAB);
        let bytes = std::fs::read(&path).map_err(|source| StateError::Io { path, source })?;
        Ok(Self {
            file: serde_json::from_slice(&bytes)?,
            folder,
            held: None,
        })
    }

    /// Waits until every QEMU runs its guest.
    fn wait_for_power(&mut self) -> Result<(), LabError> {
        let (folder, held) = (&self.folder, &mut self.held);
        let mut ended = || held.as_mut().and_then(|held| held.running.ended());
        let started = until("the lab's supervisor", START_DEADLINE, SOON, || {
            match (ask(folder, &Request::Status), ended()) {
                (Ok(_), _) => Look::Ready(()),
                (Err(_), Some(status)) => Look::Gone(status.to_string()),
                (Err(error), None) => Look::Pending(error.to_string()),
            }
        });
        match started {
            Err(WaitError::Gone { why, .. }) => {
                let said = format!("{why}\n{}", tail(&self.folder.file(names::SUPERVISOR_LOG)));
                return Err(LabError::SupervisorNotStarted { said });
            }
            other => other?,
        }
        for guest in &self.file.guests {
            let state = until("QEMU's monitor", START_DEADLINE, SOON, || {
                let power = || {
                    let stream = self
                        .folder
                        .connect(&names::qmp_socket(&guest.name))
                        .map_err(|error| error.to_string())?;
                    Monitor::new(stream)
                        .and_then(|mut monitor| monitor.status())
                        .map_err(|error| error.to_string())
                };
                match power() {
                    Ok(_) => Look::Ready(HostState::Running { process: 0 }),
                    Err(error) => match self.state(&guest.name) {
                        Ok(state @ (HostState::Ended { .. } | HostState::Killed)) => Look::Ready(state),
                        _ => Look::Pending(error),
                    },
                }
            })?;
            if let HostState::Ended { status } = state {
                return Err(LabError::GuestNotStarted {
                    host: guest.name.clone(),
                    status,
                    said: tail(&self.folder.file(&names::qemu_log(&guest.name))),
                });
            }
        }
        Ok(())
    }

    /// Why the host runs no more, if so: its QEMU has ended, or its kernel has panicked.
    pub fn ended(&self, host: &str) -> Option<String> {
        let log = self.serial_log(host).ok()?;
        match self.state(host) {
            Ok(HostState::Running { .. }) if tail(&log).contains("Kernel panic - not syncing") => {
                Some(format!("the kernel of {host} panicked\n{}", tail(&log)))
            }
            Ok(HostState::Running { .. }) => None,
            Ok(HostState::Ended { status }) => {
                let qemu = tail(&self.folder.file(&names::qemu_log(host)));
                Some(format!("QEMU of {host} ended ({status})\n{qemu}\n{}", tail(&log)))
            }
            Ok(HostState::Killed) => Some(format!("{host} was killed")),
            Err(error) => Some(error.to_string()),
        }
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        self.folder.cluster()
    }

    /// The folder with the lab's files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) fn lab_folder(&self) -> &LabFolder {
        &self.folder
    }

    /// Lets the lab go on after this process.
    ///
    /// # Errors
    /// [`LabError::Control`]; it then ends with this process.
    pub fn detach(mut self) -> Result<(), LabError> {
        self.tell(&Request::Detach)?;
        if let Some(held) = self.held.take() {
            held.running.release();
        }
        Ok(())
    }

    /// All there is to know.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn status(&self) -> Result<LabStatus, LabError> {
        match ask(&self.folder, &Request::Status)? {
            Answer::Status(status) => Ok(status),
            _ => Err(ControlError::Refused("no status".to_owned()).into()),
        }
    }

    /// Tells the supervisor something; the methods below are this with a name.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn tell(&self, request: &Request) -> Result<(), LabError> {
        ask(&self.folder, request)?;
        Ok(())
    }

    /// Ends the host's QEMU with SIGKILL: to the others, the host vanishes.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn kill(&self, host: &str) -> Result<(), LabError> {
        self.tell(&Request::Kill { host: host.to_owned() })
    }

    /// Starts a host that has ended again, on its old disk.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn start(&self, host: &str) -> Result<(), LabError> {
        self.tell(&Request::Start { host: host.to_owned() })
    }

    /// Cuts the host's power and gives it back.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn reset(&self, host: &str) -> Result<(), LabError> {
        self.tell(&Request::Reset { host: host.to_owned() })
    }

    /// Presses the host's power button.
    ///
    /// # Errors
    /// [`LabError::Control`].
    pub fn power_down(&self, host: &str) -> Result<(), LabError> {
        self.tell(&Request::PowerDown { host: host.to_owned() })
    }

    /// Changes how the package archive behaves towards a stock host.
    ///
    /// # Errors
    /// [`LabError::Control`], also when the hosts have no way to an archive.
    pub fn archive(&self, host: &str, mode: super::archive::Mode) -> Result<(), LabError> {
        self.tell(&Request::Archive {
            host: host.to_owned(),
            mode,
        })
    }

    /// Whether its hosts install what they need at their first boot.
    pub fn is_stock(&self) -> bool {
        self.file.archive.is_some()
    }

    /// Names of the hosts, in the order of cluster.yaml.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.file.guests.iter().map(|guest| guest.name.as_str())
    }

    /// Where a machine that is no host of the cluster is on the underlay, if the lab has an address for it.
    pub fn stranger(&self) -> (crate::plan::MacAddress, Option<std::net::IpAddr>) {
        (self.file.stranger_mac(), self.file.stranger)
    }

    /// Connects to a socket in the lab's folder.
    ///
    /// # Errors
    /// Those of connect(2).
    pub(super) fn connect(&self, name: &str) -> std::io::Result<std::os::unix::net::UnixStream> {
        self.folder.connect(name)
    }

    /// How the guests run.
    pub fn accelerator(&self) -> super::Accelerator {
        self.file.accelerator
    }

    /// How to log in to a host.
    ///
    /// # Errors
    /// [`LabError::NoHost`].
    pub fn ssh_target(&self, host: &str) -> Result<SshTarget, LabError> {
        Ok(SshTarget {
            host: host.to_owned(),
            address: std::net::Ipv4Addr::LOCALHOST,
            port: self.guest(host)?.ssh_port,
            user: "root",
            key: self.folder.file(names::KEY),
            known_hosts: self.folder.file(names::KNOWN_HOSTS),
        })
    }

    /// Runs ssh(1) on our terminal: a login, or `command`.
    ///
    /// # Errors
    /// [`LabError::NoHost`] or [`LabError::Exec`]; the command's own status is returned.
    pub fn ssh(&self, host: &str, command: &[String]) -> Result<ExitStatus, LabError> {
        let target = self.ssh_target(host)?;
        let tool = Tool::new("ssh", Duration::MAX).arguments(target.arguments()).arguments(command);
        Ok(tool.run_on_terminal()?)
    }

    /// Where the host's serial console is written.
    ///
    /// # Errors
    /// [`LabError::NoHost`].
    pub fn serial_log(&self, host: &str) -> Result<PathBuf, LabError> {
        self.guest(host)?;
        Ok(self.folder.file(&names::serial_log(host)))
    }

    /// The serial console's file of a host whose lab may have ended since: its logs stay until the next `up` or `down`.
    ///
    /// # Errors
    /// [`LabError::NoHost`] if there is no such file.
    pub fn kept_serial_log(cluster: &str, host: &str) -> Result<PathBuf, LabError> {
        let folder = LabFolder::new(&state_folder()?, cluster);
        let path = folder.file(&names::serial_log(host));
        // A name with a path in it leads elsewhere.
        if host.contains('/') || !path.is_file() {
            return Err(LabError::NoHost {
                cluster: cluster.to_owned(),
                host: host.to_owned(),
            });
        }
        Ok(path)
    }

    /// Ends everything and checks that it has ended: every step is tried, then all that failed is reported.
    ///
    /// # Errors
    /// [`LabError::NotEnded`].
    pub fn destroy(mut self) -> Result<(), LabError> {
        let held = self.held.take();
        end(&self.folder, held)
    }

    /// Ends the lab of `cluster`, whether its supervisor lives or has left things behind; that there is none is fine.
    ///
    /// # Errors
    /// [`LabError::NotEnded`].
    pub fn down(cluster: &str) -> Result<(), LabError> {
        end(&LabFolder::new(&state_folder()?, cluster), None)
    }

    fn guest(&self, host: &str) -> Result<&super::file::GuestFile, LabError> {
        self.file
            .guests
            .iter()
            .find(|guest| guest.name == host)
            .ok_or_else(|| LabError::NoHost {
                cluster: self.file.cluster.clone(),
                host: host.to_owned(),
            })
    }

    fn state(&self, host: &str) -> Result<HostState, LabError> {
        let status = self.status()?;
        let found = status.hosts.into_iter().find(|status| status.name == host);
        found.map(|status| status.state).ok_or_else(|| LabError::NoHost {
            cluster: self.file.cluster.clone(),
            host: host.to_owned(),
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut held) = self.held.take() {
            held.stop();
        }
    }
}
