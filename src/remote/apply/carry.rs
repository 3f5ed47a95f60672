//! What is sent to a host: the files, and the scripts that put them in their place and that take them back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::change::HostChange;
use super::confirm::ConfirmWithin;
use crate::diff::Kind;
use crate::plan::{HostPlan, Plan};
use crate::render::{MODULES, RenderFilesError, host_files};
use crate::spec::Network;

/// The beginning of what is sent.
const BEGIN: &str = include_str!("begin.sh");
/// Its end.
const STAGE: &str = include_str!("stage.sh");
const CHANGE: &str = include_str!("change.sh");
const UNDO: &str = include_str!("undo.sh");

/// Says over a new connection that a change is to stay.
pub const CONFIRM: &str = include_str!("confirm.sh");

/// Has the host take the change back at once.
pub const UNDO_NOW: &str = "systemctl start meshimg-undo.service";

/// Prints `done`, `undone`, or the state of the unit that makes the change.
pub const PROGRESS: &str = "if [ -e /var/lib/meshimg/apply/done ]; then echo done
elif [ ! -d /var/lib/meshimg/apply ]; then echo undone
else systemctl show --property ActiveState --value meshimg-apply.service
fi";

/// The last lines of what the change said, and of why it was taken back.
pub const SAID: &str = "journalctl --boot --unit meshimg-apply --unit meshimg-setup --unit meshimg-undo --output cat --no-pager --lines 12";

/// Seconds that a change may take: Docker's restart on an emulated host is a minute.
pub const LIMIT_SECONDS: u32 = 300;

/// The same of a host that gets its packages with it.
pub const LIMIT_OF_NEW_SECONDS: u32 = 1800;

/// The seconds that `change` may take.
pub fn limit(change: &HostChange) -> u32 {
    if change.packages.is_empty() {
        LIMIT_SECONDS
    } else {
        LIMIT_OF_NEW_SECONDS
    }
}

/// The script that begins the change on `host`, to be confirmed `within` some time of its end; the script ends while the change goes on.
///
/// # Errors
/// A mistake of ours in a template of a host's files.
pub fn stage(plan: &Plan, host: &HostPlan, change: &HostChange, within: ConfirmWithin) -> Result<String, RenderFilesError> {
    let mut script = format!("limit={}\nconfirm={within}\n{BEGIN}", limit(change));
    let removed = change.files.iter().filter(|file| file.kind == Kind::Gone);
    let lines = |paths: Vec<&str>| paths.iter().map(|path| format!("{path}\n")).collect::<String>();
    let settings = format!(
        "new_host={}\nrestart_docker={}\nmesh_bridge={}\ncontainer_bridge={}\nconfirm={within}\n",
        change.kind == Kind::New,
        change.restarts_docker(),
        host.mesh_bridge.name,
        host.container_bridge.name
    );
    let own = [
        ("write", lines(change.write.iter().map(|file| file.path.as_str()).collect())),
        ("remove", lines(removed.map(|file| file.path.as_str()).collect())),
        ("settings", settings),
        ("change", CHANGE.to_owned()),
        ("undo", UNDO.to_owned()),
        ("mesh", mesh_script().to_owned()),
        ("mesh.conf", mesh_config(plan, host)?),
    ];
    for (name, text) in &own {
        script += &put(&format!("$folder/{name}"), 0o600, text);
    }
    for file in &change.write {
        let path = format!("$folder/new{}", file.path);
        script += &format!(
            "mkdir -p \"{}\"\n",
            path.rsplit_once('/').map_or(path.as_str(), |(folder, _)| folder)
        );
        script += &put(&path, file.mode, &file.text);
    }
    Ok(script + STAGE)
}

/// In base64: whatever is in a file, no line of it means anything to the shell.
fn put(path: &str, mode: u16, text: &str) -> String {
    format!(
        "base64 -d >\"{path}\" <<'END'\n{}\nEND\nchmod {mode:o} \"{path}\"\n",
        STANDARD.encode(text)
    )
}

/// The script that makes a mesh or sets right what differs, whatever brings it up at a boot.
fn mesh_script() -> &'static str {
    // It is always there: a test says so.
    MODULES.iter().find(|(name, _)| *name == "mesh").map_or("", |(_, text)| text)
}

/// Its configuration, which a host has by itself where systemd brings up the mesh.
fn mesh_config(plan: &Plan, host: &HostPlan) -> Result<String, RenderFilesError> {
    let mut by_systemd = host.clone();
    by_systemd.network = Network::Systemd;
    let files = host_files(plan, &by_systemd)?;
    let file = files.into_iter().find(|file| file.path == "/etc/meshimg/host.conf");
    Ok(file.map(|file| file.text).unwrap_or_default())
}

#[cfg(test)]
#[path = "carry_tests.rs"]
mod tests;
