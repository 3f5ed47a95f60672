//! The plan in cloud-init's language: user-data, meta-data and network-config per host.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_yaml::LitString;

use super::engine::Seen;
use super::host_files::{RenderFilesError, files, first_boot_units, seen};
use super::nix::NixError;
use super::{Artifact, Artifacts};
use crate::plan::{HostPlan, Plan};
use crate::spec::{ArchiveUrl, AuthorizedKey, HostName, UnderlayInterface, UserName};

/// The most that providers take as user-data (Digital Ocean's API reference: 64 KiB), bytes.
pub const USER_DATA_MAX: usize = 64 * 1024;

/// Why there are no cloud-init data.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(
        "user-data of {host} has {bytes} bytes, and providers take {USER_DATA_MAX} at most; \
         put fewer authorized keys, packages or Docker options in the file, or fewer hosts: each has a tunnel to each other"
    )]
    TooLarge { host: HostName, bytes: usize },
    #[error(transparent)]
    Files(#[from] RenderFilesError),
    #[error("Nix cannot say what {host} is to get: {source}; take it out of that host's docker.daemon")]
    Nix { host: HostName, source: NixError },
    #[error(
        "NixOS does not build Open vSwitch from {why}, as {host} is to have it; give {host} a release of upstream (.tar.gz, .tar.xz) in \
         `open-vswitch`, or `{{source: distribution}}`"
    )]
    NixOpenVSwitch { host: HostName, why: &'static str },
    #[error("flake.nix: {0}")]
    NixFlake(NixError),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("user-data: {0}")]
    Yaml(#[from] serde_yaml::ser::Error),
}

/// `<host>/user-data`, `<host>/meta-data` and, where the underlay is to be configured, `<host>/network-config`, for every host or for
/// the one named.
///
/// # Errors
/// [`RenderError::TooLarge`] when a host's user-data is more than providers take; the others are mistakes of ours.
pub fn cloud_init(plan: &Plan, only: Option<&HostName>) -> Result<Artifacts, RenderError> {
    let mut artifacts = BTreeMap::new();
    for host in plan.hosts.iter().filter(|host| only.is_none_or(|name| *name == host.name)) {
        let mut add = |name: &str, text: String| {
            let artifact = Artifact {
                bytes: text.into_bytes(),
                secret: false,
            };
            artifacts.insert(format!("{}/{name}", host.name), artifact);
        };
        let user_data = user_data(plan, host)?;
        if user_data.len() > USER_DATA_MAX {
            return Err(RenderError::TooLarge {
                host: host.name.clone(),
                bytes: user_data.len(),
            });
        }
        add("user-data", user_data);
        add("meta-data", meta_data(plan, host)?);
        if let Some(interface) = &host.underlay_interface {
            add("network-config", network_config(host, interface, plan.mtu.underlay)?);
        }
    }
    Ok(Artifacts(artifacts))
}

/// Who may log in, where packages come from, and what is done before all else: of every host and of every droplet.
#[derive(Serialize)]
pub(super) struct Beginning<'a> {
    hostname: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_root: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_authorized_keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<(&'static str, User<'a>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apt: Option<Apt<'a>>,
    bootcmd: [(&'static str, &'static str, LitString); 1],
}

impl<'a> Beginning<'a> {
    /// `script` runs at every boot, before files are written and packages installed.
    pub fn new(host: &'a HostName, user: &'a UserName, keys: &'a [AuthorizedKey], archive: Option<&'a ArchiveUrl>, script: String) -> Self {
        let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
        let root = user.as_str() == "root";
        let (of_root, of_user) = if root { (keys, Vec::new()) } else { (Vec::new(), keys) };
        Self {
            hostname: host.as_str(),
            disable_root: root.then_some(false),
            ssh_authorized_keys: of_root,
            users: (!root).then(|| ("default", User::new(user, of_user))),
            apt: archive.map(apt),
            bootcmd: [("sh", "-c", LitString(script))],
        }
    }
}

#[derive(Serialize)]
struct UserData<'a> {
    #[serde(flatten)]
    beginning: Beginning<'a>,
    write_files: Vec<WriteFile>,
    runcmd: Vec<Vec<&'static str>>,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a str,
    shell: &'static str,
    sudo: &'static str,
    lock_passwd: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_authorized_keys: Vec<&'a str>,
}

impl<'a> User<'a> {
    fn new(name: &'a UserName, ssh_authorized_keys: Vec<&'a str>) -> Self {
        Self {
            name: name.as_str(),
            shell: "/bin/bash",
            sudo: "ALL=(ALL) NOPASSWD:ALL",
            lock_passwd: true,
            ssh_authorized_keys,
        }
    }
}

