//! The process that a lab lives in: it holds the switch, is the parent of all QEMU processes, and serves the control socket.
//!
//! Until it is told to detach, the end of its standard input, a pipe from the process that started the lab, ends it and
//! everything it started; so does SIGTERM. If it is killed itself, the kernel ends its children (`setpriv --pdeathsig`).

use std::io::{self, BufReader, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::archive::Forwarder;
use super::captures::Captures;
use super::control::{Answer, HostState, HostStatus, LabStatus, Request, Traffic, receive, send};
use super::file::LabFile;
use super::pairs::{Pairs, PairsError};
use super::qemu;
use super::qmp::{Monitor, QmpError};
use super::state::names;
use super::switch::Switch;
use crate::exec::{ExecError, Running, Tool, interrupt};

/// How often signals and ended guests are looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Why a supervisor could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("lab.json: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Monitor(#[from] QmpError),
    #[error(transparent)]
    Pairs(#[from] PairsError),
}

fn io_error(what: &str) -> impl FnOnce(io::Error) -> SupervisorError {
    let what = what.to_owned();
    move |source| SupervisorError::Io { what, source }
}

enum Event {
    Asked(Request, Sender<Answer>),
    ParentEnded,
}

enum Guest {
    Runs(Running),
    Ended(String),
    Killed,
}

struct Supervisor {
    lab: LabFile,
    switch: Switch,
    archive: Option<Forwarder>,
    guests: Vec<Guest>,
    detached: bool,
}

/// Runs the lab in `folder` until it is to end. Standard output is the lab's lock file.
///
/// # Errors
/// When it cannot start; everything that was started is ended then.
pub fn run(folder: &Path) -> Result<(), SupervisorError> {
    interrupt::install().map_err(io_error("signals"))?;
    // EPERM: we lead a group already, so nobody's Ctrl-C reaches us anyway.
    let _ = rustix::process::setsid();
    std::env::set_current_dir(folder).map_err(io_error(&folder.to_string_lossy()))?;
    let mut lock = rustix::io::dup(io::stdout())
        .map(std::fs::File::from)
        .map_err(|error| io_error("lock")(error.into()))?;
    super::state::claim(&mut lock).map_err(io_error("lock"))?;
    let lab: LabFile = serde_json::from_slice(&std::fs::read(names::LAB).map_err(io_error(names::LAB))?)?;

    let (sender, events) = channel();
    watch_parent(sender.clone());
    let switch = Switch::new(lab.ports());
    for port in 0..lab.ports() {
        switch.serve(port, listen(&names::switch_socket(port))?);
    }
    let archive = start_archive(&lab)?;
    let mut supervisor = Supervisor {
        lab,
        switch,
        archive,
        guests: Vec::new(),
        detached: false,
    };
    let started = supervisor.start_all().and_then(|()| listen(names::CONTROL));
    if let Ok(listener) = started.as_ref().map(UnixListener::try_clone) {
        match listener {
            Ok(listener) => serve(listener, sender, Captures::new(&supervisor.lab, &supervisor.switch)),
            Err(source) => return Err(io_error(names::CONTROL)(source)),
        }
        supervisor.run(&events);
    }
    supervisor.end();
    started.map(|_| ())
}

/// Makes the socket `name`, in place of one that a dead supervisor left.
fn listen(name: &str) -> Result<UnixListener, SupervisorError> {
    let _ = std::fs::remove_file(name);
    UnixListener::bind(name).map_err(io_error(name))
}

/// The way of stock guests to their package archive.
fn start_archive(lab: &LabFile) -> Result<Option<Forwarder>, SupervisorError> {
    let Some(file) = &lab.archive else { return Ok(None) };
    let forwarder = Forwarder::new(file, lab.guests.len(), Path::new(names::ARCHIVE_LOG)).map_err(io_error("cache of packages"))?;
    for (port, guest) in lab.guests.iter().enumerate() {
        forwarder.serve(port, &guest.name, listen(&names::archive_socket(port))?);
    }
    Ok(Some(forwarder))
}

fn watch_parent(events: Sender<Event>) {
    std::thread::spawn(move || {
        let mut byte = [0];
        // The parent writes nothing: a read returns when it has ended.
        while let Ok(1..) = io::stdin().read(&mut byte) {}
        let _ = events.send(Event::ParentEnded);
    });
}

fn serve(listener: UnixListener, events: Sender<Event>, captures: Captures) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (events, captures) = (events.clone(), captures.clone());
            std::thread::spawn(move || answer(stream, &events, &captures));
        }
    });
}

