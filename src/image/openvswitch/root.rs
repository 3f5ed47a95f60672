//! The throw-away root: one call of mmdebstrap, whose hooks bring the source in, build it, and bring the packages out.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BuildRequest, OpenVSwitchError};
use crate::exec::{ExecError, Tool};
use crate::image::ImageError;
use crate::image::cache::Inputs;
use crate::image::hooks::Hooks;
use crate::image::space;
use crate::spec::ArchiveUrl;

/// Raised when what a build does changes in a way that no other input shows.
const RECIPE_VERSION: &str = "1";

/// What mmdebstrap calls, and what that calls: name and text of each script of sh(1).
pub const SCRIPTS: &[(&str, &str)] = &[
    ("hook.sh", include_str!("../scripts/openvswitch/hook.sh")),
    ("unpack.sh", include_str!("../scripts/openvswitch/unpack.sh")),
    ("mend.sh", include_str!("../../../modules/mend-open-vswitch")),
    ("edit.sh", include_str!("../scripts/openvswitch/edit.sh")),
    ("build.sh", include_str!("../scripts/openvswitch/build.sh")),
];

/// The list of packages in the root, which lies beside the archive when it comes out.
pub const ROOT_PACKAGES: &str = "root-packages";

/// What was mended in the source, a line for each, beside the archive too.
pub const MENDED: &str = "mended";

/// Three minutes on two cores; a slow archive and a slow machine may take their time.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// What a root takes with the packages of a compiler, those of the source's documentation, and what is built, bytes.
const SPACE: u64 = 2_000_000_000;

/// The arguments of mmdebstrap(1). `folder` has the scripts and the source, and gets `archive`; a shell takes it as it is.
pub fn mmdebstrap(request: &BuildRequest, suite: &str, folder: &str) -> Result<Vec<OsString>, OpenVSwitchError> {
    let suffix = request.suffix()?;
    let version = &request.version;
    let mut arguments: Vec<OsString> = vec![
        // apt, and build-essential with what it needs; the rest is in the source's debian/control.
        "--variant=buildd".into(),
        // For root this means namespaces of its own, for an ordinary user in addition a mapping of user ids.
        "--mode=unshare".into(),
        // The root itself is wanted by nobody.
        "--format=null".into(),
        "--dpkgopt=force-unsafe-io".into(),
        "--dpkgopt=path-exclude=/usr/share/man/*".into(),
        "--dpkgopt=path-exclude=/usr/share/locale/*".into(),
        "--aptopt=Acquire::Languages \"none\"".into(),
        format!("--customize-hook=sh {folder}/hook.sh \"$1\" {folder} {version} {suffix}").into(),
        format!("--customize-hook=copy-out /build/archive {folder}/out").into(),
        suite.into(),
        "/dev/null".into(),
    ];
    arguments.extend(request.archive.iter().map(|archive| archive.as_str().into()));
    Ok(arguments)
}

/// Everything that decides what is built. Not where the source is: its hash says what it is.
pub fn inputs(request: &BuildRequest, suite: &str) -> Result<Inputs, OpenVSwitchError> {
    let mut inputs = Inputs::new("openvswitch", RECIPE_VERSION);
    inputs.add("suite", suite);
    inputs.add("archive", request.archive.as_ref().map_or("", ArchiveUrl::as_str));
    inputs.add("version", request.version.as_str());
    inputs.add("kind", format!("{:?}", request.source.kind()?));
    inputs.add("sha256", request.sha256.as_str());
    for argument in mmdebstrap(request, suite, "FOLDER")? {
        inputs.add("mmdebstrap", argument.as_encoded_bytes());
    }
    for (name, text) in SCRIPTS {
        inputs.add(name, text);
    }
    Ok(inputs)
}

/// Builds what lies in the folder of `hooks`, and gives the folder with the archive. `folder` is for what root unpacks; all that is said
/// goes to the file `log`.
///
/// # Errors
/// [`OpenVSwitchError::Build`], or [`ImageError::Exec`] when it was interrupted.
pub fn run(request: &BuildRequest, suite: &str, hooks: &Hooks, folder: &Path, log: &Path) -> Result<PathBuf, ImageError> {
    let out = hooks.folder().join("out");
    fs::create_dir(&out).map_err(|source| ImageError::file(&out, source))?;
    if let Some(logs) = log.parent() {
        fs::create_dir_all(logs).map_err(|source| ImageError::file(logs, source))?;
    }
    fs::write(log, "").map_err(|source| ImageError::file(log, source))?;
    // As for base images: /tmp may be a small tmpfs, so root builds beside the entry; an ordinary user's mapped ids can't get there.
    let root = folder.join("root");
    let is_root = rustix::process::geteuid().is_root();
    let place: &Path = if is_root { &root } else { hooks.folder() };
    if is_root {
        fs::create_dir(&root).map_err(|source| ImageError::file(&root, source))?;
        // User 1000 of the build has to get through it.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&root, open).map_err(|source| ImageError::file(&root, source))?;
    }
    // The folder that the user knows is the one around ours.
    space::require(if is_root { folder } else { hooks.folder() }, SPACE, space::variable(is_root))?;
    let tool = Tool::new("mmdebstrap", DEADLINE)
        .arguments(mmdebstrap(request, suite, hooks.path())?)
        .environment("TMPDIR", place)
        .log(log);
    match tool.run() {
        Ok(_) => {}
        Err(source @ (ExecError::Failed { .. } | ExecError::Deadline { .. })) => {
            let said = fs::read(log).unwrap_or_default();
            let disk_was_full = String::from_utf8_lossy(&said).contains("No space left on device");
            let log = log.to_owned();
            return Err(OpenVSwitchError::Build {
                log,
                disk_was_full,
                source,
            }
            .into());
        }
        Err(error) => return Err(error.into()),
    }
    if is_root {
        fs::remove_dir_all(&root).map_err(|source| ImageError::file(&root, source))?;
    }
    Ok(out.join("archive"))
}
