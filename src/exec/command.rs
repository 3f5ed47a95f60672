//! A command line with a deadline.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::capture::Capture;
use super::{Running, find, package_of};

/// What went wrong with a process.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// Programs that are not installed.
    #[error("{} not found; install {} (apt-get install {})", programs.join(", "), packages.join(", "), packages.join(" "))]
    Missing { programs: Vec<String>, packages: Vec<String> },
    /// The kernel did not start it.
    #[error("cannot start `{command_line}`: {source}")]
    Start { command_line: String, source: std::io::Error },
    /// It ended with another status than 0.
    #[error("`{command_line}` failed ({status}){}", tail_text(stderr_tail))]
    Failed {
        command_line: String,
        status: String,
        stderr_tail: String,
    },
    /// It did not end in time, and was ended.
    #[error("`{command_line}` did not end within {} s{}", deadline.as_secs(), tail_text(stderr_tail))]
    Deadline {
        command_line: String,
        deadline: Duration,
        stderr_tail: String,
    },
    /// Ctrl-C; it was ended.
    #[error("interrupted while `{command_line}` ran")]
    Interrupted { command_line: String },
}

impl ExecError {
    /// The error for `programs` that are not installed.
    pub fn missing(programs: Vec<String>) -> Self {
        let mut packages: Vec<String> = programs.iter().map(|program| package_of(program).to_owned()).collect();
        packages.sort();
        packages.dedup();
        Self::Missing { programs, packages }
    }
}

fn tail_text(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!(":\n{tail}") }
}

/// What a process that ended with status 0 said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub took: Duration,
}