/// Answers what one connection asks, until it ends.
fn answer(stream: UnixStream, events: &Sender<Event>, captures: &Captures) {
    let mut stream = BufReader::new(stream);
    loop {
        let answer = match receive(&mut stream) {
            Ok(None) => return,
            // It takes the connection, and is nothing the main thread has to know.
            Ok(Some(Request::Capture { hosts })) => return captures.serve(stream, &hosts),
            Ok(Some(request)) => {
                let (sender, answers) = channel();
                if events.send(Event::Asked(request, sender)).is_err() {
                    return;
                }
                match answers.recv() {
                    Ok(answer) => answer,
                    Err(_) => return,
                }
            }
            Err(error) => Answer::Refused(error.to_string()),
        };
        if send(stream.get_mut(), &answer).is_err() {
            return;
        }
    }
}

impl Supervisor {
    fn start_all(&mut self) -> Result<(), SupervisorError> {
        for port in 0..self.lab.guests.len() {
            let guest = self.spawn(port)?;
            self.guests.push(Guest::Runs(guest));
        }
        Ok(())
    }

    /// Starts a guest. Only the main thread may: the kernel's promise is bound to the thread that forks (prctl(2),
    /// PR_SET_PDEATHSIG), and this one lives as long as the process.
    fn spawn(&self, port: usize) -> Result<Running, SupervisorError> {
        let guest = &self.lab.guests[port];
        let _ = std::fs::remove_file(names::qmp_socket(&guest.name));
        let tool = Tool::new("setpriv", Duration::MAX)
            .arguments(["--pdeathsig", "KILL", "--", qemu::QEMU])
            .arguments(qemu::arguments(&self.lab, guest, port))
            .log(names::qemu_log(&guest.name));
        Ok(tool.spawn()?)
    }

    fn run(&mut self, events: &Receiver<Event>) {
        loop {
            match events.recv_timeout(LOOK_INTERVAL) {
                Ok(Event::Asked(Request::Stop, sender)) => {
                    self.end();
                    let _ = sender.send(Answer::Done);
                    return;
                }
                Ok(Event::Asked(request, sender)) => {
                    self.look();
                    let answer = self.act(&request).unwrap_or_else(|error| Answer::Refused(error.to_string()));
                    // Whoever asked may have gone.
                    let _ = sender.send(answer);
                }
                Ok(Event::ParentEnded) if self.detached => {}
                Ok(Event::ParentEnded) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.look(),
            }
            if interrupt::requested() {
                return;
            }
        }
    }

    /// Reaps what has ended.
    fn look(&mut self) {
        for guest in &mut self.guests {
            if let Guest::Runs(running) = guest
                && let Some(status) = running.ended()
            {
                *guest = Guest::Ended(status.to_string());
            }
        }
    }

