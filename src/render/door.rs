//! User-data of droplets: complete where all addresses are known beforehand, else what brings a host to the door.

use serde::Serialize;
use serde_yaml::LitString;

use super::RenderError;
use super::cloud_init::{self, Apt, USER_DATA_MAX, User};
use crate::plan::{DropletPlan, Droplets};

/// Keeps Docker from starting until the host has been told of its mesh, in the place of the drop-in that makes it wait for the bridge then.
const HOLD: &str = include_str!("../../cloud-init/docker-door.conf");

/// The drop-in's path.
const HOLD_PATH: &str = "/etc/systemd/system/docker.service.d/meshimg.conf";

#[derive(Serialize)]
struct DoorData<'a> {
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
    package_update: bool,
    packages: Vec<&'a str>,
}

/// The user-data of one of `droplets`, at most [`USER_DATA_MAX`] bytes.
///
/// # Errors
/// [`RenderError::TooLarge`] when it has more; the others are mistakes of ours.
pub fn droplet_user_data(droplets: &Droplets, droplet: &DropletPlan) -> Result<String, RenderError> {
    let host = droplets
        .complete
        .as_ref()
        .and_then(|plan| Some((plan, plan.hosts.iter().find(|host| host.name == droplet.name)?)));
    let text = match host {
        Some((plan, host)) => cloud_init::user_data(plan, host)?,
        None => door(droplets, droplet)?,
    };
    match text.len() {
        0..=USER_DATA_MAX => Ok(text),
        bytes => Err(RenderError::TooLarge {
            host: droplet.name.clone(),
            bytes,
        }),
    }
}

fn door(droplets: &Droplets, droplet: &DropletPlan) -> Result<String, RenderError> {
    let door = &droplet.door;
    let keys: Vec<&str> = door.authorized_keys.iter().map(|key| key.as_str()).collect();
    let is_root = door.user.as_str() == "root";
    let folder = HOLD_PATH.rsplit_once('/').map_or(HOLD_PATH, |(folder, _)| folder);
    // Not by write_files: Docker may be in the image, and it starts after this. At every boot until the host knows its mesh.
    let hold = format!(
        "[ ! -e /etc/meshimg/host.conf ] || exit 0\n\
         mkdir -p {folder}\n\
         cat >{HOLD_PATH} <<'EOF'\n{HOLD}EOF\n\
         systemctl daemon-reload\n"
    );
    let data = DoorData {
        hostname: droplet.name.as_str(),
        disable_root: is_root.then_some(false),
        ssh_authorized_keys: if is_root { keys.clone() } else { Vec::new() },
        users: (!is_root).then(|| ("default", User::new(&door.user, keys))),
        apt: door.archive.as_ref().map(cloud_init::apt),
        bootcmd: [("sh", "-c", LitString(hold))],
        package_update: true,
        packages: door.packages.iter().map(|package| package.as_str()).collect(),
    };
    let introduction = format!(
        "#cloud-config\n# {} of cluster {}, before it knows its peers. Written by meshimg {}.\n",
        droplet.name,
        droplets.cluster,
        env!("CARGO_PKG_VERSION")
    );
    Ok(introduction + &cloud_init::yaml(&data)?)
}