#[derive(Serialize)]
struct Apt<'a> {
    preserve_sources_list: bool,
    primary: [Mirror<'a>; 1],
    security: [Mirror<'a>; 1],
}

#[derive(Serialize)]
struct Mirror<'a> {
    arches: [&'static str; 1],
    uri: &'a str,
}

#[derive(Serialize)]
struct WriteFile {
    path: String,
    permissions: String,
    content: LitString,
}

/// Bytes of the user-data of each host, in the order of the plan, those beyond [`USER_DATA_MAX`] too: known before anything is written.
///
/// # Errors
/// [`RenderError`], but for [`RenderError::TooLarge`].
pub fn user_data_bytes(plan: &Plan) -> Result<Vec<usize>, RenderError> {
    plan.hosts.iter().map(|host| Ok(user_data(plan, host)?.len())).collect()
}

/// The whole user-data of `host`, a `#cloud-config` document.
pub(super) fn user_data(plan: &Plan, host: &HostPlan) -> Result<String, RenderError> {
    let seen = seen(plan, host)?;
    let data = UserData {
        beginning: Beginning::new(
            &host.name,
            &host.user,
            &host.authorized_keys,
            host.archive.as_ref(),
            first_boot_script(&seen, host)?,
        ),
        write_files: files(host, &seen)?
            .into_iter()
            .map(|file| WriteFile {
                path: file.path,
                permissions: format!("{:04o}", file.mode),
                content: LitString(file.text),
            })
            .collect(),
        runcmd: vec![vec!["/usr/local/lib/meshimg/first-boot"]],
    };
    let introduction = format!(
        "#cloud-config\n# {} of cluster {}. Written by meshimg {}; https://cloudinit.readthedocs.io explains the format.\n",
        host.name,
        plan.cluster,
        env!("CARGO_PKG_VERSION")
    );
    Ok(introduction + &yaml(&data)?)
}

/// Runs at every boot before write_files; does something until the host is what was planned, so as a rule at the first only. Where Docker
/// and Open vSwitch are in the image already, they start before or while cloud-init writes their configuration, so they need these few
/// lines before that. The mesh is asked for here and comes up when its files are there, which is long before runcmd.
///
/// cloud-init notes that a module ran before it runs it, and never runs it again: a power cut in the middle of the first boot would leave
/// half of the files, or none, for good. So as long as `setup` has not made its mark, the notes of our modules are taken away, and those
/// of ssh if a key was lost on the way to the disk.
fn first_boot_script(seen: &Seen, host: &HostPlan) -> Result<String, RenderError> {
    let home = match host.user.as_str() {
        "root" => "/root".to_owned(),
        user => format!("/home/{user}"),
    };
    // Without keys cloud-init leaves an empty file.
    let keys = if host.authorized_keys.is_empty() {
        String::new()
    } else {
        format!(" {home}/.ssh/authorized_keys")
    };
    let mut script = format!(
        "[ ! -e /var/lib/meshimg/done ] || exit 0\n\
         sem=/var/lib/cloud/instance/sem\n\
         for module in write_files runcmd scripts_user; do rm -f $sem/config_$module; done\n\
         for key in /etc/ssh/ssh_host_*_key{keys}; do\n\
         \x20   [ ! -e \"$key\" ] || [ -s \"$key\" ] || rm -f $sem/config_ssh $sem/config_users_groups\n\
         done\n\
         mkdir -p /run/meshimg\n"
    );
    for (path, text) in first_boot_units(host, seen)? {
        let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
        script += &format!("mkdir -p {folder}\ncat >{path} <<'EOF'\n{text}EOF\necho {path} >>/run/meshimg/first-boot\n");
    }
    script += "systemctl daemon-reload\nsystemctl start --no-block meshimg-mesh.service\n";
    Ok(script)
}

fn apt(archive: &ArchiveUrl) -> Apt<'_> {
    let mirror = || Mirror {
        arches: ["default"],
        uri: archive.as_str(),
    };
    Apt {
        preserve_sources_list: false,
        primary: [mirror()],
        security: [mirror()],
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct MetaData<'a> {
    instance_id: String,
    local_hostname: &'a str,
}

/// The instance-id is the same for every run: cloud-init does its once-per-instance work once.
fn meta_data(plan: &Plan, host: &HostPlan) -> Result<String, RenderError> {
    yaml(&MetaData {
        instance_id: format!("meshimg-{}-{}", plan.cluster, host.name),
        local_hostname: host.name.as_str(),
    })
}

#[derive(Serialize)]
struct NetworkConfig<'a> {
    version: u8,
    ethernets: BTreeMap<&'a str, Ethernet>,
}

#[derive(Serialize, Default)]
struct Ethernet {
    #[serde(skip_serializing_if = "Option::is_none")]
    dhcp4: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Route>,
}

#[derive(Serialize)]
struct Route {
    to: &'static str,
    via: String,
}

/// Networking config version 2 of cloud-init: the underlay NIC with the host's address, and a second NIC by DHCP where there is one.
fn network_config(host: &HostPlan, interface: &UnderlayInterface, mtu: u16) -> Result<String, RenderError> {
    let default_route = if host.address.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let underlay = Ethernet {
        dhcp4: None,
        addresses: vec![format!("{}/{}", host.address, interface.prefix_length)],
        mtu: Some(mtu),
        routes: interface
            .gateway
            .iter()
            .map(|gateway| Route {
                to: default_route,
                via: gateway.to_string(),
            })
            .collect(),
    };
    let mut ethernets = BTreeMap::from([(interface.name.as_str(), underlay)]);
    if let Some(management) = &interface.management {
        ethernets.insert(
            management.as_str(),
            Ethernet {
                dhcp4: Some(true),
                ..Ethernet::default()
            },
        );
    }
    yaml(&NetworkConfig { version: 2, ethernets })
}

/// YAML that PyYAML reads as it is meant: one line for each key. Files are block literals by their type; to find out what suits a text
/// would take as long as to write it.
pub(super) fn yaml(value: &impl Serialize) -> Result<String, RenderError> {
    let options = serde_yaml::ser_options! { folded_wrap_chars: USER_DATA_MAX };
    Ok(serde_yaml::to_string_with_options(value, options)?)
}
