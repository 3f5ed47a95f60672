//! What is sent to a host: the files, and the scripts that put them in their place and that take them back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::change::HostChange;
use super::confirm::ConfirmWithin;
use crate::diff::Kind;
use crate::plan::{HostPlan, Plan};
use crate::render::{HostFile, MODULES, RenderFilesError, host_files};
use crate::spec::Network;

/// A function that both the beginning and the confirmation need.
const FINISH: &str = include_str!("finish.sh");
/// The beginning of what is sent.
const BEGIN: &str = include_str!("begin.sh");
/// Its end.
const STAGE: &str = include_str!("stage.sh");
const CHANGE: &str = include_str!("change.sh");
/// The end of what is done on a host.
const MADE: &str = include_str!("made.sh");
const FORGET: &str = include_str!("forget.sh");
const UNDO: &str = include_str!("undo.sh");

/// Says over a new connection that a change is to stay.
pub const CONFIRM: &str = concat!(include_str!("finish.sh"), include_str!("confirm.sh"));

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

/// What is done on a host under its timer.
pub struct Operation<'a> {
    /// `apply` or `wipe`, as the scripts know it.
    pub name: &'static str,
    /// The script that does it, but for [`MADE`].
    pub change: &'static str,
    /// Whether the host has no mesh yet.
    pub new_host: bool,
    pub restart_docker: bool,
    /// Whether Docker, if it runs, has to forget what bridge it has had; its daemon.json has to be among the files then.
    pub forget: bool,
    /// Seconds that it may take.
    pub limit: u32,
    /// Files to be written, and paths of those to be removed.
    pub write: &'a [HostFile],
    pub remove: Vec<&'a str>,
}

/// The script that begins the change on `host`, to be confirmed `within` some time of its end; the script ends while the change goes on.
///
/// # Errors
/// A mistake of ours in a template of a host's files.
pub fn stage(plan: &Plan, host: &HostPlan, change: &HostChange, within: ConfirmWithin) -> Result<String, RenderFilesError> {
    let removed = change.files.iter().filter(|file| file.kind == Kind::Gone);
    let operation = Operation {
        name: "apply",
        change: CHANGE,
        new_host: change.kind == Kind::New,
        restart_docker: change.restarts_docker(),
        forget: change.replaces_dockers_bridge(),
        limit: limit(change),
        write: &change.write,
        remove: removed.map(|file| file.path.as_str()).collect(),
    };
    begin(plan, host, &operation, within)
}

/// As [`stage`], of any operation.
///
/// # Errors
/// As [`stage`].
pub fn begin(plan: &Plan, host: &HostPlan, operation: &Operation<'_>, within: ConfirmWithin) -> Result<String, RenderFilesError> {
    let mut script = format!("limit={}\nconfirm={within}\n{FINISH}{BEGIN}", operation.limit);
    let lines = |paths: Vec<&str>| paths.iter().map(|path| format!("{path}\n")).collect::<String>();
    let settings = format!(
        "operation={}\nnew_host={}\nrestart_docker={}\nforget={}\nmesh_bridge={}\ncontainer_bridge={}\nconfirm={within}\n",
        operation.name, operation.new_host, operation.restart_docker, operation.forget, host.mesh_bridge.name, host.container_bridge.name
    );
    let own = [
        ("write", lines(operation.write.iter().map(|file| file.path.as_str()).collect())),
        ("remove", lines(operation.remove.clone())),
        ("foreign", lines(foreign(operation.write))),
        ("settings", settings),
        ("change", format!("{}{MADE}", operation.change)),
        ("undo", UNDO.to_owned()),
        ("forget", FORGET.to_owned()),
        ("finish", FINISH.to_owned()),
        ("without-bridge.json", without_bridge(host)?),
        ("mesh", mesh_script().to_owned()),
        ("mesh.conf", mesh_config(plan, host)?),
    ];
    for (name, text) in &own {
        script += &put(&format!("$folder/{name}"), 0o600, text);
    }
    for file in operation.write {
        let path = format!("$folder/new{}", file.path);
        script += &format!(
            "mkdir -p \"{}\"\n",
            path.rsplit_once('/').map_or(path.as_str(), |(folder, _)| folder)
        );
        script += &put(&path, file.mode, &file.text);
    }
    Ok(script + STAGE)
}

/// Paths that do not say by their names that they are meshimg's: what was there before is somebody's own.
fn foreign(files: &[HostFile]) -> Vec<&str> {
    let paths = files.iter().map(|file| file.path.as_str());
    paths.filter(|path| !path.contains("meshimg")).collect()
}

/// The options with which Docker runs once without a bridge: its own, where its data are among them, but for those about the bridge.
fn without_bridge(host: &HostPlan) -> Result<String, RenderFilesError> {
    let mut daemon = host.docker.daemon.clone();
    for option in ["fixed-cidr", "live-restore"] {
        daemon.remove(option);
    }
    daemon.insert("bridge".to_owned(), "none".into());
    Ok(serde_json::to_string_pretty(&daemon)? + "\n")
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
