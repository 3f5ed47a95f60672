//! User-data of droplets: complete where all addresses are known beforehand, else what brings a host to the door.

use serde::Serialize;

use super::RenderError;
use super::cloud_init::{self, Beginning, USER_DATA_MAX};
use crate::plan::{DropletPlan, Droplets};

/// Keeps Docker from starting until the host has been told of its mesh, in the place of the drop-in that makes it wait for the bridge then.
const HOLD: &str = include_str!("../../cloud-init/docker-door.conf");

/// The drop-in's path.
const HOLD_PATH: &str = "/etc/systemd/system/docker.service.d/meshimg.conf";

#[derive(Serialize)]
struct DoorData<'a> {
    #[serde(flatten)]
    beginning: Beginning<'a>,
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
    let folder = HOLD_PATH.rsplit_once('/').map_or(HOLD_PATH, |(folder, _)| folder);
    // Not by write_files: Docker may be in the image, and it starts after this. At every boot until the host knows its mesh; a host that has lost it again
    // keeps the mark, and its Docker.
    let hold = format!(
        "[ ! -e /etc/meshimg/host.conf ] && [ ! -e /var/lib/meshimg/done ] || exit 0\n\
         mkdir -p {folder}\n\
         cat >{HOLD_PATH} <<'EOF'\n{HOLD}EOF\n\
         systemctl daemon-reload\n"
    );
    let data = DoorData {
        beginning: Beginning::new(&droplet.name, &door.user, &door.authorized_keys, door.archive.as_ref(), hold),
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
