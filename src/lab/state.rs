//! Where a lab keeps its files, and the lock that makes it the only one of its name.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// What went wrong with a lab's folder.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("no folder for state: set MESHIMG_STATE, XDG_STATE_HOME or HOME to an absolute path")]
    NoFolder,
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the lab '{cluster}' is up already (process {process}); `meshimg lab down` ends it")]
    Busy { cluster: String, process: String },
}

/// Names of files in a lab's folder.
pub mod names {
    pub const LAB: &str = "lab.json";
    pub const CONTROL: &str = "control.sock";
    pub const SUPERVISOR_LOG: &str = "supervisor.log";
    pub const ARCHIVE_LOG: &str = "archive.log";
    pub const KEY: &str = "id_ed25519";
    pub const KNOWN_HOSTS: &str = "known_hosts";

    pub fn disk(host: &str) -> String {
        format!("{host}.qcow2")
    }
    pub fn seed(host: &str) -> String {
        format!("{host}.seed.img")
    }
    pub fn serial_log(host: &str) -> String {
        format!("{host}.serial.log")
    }
    pub fn qemu_log(host: &str) -> String {
        format!("{host}.qemu.log")
    }
    pub fn qmp_socket(host: &str) -> String {
        format!("{host}.qmp.sock")
    }
    pub fn switch_socket(port: usize) -> String {
        format!("switch-{port}.sock")
    }
    pub fn archive_socket(port: usize) -> String {
        format!("archive-{port}.sock")
    }
    pub fn host_key(host: &str) -> String {
        format!("{host}.host_key")
    }
}

/// `$MESHIMG_STATE`, else `$XDG_STATE_HOME/meshimg`, else `~/.local/state/meshimg` (XDG base directory specification 0.8). A
/// relative path counts as unset, as that specification wants it.
///
/// # Errors
/// [`StateError::NoFolder`] if none of the three is set.
pub fn state_folder() -> Result<PathBuf, StateError> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("MESHIMG_STATE")
        .or_else(|| set("XDG_STATE_HOME").map(|path| path.join("meshimg")))
        .or_else(|| set("HOME").map(|path| path.join(".local/state/meshimg")))
        .ok_or(StateError::NoFolder)
}

/// Makes `path` and its parents, for its owner only.
///
/// # Errors
/// [`StateError::Io`].
pub fn make_private(path: &Path) -> Result<(), StateError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StateError::Io {
        path: path.to_owned(),
        source,
    })
}

/// The folder of one lab; it need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabFolder {
    path: PathBuf,
    cluster: String,
}

impl LabFolder {
    /// The folder of the lab `cluster` under the state folder `state`.
    pub fn new(state: &Path, cluster: &str) -> Self {
        Self {
            path: state.join("lab").join(cluster),
            cluster: cluster.to_owned(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The path of the file `name` in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The lock lies beside the folder, so that the folder can be removed under it. Cluster names have no dot.
    fn lock_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    /// Takes the lab's lock (flock(2)) for as long as the file, or a copy that another process inherits, is open. The file holds
    /// the id of the process that took it.
    ///
    /// # Errors
    /// [`StateError::Busy`] or [`StateError::Io`].
    pub fn lock(&self) -> Result<File, StateError> {
        if let Some(parent) = self.path.parent() {
            make_private(parent)?;
        }
        let path = self.lock_path();
        let error = |source| StateError::Io {
            path: path.clone(),
            source,
        };
        let mut file = loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(error)?;
            match file.try_lock() {
                // Whoever ended the lab in between has removed the file: then this is the lock of nothing.
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => break file,
                Err(TryLockError::WouldBlock) => {
                    let mut process = String::new();
                    (&file).read_to_string(&mut process).map_err(error)?;
                    return Err(StateError::Busy {
                        cluster: self.cluster.clone(),
                        process: process.trim().to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
        };
        claim(&mut file).map_err(error)?;
        Ok(file)
    }

    /// Removes the folder and all that is in it; that it is not there is fine.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn remove(&self) -> Result<(), StateError> {
        match std::fs::remove_dir_all(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StateError::Io {
                path: self.path.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Removes the lock's file, which only its holder may do: the next lab makes it anew.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn remove_lock(&self, _held: &File) -> Result<(), StateError> {
        let path = self.lock_path();
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StateError::Io { path, source }),
            _ => Ok(()),
        }
    }

    /// Connects to the socket `name` in the folder, however long the folder's path is.
    ///
    /// # Errors
    /// That of open(2) or connect(2).
    pub fn connect(&self, name: &str) -> io::Result<UnixStream> {
        let folder = File::open(&self.path)?;
        UnixStream::connect(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
    }

    /// Processes of this lab's guests: those with its label that run in its folder.
    pub fn processes(&self) -> Vec<u32> {
        let label = super::qemu::label(&self.cluster, "");
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id: &u32| {
            let labelled = std::fs::read(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word.starts_with(label.as_bytes())));
            labelled && std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|folder| folder.starts_with(&self.path))
        })
        .collect()
    }
}

/// Whether `file` is still what is at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let number = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata()
        .is_ok_and(|open| std::fs::metadata(path).is_ok_and(|there| number(open) == number(there)))
}

/// Writes this process's id, and nothing else, to a lock file.
///
/// # Errors
/// That of the file.
pub fn claim(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
