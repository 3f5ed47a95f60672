//! The way of stock guests to their package archive, and to nothing else.
//!
//! A guest's management NIC leads nowhere but to one address, at which QEMU starts [`carry`] for each connection (qemu(1), `guestfwd`).
//! That carries the bytes to a socket of the supervisor, where [`serve`] answers as an HTTP proxy: requests for files of the guest's
//! own archives are fetched by this machine's apt, with its mirrors, proxies and passwords; everything else is refused. Nothing is
//! trusted on the way: the guest's apt checks signatures as it would at home.

mod request;
mod serve;
mod sources;
mod store;
mod upstream;

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

pub use sources::{Source, Target, parse, sources};
pub use upstream::{Upstream, UpstreamError};

use serve::{Log, Shared};
use store::Store;

/// The port by which guests know it, that of other caches of packages.
pub const PORT: u16 = 3142;

/// The hidden verb that QEMU starts; a socket follows it.
pub const CARRY_VERB: &str = "lab-archive";

/// The most that the cache of packages holds, bytes. Debian 12 and 13 take some 250 MB.
const STORE_MAX: u64 = 2 << 30;

/// Of a lab with stock guests, everything about their archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ArchiveFile {
    /// In the management subnet.
    pub address: Ipv4Addr,
    /// The program that knows [`CARRY_VERB`].
    pub program: PathBuf,
    /// Folder of the files that were fetched.
    pub cache: PathBuf,
    /// Where the guests take packages from, and where this machine finds the same.
    pub sources: Vec<Source>,
    /// Lines of apt.conf(5) that hold here and must hold for the guests too.
    pub settings: Vec<String>,
}

impl ArchiveFile {
    /// What a guest's apt has to know, in the language of apt.conf(5). The time-out, seconds: the lab has a file whole before it sends
    /// the first byte, and the archive may be far.
    pub fn apt_conf(&self) -> String {
        let mut text = format!(
            "Acquire::http::Proxy \"http://{}:{PORT}\";\nAcquire::http::Timeout \"900\";\n",
            self.address
        );
        for line in &self.settings {
            text += line;
            text.push('\n');
        }
        text
    }
}

/// Where guests find the archive: in the management subnet, away from QEMU's own addresses and the guest's.
pub fn address(management: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(management.network().to_bits() + 100)
}

/// How the archive behaves towards a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As it is.
    #[default]
    Open,
    /// Out of reach: no connection is answered.
    Away,
    /// Without the files whose path contains this.
    Without(String),
}

/// The forwarder of a running lab.
pub struct Forwarder {
    shared: Arc<Shared>,
}

impl Forwarder {
    /// Makes the cache's folder and opens the log.
    ///
    /// # Errors
    /// That of the folder or the log.
    pub fn new(file: &ArchiveFile, guests: usize, log: &Path) -> io::Result<Self> {
        let shared = Shared {
            sources: file.sources.clone(),
            store: Store::new(&file.cache, STORE_MAX)?,
            fetch: Box::new(crate::image::fetch::fetch),
            modes: (0..guests).map(|_| Mutex::new(Mode::Open)).collect(),
            log: Log::new(log)?,
            open: Default::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Answers the guest with the place `guest` in lab.json, whose name is for the log, until the process ends.
    pub fn serve(&self, guest: usize, name: &str, listener: UnixListener) {
        serve::serve(Arc::clone(&self.shared), guest, name.to_owned(), listener);
    }

    /// Changes how the archive behaves towards a guest, from its next request on.
    pub fn set(&self, guest: usize, mode: &Mode) {
        if let Some(slot) = self.shared.modes.get(guest) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = mode.clone();
        }
    }
}

/// The hidden verb: carries bytes between standard input and output, one socket from QEMU, and the supervisor's `socket`.
///
/// # Errors
/// That of the socket. Nobody sees it but QEMU, which closes the guest's connection.
pub fn carry(socket: &Path) -> io::Result<()> {
    let stream = UnixStream::connect(socket)?;
    let mut to_forwarder = stream.try_clone()?;
    let mut from_guest = File::from(rustix::io::dup(io::stdin())?);
    let mut to_guest = File::from(rustix::io::dup(io::stdout())?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_guest, &mut to_forwarder);
        // The guest has gone: so may the forwarder's thread, and then the copy below.
        let _ = to_forwarder.shutdown(std::net::Shutdown::Both);
    });
    io::copy(&mut &stream, &mut to_guest).map(|_| ())
}