impl Finished {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// How many lines of stderr an error shows.
const TAIL_LINES: usize = 20;

/// How long the streams may stay open after the process has ended.
const STREAM_PATIENCE: Duration = Duration::from_secs(2);

/// A command line, its surroundings and its deadline. The process gets a group of its own, so that Ctrl-C reaches only us and we
/// end everything it started.
#[derive(Debug)]
pub struct Tool {
    pub(super) program: String,
    pub(super) arguments: Vec<OsString>,
    folder: Option<PathBuf>,
    environment: Vec<(String, OsString)>,
    stdin: Vec<u8>,
    secrets: Vec<String>,
    log: Option<PathBuf>,
    own_session: bool,
    pub(super) deadline: Duration,
}

impl Tool {
    /// A call of `program`, looked up in PATH, to end within `deadline`.
    pub fn new(program: impl Into<String>, deadline: Duration) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            folder: None,
            environment: Vec::new(),
            stdin: Vec::new(),
            secrets: Vec::new(),
            log: None,
            own_session: false,
            deadline,
        }
    }

    /// Adds one argument.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs it in `folder`.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Bytes for its standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// A text that errors show as ***.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Also appends both output streams to the file `path`.
    pub fn log(mut self, path: impl AsRef<Path>) -> Self {
        self.log = Some(path.as_ref().to_owned());
        self
    }

    /// The command line as a person would type it, secrets hidden.
    pub fn command_line(&self) -> String {
        let words = std::iter::once(self.program.clone()).chain(self.arguments.iter().map(|word| word.to_string_lossy().into_owned()));
        let line = words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ");
        self.hide(&line)
    }

    fn hide(&self, text: &str) -> String {
        self.secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// Starts it and goes on. What it says is thrown away, or goes to [`Tool::log`]; it has no deadline.
    ///
    /// # Errors
    /// [`ExecError::Missing`] or [`ExecError::Start`].
    pub fn spawn(self) -> Result<Running, ExecError> {
        let mut command = self.command()?;
        let log = self.open_log()?;
        match log {
            Some(file) => {
                let second = file.try_clone().map_err(|source| self.start_error(source))?;
                command.stdout(file).stderr(second);
            }
            None => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        command.stdin(Stdio::null());
        let child = command.spawn().map_err(|source| self.start_error(source))?;
        Ok(Running::new(child, self.command_line()))
    }

    /// Starts a program that is to end with us and, told so, to outlive us: its standard input is the pipe that is handed out, and
    /// ends when we do in whatever way; `stdout`, which may be a locked file, becomes its standard output; stderr goes to
    /// [`Tool::log`]. It has to call setsid(2) itself, which a process that leads a group cannot.
    ///
    /// # Errors
    /// [`ExecError::Missing`] or [`ExecError::Start`].
    pub fn spawn_held(mut self, stdout: File) -> Result<(Running, ChildStdin), ExecError> {
        self.own_session = true;
        let mut command = self.command()?;
        let stderr = self.open_log()?.map_or_else(Stdio::null, Stdio::from);
        command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        let mut child = command.spawn().map_err(|source| self.start_error(source))?;
        let stdin = child.stdin.take();
        let mut running = Running::new(child, self.command_line());
        let Some(stdin) = stdin else {
            running.stop();
            return Err(self.start_error(std::io::Error::other("no pipe")));
        };
        Ok((running, stdin))
    }

    /// Runs it in our place, on our terminal and in our group, until it ends: for programs that a person talks to.
    ///
    /// # Errors
    /// [`ExecError::Missing`] or [`ExecError::Start`].
    pub fn run_on_terminal(mut self) -> Result<std::process::ExitStatus, ExecError> {
        self.own_session = true;
        self.command()?.status().map_err(|source| self.start_error(source))
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Any [`ExecError`]; an exit status other than 0 is [`ExecError::Failed`].
    pub fn run(self) -> Result<Finished, ExecError> {
        let started = Instant::now();
        let mut command = self.command()?;
        let log = self.open_log()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| self.start_error(source))?;
        let copy = || log.as_ref().and_then(|file| file.try_clone().ok());
        let stdout = child.stdout.take().map(|stream| Capture::start(stream, copy()));
        let stderr = child.stderr.take().map(|stream| Capture::start(stream, copy()));
        if let Some(mut stdin) = child.stdin.take() {
            let bytes = self.stdin.clone();
            // A child that does not read its input to the end is no error of ours.
            std::thread::spawn(move || stdin.write_all(&bytes));
        }
        let mut running = Running::new(child, self.command_line());
        let end = running.wait(self.deadline);
        if end.is_err() {
            running.stop();
        }
        let finish = |capture: Option<Capture>| capture.map(|capture| capture.finish(STREAM_PATIENCE)).unwrap_or_default();
        let (stdout, stderr) = (finish(stdout), finish(stderr));
        let stderr_tail = self.hide(&tail(if stderr.is_empty() { &stdout } else { &stderr }));
        match end {
            Ok(status) if status.success() => Ok(Finished {
                stdout,
                stderr,
                took: started.elapsed(),
            }),
            Ok(status) => Err(ExecError::Failed {
                command_line: self.command_line(),
                status: status.to_string(),
                stderr_tail,
            }),
            Err(ExecError::Deadline {
                command_line, deadline, ..
            }) => Err(ExecError::Deadline {
                command_line,
                deadline,
                stderr_tail,
            }),
            Err(other) => Err(other),
        }
    }

    fn command(&self) -> Result<Command, ExecError> {
        use std::os::unix::process::CommandExt;
        let path = find(&self.program).ok_or_else(|| ExecError::missing(vec![self.program.clone()]))?;
        let mut command = Command::new(path);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if !self.own_session {
            command.process_group(0);
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        Ok(command)
    }

    fn open_log(&self) -> Result<Option<File>, ExecError> {
        let open = |path: &PathBuf| File::options().create(true).append(true).open(path);
        self.log.as_ref().map(open).transpose().map_err(|source| self.start_error(source))
    }

    fn start_error(&self, source: std::io::Error) -> ExecError {
        ExecError::Start {
            command_line: self.command_line(),
            source,
        }
    }
}

/// A word as a POSIX shell would need it.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
