//! A tree of Debian in a tar, by mmdebstrap(1), and scripts that make a disk of one in a namespace of their own.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::ImageError;
use super::hooks::Hooks;
use super::space;
use crate::exec::Tool;
use crate::render;
use crate::spec::{ArchiveUrl, Os};

/// What the scripts that make a disk begin with.
const TREE_SCRIPT: &str = include_str!("scripts/tree.sh");

/// mmdebstrap takes 40 s with a near archive; a slow one may take its time.
const PACKAGES_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// What packages take while they are unpacked, and the tar of it all, bytes: 860 MB and 691 MB for an image that boots anywhere, the largest.
const UNPACKED: u64 = 1_000_000_000;
const TAR: u64 = 800_000_000;

/// An ordinary user's PATH lacks mke2fs, and root's may be anything.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The release's name in the archive.
pub(super) fn suite(os: Os) -> Result<&'static str, ImageError> {
    match os {
        Os::Debian12 => Ok("bookworm"),
        Os::Debian13 => Ok("trixie"),
        Os::Ubuntu2204 | Os::Ubuntu2404 => Err(ImageError::NotDebian),
    }
}

/// The arguments of mmdebstrap(1) that write the tree to `tar`. `hooks` are its options for hooks.
pub(super) fn arguments(suite: &str, packages: &[&str], hooks: &[String], tar: &Path, archive: Option<&ArchiveUrl>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "--variant=minbase".into(),
        // For root this means namespaces of its own, for an ordinary user in addition a mapping of user ids.
        "--mode=unshare".into(),
        "--format=tar".into(),
        format!("--include={}", packages.join(",")).into(),
        // Nothing survives a power cut during the build anyway, so nothing has to be flushed file by file.
        "--dpkgopt=force-unsafe-io".into(),
    ];
    // Nobody reads manuals on these hosts, and translations only make the disk larger; copyright files stay.
    let excluded = ["/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*"];
    arguments.extend(excluded.map(|path| format!("--dpkgopt=path-exclude={path}").into()));
    arguments.push("--dpkgopt=path-include=/usr/share/doc/*/copyright".into());
    arguments.push("--aptopt=Acquire::Languages \"none\"".into());
    arguments.extend(hooks.iter().map(OsString::from));
    arguments.push(suite.into());
    arguments.push(tar.into());
    arguments.extend(archive.map(|archive| archive.as_str().into()));
    arguments
}

/// Runs mmdebstrap with `arguments` and, besides its own, the environment `variables`; what it unpacks goes to `folder` where that is possible.
pub(super) fn run(hooks: &Hooks, arguments: Vec<OsString>, folder: &Path, variables: &[(&str, &str)]) -> Result<(), ImageError> {
    // /tmp may be a small tmpfs, so root builds beside the image. An ordinary user's mapped ids can't get into the user's own folders:
    // there it has to be the folder for temporary files, and a folder in it of ours, as mmdebstrap leaves its GnuPG folder behind.
    let is_root = rustix::process::geteuid().is_root();
    let place = if is_root { folder } else { hooks.folder() };
    space::require(place, UNPACKED + if is_root { TAR } else { 0 }, space::variable(is_root))?;
    if !is_root {
        space::require(folder, TAR, "MESHIMG_CACHE")?;
    }
    let mut tool = Tool::new("mmdebstrap", PACKAGES_DEADLINE)
        .arguments(arguments)
        .environment("TMPDIR", place);
    for (name, value) in variables {
        tool = tool.environment(name, *value);
    }
    tool.run()?;
    Ok(())
}

/// The call of unshare(1) that runs `script` as root over a mount namespace of its own. Debian's unshare maps all subordinate ids with
/// `--map-auto` (util-linux 2.38); for root there is nothing to map.
pub(super) fn unshare(is_root: bool, script: &Path, words: &[OsString]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--mount".into(), "--propagation=private".into()];
    if !is_root {
        arguments.extend(["--map-root-user".into(), "--map-auto".into()]);
    }
    arguments.extend(["--".into(), "sh".into(), "-eu".into(), script.into()]);
    arguments.extend(words.iter().cloned());
    arguments
}

/// A script with all that such scripts have in common before it. One of the functions puts the files there that images have of ours.
pub(super) fn whole_script(script: &str) -> String {
    let mut put_files = "put_files() {\n".to_owned();
    for (path, text) in render::OF_IMAGES {
        let path = path.trim_start_matches('/');
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        put_files += &format!("mkdir -p {folder}\ncat >{path} <<'END'\n{text}END\nchmod 644 {path}\n");
    }
    format!("{TREE_SCRIPT}{put_files}}}\n{script}")
}

/// Runs a script over a tree, with what all such scripts have in common before it; `folder` has it meanwhile.
pub(super) fn run_script(folder: &Path, script: &str, words: &[OsString], deadline: Duration) -> Result<(), ImageError> {
    let path = folder.join("script.sh");
    super::write(&path, &whole_script(script))?;
    let is_root = rustix::process::geteuid().is_root();
    Tool::new("unshare", deadline)
        .arguments(unshare(is_root, &path, words))
        .environment("PATH", PATH)
        .run()?;
    super::remove(&path)?;
    // The mount point that the namespace left behind.
    let tree = folder.join("tree");
    std::fs::remove_dir(&tree).map_err(|source| ImageError::file(&tree, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_put_files_there() {
        let folder = tempfile::tempdir().unwrap();
        let script = whole_script("cd \"$1\"\nput_files\n");
        let run = Tool::new("sh", Duration::from_secs(30))
            .arguments(["-euc", &script, "sh"])
            .argument(folder.path());
        run.run().unwrap();
        for (path, text) in render::OF_IMAGES {
            assert_eq!(std::fs::read_to_string(folder.path().join(&path[1..])).unwrap(), *text, "{path}");
        }
    }
}
