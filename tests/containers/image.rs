//! The image that containers of a release are made from: a tree of Debian with what a host of that release gets installed, and cloud-init.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use libtest_mimic::Failed;
use meshimg::exec::{self, Tool};
use meshimg::image::{Cache, ImageError, Inputs};
use meshimg::ui::{Ui, Verbosity};

use super::host::{Release, plan_of};

/// The name of all images; their tags are the keys of the cache.
pub const NAME: &str = "meshimg-test";

/// Raised when what is done here changes in a way that no argument shows.
const RECIPE_VERSION: &str = "1";

/// mmdebstrap takes 40 s with a near archive; a slow one may take its time.
const PACKAGES_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// 500 MB are copied and hashed.
const IMPORT_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// In every base image too, besides the packages of the plan; the last two read seeds.
const PACKAGES: &[&str] = &[
    "cloud-init",
    "dbus",
    "kmod",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-sysv",
    "udev",
    "dosfstools",
    "mtools",
];

const TREE: &str = "tree.tar";

fn suite(release: Release) -> &'static str {
    match release {
        Release::Debian12 => "bookworm",
        Release::Debian13 => "trixie",
    }
}

/// What a host of `release` gets installed by default, and [`PACKAGES`].
fn packages(release: Release) -> Result<String, Failed> {
    let hosts = "hosts: [{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.2}]";
    let cluster = plan_of("image", format!("{{version: 1, name: image, os: {release}, {hosts}}}").as_bytes())?;
    let planned = cluster.hosts[0].packages.iter().map(|package| package.as_str());
    let mut packages: Vec<&str> = planned.chain(PACKAGES.iter().copied()).collect();
    packages.sort_unstable();
    Ok(packages.join(","))
}

fn mmdebstrap(packages: &str, release: Release, tree: &Path) -> Vec<OsString> {
    vec![
        "--variant=minbase".into(),
        "--mode=unshare".into(),
        "--format=tar".into(),
        format!("--include={packages}").into(),
        "--dpkgopt=force-unsafe-io".into(),
        "--dpkgopt=path-exclude=/usr/share/man/*".into(),
        "--dpkgopt=path-exclude=/usr/share/locale/*".into(),
        "--dpkgopt=path-exclude=/usr/share/doc/*".into(),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright".into(),
        "--aptopt=Acquire::Languages \"none\"".into(),
        suite(release).into(),
        tree.into(),
    ]
}

/// Docker's tag of the image of `release`, which is made if it is not there.
pub fn tag(release: Release) -> Result<String, Failed> {
    /// Those that are there; two tests make two images at once, but never the same.
    static MADE: [Mutex<Option<String>>; 2] = [Mutex::new(None), Mutex::new(None)];
    let mut made = MADE[release as usize].lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tag) = &*made {
        return Ok(tag.clone());
    }
    let tag = make(release)?;
    *made = Some(tag.clone());
    Ok(tag)
}

fn make(release: Release) -> Result<String, Failed> {
    let packages = packages(release)?;
    let mut inputs = Inputs::new("container", RECIPE_VERSION);
    for argument in mmdebstrap(&packages, release, Path::new(TREE)) {
        inputs.add("mmdebstrap", argument.as_encoded_bytes());
    }
    let key = inputs.key();
    let tag = key.to_string();
    let image = format!("{NAME}:{tag}");
    let found = Tool::new("docker", super::container::DEADLINE)
        .arguments(["image", "inspect", &image])
        .run();
    if found.is_ok() {
        return Ok(tag);
    }
    let cache = Cache::from_environment()?;
    let ui = Ui::new(Verbosity::Normal, false);
    let tree = match cache.find(&key) {
        Some(folder) => folder,
        None => {
            exec::require(&["mmdebstrap", "unshare", "apt-get"])?;
            let build = |folder: &Path| build(release, &packages, folder);
            ui.step(&format!("container image {release}: packages"), || cache.build(&key, &ui, build))?
        }
    };
    ui.step(&format!("container image {release}: import"), || import(&tree.join(TREE), &image))?;
    Ok(tag)
}

fn build(release: Release, packages: &str, folder: &Path) -> Result<(), ImageError> {
    // As for base images: root builds beside the image, as /tmp may be small; an ordinary user's mapped ids get nowhere but there.
    let is_root = rustix::process::geteuid().is_root();
    let place = if is_root { folder.to_owned() } else { std::env::temp_dir() };
    Tool::new("mmdebstrap", PACKAGES_DEADLINE)
        .arguments(mmdebstrap(packages, release, &folder.join(TREE)))
        .environment("TMPDIR", place)
        .run()?;
    Ok(())
}

fn import(tree: &PathBuf, image: &str) -> Result<(), Failed> {
    let import = Tool::new("docker", IMPORT_DEADLINE)
        .argument("import")
        .argument(tree)
        .argument(image);
    import.run()?;
    Ok(())
}
