//! From a request to a folder that a supervisor can run.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv4Net;

use super::archive::{self, ArchiveFile, Upstream};
use super::error::LabError;
use super::file::{Accelerator, GuestFile, LabFile};
use super::seed::{self, Keys};
use super::state::{LabFolder, StateError, make_private, names};
use super::{management, qemu, stranger};
use crate::exec::Tool;
use crate::image::BaseImage;
use crate::plan::HostPlan;
use crate::spec::{ClusterName, Os};

/// qemu-img and ssh-keygen take some milliseconds.
const TOOL_DEADLINE: Duration = Duration::from_secs(60);

/// One host and what cloud-init is to read there.
#[derive(Debug, Clone)]
pub struct LabHost {
    pub plan: HostPlan,
    /// As written for a real host.
    pub user_data: Vec<u8>,
    /// `None`: that of the request for its release.
    pub image: Option<BaseImage>,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct LabRequest {
    pub cluster: ClusterName,
    /// In the order of cluster.yaml.
    pub hosts: Vec<LabHost>,
    /// Bytes.
    pub underlay_mtu: u16,
    /// That of the containers: the lab's own addresses keep out of it.
    pub subnet: Ipv4Net,
    pub base_images: BTreeMap<Os, BaseImage>,
    /// Memory of each host, MiB; [`super::MEMORY_MIB`] unless there is a reason.
    pub memory_mib: u32,
    /// Processors of each host; [`super::PROCESSORS`] unless there is a reason.
    pub processors: u32,
    /// Whether cloud-init reads its user-data before the network comes up (NoCloud's `dsmode: local`); false is what clouds do.
    pub local_seed: bool,
    /// With stock images: how this machine gets at the package archive that their hosts need.
    pub archive: Option<Upstream>,
    /// The program that knows [`super::SUPERVISOR_VERB`]; `None`: the one that runs now.
    pub program: Option<PathBuf>,
}

impl LabRequest {
    /// The image that `host` boots from.
    pub(super) fn image<'a>(&'a self, host: &'a LabHost) -> Result<&'a BaseImage, LabError> {
        let os = host.plan.os;
        let own = host.image.as_ref();
        own.or_else(|| self.base_images.get(&os)).ok_or(LabError::NoImage { os })
    }
}

/// The lab.json of `request`, with ssh ports that are free now.
pub(super) fn lab_file(request: &LabRequest, accelerator: Accelerator) -> Result<LabFile, LabError> {
    let addresses: Vec<_> = request.hosts.iter().map(|host| host.plan.address).collect();
    let management = management::choose(&addresses, request.subnet).ok_or(LabError::NoManagementSubnet)?;
    let ports = free_ports(request.hosts.len()).map_err(LabError::Ports)?;
    let guests = request.hosts.iter().zip(ports).map(|(host, ssh_port)| {
        let plan = &host.plan;
        let image = request.image(host)?;
        let (underlay, management) = interfaces(plan);
        Ok(GuestFile {
            name: plan.name.to_string(),
            address: plan.address,
            ssh_port,
            boot: image.boot.clone(),
            management_interface: management,
            underlay_interface: underlay,
        })
    });
    Ok(LabFile {
        cluster: request.cluster.to_string(),
        accelerator,
        underlay_mtu: request.underlay_mtu,
        management,
        memory_mib: request.memory_mib,
        processors: request.processors,
        local_seed: request.local_seed,
        stranger: stranger::address(&addresses, request.subnet, management),
        archive: request
            .archive
            .as_ref()
            .map(|upstream| archive_file(request, upstream, management))
            .transpose()?,
        guests: guests.collect::<Result<_, LabError>>()?,
    })
}

/// The way to the archives that the images and the plans name.
fn archive_file(request: &LabRequest, upstream: &Upstream, management: Ipv4Net) -> Result<ArchiveFile, LabError> {
    let mut targets = Vec::new();
    for host in &request.hosts {
        let path = request.image(host)?.archives();
        let text = std::fs::read_to_string(&path).map_err(|source| StateError::Io { path, source })?;
        targets.extend(archive::parse(&text));
        targets.extend(host.plan.archive.iter().flat_map(|archive| archive::parse(archive.as_str())));
    }
    targets.dedup();
    Ok(ArchiveFile {
        address: archive::address(management),
        program: program(request)?,
        cache: upstream.cache.clone(),
        sources: archive::sources(&targets, &upstream.machine).map_err(|uri| LabError::ArchiveScheme { uri })?,
        settings: upstream.settings.clone(),
    })
}

/// The program that knows the hidden verbs.
pub(super) fn program(request: &LabRequest) -> Result<PathBuf, LabError> {
    match &request.program {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(LabError::Program),
    }
}

/// Names of the underlay's and the management's NIC: those of the plan, else eth1 and eth0.
fn interfaces(plan: &HostPlan) -> (String, String) {
    let given = plan.underlay_interface.as_ref();
    let underlay = given.map_or("eth1", |interface| interface.name.as_str());
    let management = given.and_then(|interface| interface.management.as_ref()).map(|name| name.as_str());
    let management = management.unwrap_or(if underlay == "eth0" { "eth1" } else { "eth0" });
    (underlay.to_owned(), management.to_owned())
}

/// Ports of 127.0.0.1 that nobody listens on, all different because all are held until the last is found.
fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let listeners: Vec<_> = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// Writes all files of the lab but the sockets and logs; `folder` is made anew.
pub(super) fn write(folder: &LabFolder, lab: &LabFile, request: &LabRequest) -> Result<(), LabError> {
    folder.remove()?;
    make_private(folder.path())?;
    let login = key_pair(folder, names::KEY, &format!("meshimg lab {}", lab.cluster))?;
    let mut known_hosts = String::new();
    for (guest, host) in lab.guests.iter().zip(&request.hosts) {
        let own = key_pair(folder, &names::host_key(&guest.name), &guest.name)?;
        known_hosts.push_str(&format!("[{}]:{} {}\n", Ipv4Addr::LOCALHOST, guest.ssh_port, own.public.trim()));
        let keys = Keys {
            host_private: own.private,
            host_public: own.public,
            login_public: login.public.clone(),
        };
        let files = seed::files(lab, guest, &keys, &host.user_data);
        let files: BTreeMap<&str, &[u8]> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        let seed = crate::image::nocloud(&files).map_err(|source| LabError::Seed {
            host: guest.name.clone(),
            source,
        })?;
        write_private(&folder.file(&names::seed(&guest.name)), &seed)?;
        let image = request.image(host)?;
        let overlay = qemu::overlay_arguments(&image.disk, &image.format, qemu::disk_size(&image.boot), &names::disk(&guest.name));
        Tool::new("qemu-img", TOOL_DEADLINE)
            .arguments(overlay)
            .folder(folder.path())
            .run()?;
    }
    write_private(&folder.file(names::KNOWN_HOSTS), known_hosts.as_bytes())?;
    let json = serde_json::to_vec_pretty(lab)?;
    write_private(&folder.file(names::LAB), &json)
}

struct KeyPair {
    private: String,
    public: String,
}

/// Makes an ed25519 key pair without passphrase in the folder.
fn key_pair(folder: &LabFolder, name: &str, comment: &str) -> Result<KeyPair, LabError> {
    let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", name];
    Tool::new("ssh-keygen", TOOL_DEADLINE)
        .arguments(arguments)
        .folder(folder.path())
        .run()?;
    let read = |name: String| {
        let path = folder.file(&name);
        std::fs::read_to_string(&path).map_err(|source| StateError::Io { path, source })
    };
    Ok(KeyPair {
        private: read(name.to_owned())?,
        public: read(format!("{name}.pub"))?,
    })
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| {
        StateError::Io {
            path: path.to_owned(),
            source,
        }
        .into()
    })
}