    fn act(&mut self, request: &Request) -> Result<Answer, SupervisorError> {
        let refused = |text: String| Ok(Answer::Refused(text));
        match request {
            Request::Status => return Ok(Answer::Status(self.status())),
            Request::Kill { host } => match self.port(host) {
                None => return refused(unknown(host)),
                Some(port) => {
                    if let Guest::Runs(running) = &mut self.guests[port] {
                        running.kill();
                        self.guests[port] = Guest::Killed;
                    }
                }
            },
            Request::Start { host } => match self.port(host) {
                None => return refused(unknown(host)),
                Some(port) if matches!(self.guests[port], Guest::Runs(_)) => return refused(format!("{host} runs already")),
                Some(port) => self.guests[port] = Guest::Runs(self.spawn(port)?),
            },
            Request::Reset { host } | Request::PowerDown { host } | Request::Pause { host } | Request::Resume { host } => {
                match self.port(host) {
                    None => return refused(unknown(host)),
                    Some(port) if !matches!(self.guests[port], Guest::Runs(_)) => return refused(format!("{host} does not run")),
                    Some(_) => {
                        let stream = UnixStream::connect(names::qmp_socket(host)).map_err(io_error("QEMU's monitor"))?;
                        let mut monitor = Monitor::new(stream)?;
                        match request {
                            Request::Reset { .. } => monitor.reset()?,
                            Request::Pause { .. } => monitor.pause()?,
                            Request::Resume { .. } => monitor.resume()?,
                            _ => monitor.power_down()?,
                        }
                    }
                }
            }
            Request::Cut { pairs } => self.set_cut(pairs, true)?,
            Request::Heal { pairs } => self.set_cut(pairs, false)?,
            Request::Archive { host, mode } => match (self.port(host), &self.archive) {
                (None, _) => return refused(unknown(host)),
                (_, None) => return refused("the lab has no way to a package archive, as its images are no stock ones".to_owned()),
                (Some(port), Some(archive)) => archive.set(port, mode),
            },
            Request::Impair { pairs, impairment } => {
                for (from, to) in pairs.ports(&self.lab)? {
                    self.switch.set_impairment(from, to, Some(*impairment));
                }
            }
            Request::Detach => self.detached = true,
            // `answer` and `run` have seen to them.
            Request::Capture { .. } | Request::Stop => {}
        }
        Ok(Answer::Done)
    }

    fn set_cut(&self, pairs: &Pairs, cut: bool) -> Result<(), PairsError> {
        for (from, to) in pairs.ports(&self.lab)? {
            self.switch.set_cut(from, to, cut);
        }
        Ok(())
    }

    fn port(&self, host: &str) -> Option<usize> {
        self.lab.port(host)
    }

    fn status(&self) -> LabStatus {
        let hosts = self.lab.guests.iter().zip(&self.guests).enumerate();
        let hosts = hosts.map(|(port, (file, guest))| {
            let state = match guest {
                Guest::Runs(running) => HostState::Running { process: running.id() },
                Guest::Ended(status) => HostState::Ended { status: status.clone() },
                Guest::Killed => HostState::Killed,
            };
            HostStatus {
                name: file.name.clone(),
                address: file.address,
                ssh_port: file.ssh_port,
                memory_kib: if let HostState::Running { process } = state {
                    resident_kib(process)
                } else {
                    None
                },
                state,
                plugged: self.switch.plugged(port),
                fault: self.switch.fault_of(port),
            }
        });
        LabStatus {
            cluster: self.lab.cluster.clone(),
            process: std::process::id(),
            detached: self.detached,
            accelerator: self.lab.accelerator,
            hosts: hosts.collect(),
            traffic: self.traffic(),
        }
    }

    fn traffic(&self) -> Vec<Traffic> {
        let ports = 0..self.lab.guests.len();
        let pairs = ports
            .clone()
            .flat_map(|from| ports.clone().filter(move |to| *to != from).map(move |to| (from, to)));
        pairs
            .map(|(from, to)| {
                let name = |port: usize| self.lab.guests[port].name.clone();
                Traffic::new(name(from), name(to), self.switch.count(from, to))
            })
            .collect()
    }

    /// Ends all guests and removes what only a running lab needs; the logs stay for whoever asks why it ended.
    fn end(&mut self) {
        for guest in &mut self.guests {
            if let Guest::Runs(running) = guest {
                running.kill();
                *guest = Guest::Killed;
            }
        }
        // That a file is not there is what is wanted.
        let remove = |name: &str| drop(std::fs::remove_file(name));
        remove(names::CONTROL);
        (0..self.lab.ports()).for_each(|port| remove(&names::switch_socket(port)));
        for (port, guest) in self.lab.guests.iter().enumerate() {
            remove(&names::archive_socket(port));
            remove(&names::qmp_socket(&guest.name));
            remove(&names::disk(&guest.name));
            remove(&names::seed(&guest.name));
        }
    }
}

fn unknown(host: &str) -> String {
    format!("the lab has no host '{host}'")
}

/// VmRSS of proc(5), KiB.
fn resident_kib(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
