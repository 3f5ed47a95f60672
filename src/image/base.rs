//! The base image: Debian with what the mesh needs, made by mmdebstrap, built once for each set of inputs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::cache::{Cache, Inputs, Key};
use super::disk::{self, DISK_ID};
use super::hooks::{self, Hooks};
use super::{BaseImage, Boot, ImageError};
use super::{mmdebstrap, packages};
use crate::spec::{ArchiveUrl, Os};
use crate::ui::Ui;

/// What is in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavor {
    /// All that the mesh needs, ready to run.
    Full,
    /// As Debian's own cloud images: netplan with systemd-networkd, and neither Open vSwitch nor Docker nor ifupdown. cloud-init
    /// installs them at first boot, as on a bought server.
    Stock,
    /// The same with ifupdown in the place of netplan, as some providers and Debian's installer have it.
    StockIfupdown,
}

impl Flavor {
    /// The word for it in messages, cache keys and the build script.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Stock => "stock",
            Self::StockIfupdown => "stock-ifupdown",
        }
    }

    /// Whether Open vSwitch and Docker are left to the first boot.
    pub fn is_stock(self) -> bool {
        self != Self::Full
    }
}

/// Which base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseRequest {
    /// Debian only.
    pub os: Os,
    /// Package archive; `None`: mmdebstrap's own default for the release.
    pub archive: Option<ArchiveUrl>,
    pub flavor: Flavor,
    /// The folder of an archive with packages of Open vSwitch for [`Flavor::Full`], an entry of the cache; `None`: the distribution's.
    pub open_vswitch: Option<PathBuf>,
}

/// Raised when what a build does changes in a way that no other input shows.
const RECIPE_VERSION: &str = "1";

/// Run by mmdebstrap before any package is unpacked.
const SETUP_SCRIPT: &str = include_str!("scripts/setup.sh");

/// Run by mmdebstrap for stock images when all packages are configured.
const ARCHIVE_SCRIPT: &str = include_str!("scripts/archive.sh");

/// The programs a build needs; `tar`, `sh` and the like are essential on Debian.
const PROGRAMS: &[&str] = &["mmdebstrap", "mke2fs", "sfdisk", "unshare", "apt-get"];

/// A kernel without the drivers of real machines.
const KERNEL: &str = "linux-image-cloud-amd64";

/// How Debian's cloud images bring their NICs up, and the keys by which a host knows its archive.
const STOCK_PACKAGES: &[&str] = &["debian-archive-keyring", "netplan.io", "systemd-resolved"];

/// The same for hosts with ifupdown.
const STOCK_IFUPDOWN_PACKAGES: &[&str] = &["debian-archive-keyring", "ifupdown", "isc-dhcp-client"];

fn packages(request: &BaseRequest) -> Vec<&'static str> {
    let more = match request.flavor {
        Flavor::Full => packages::mesh_packages(request.os),
        Flavor::Stock => STOCK_PACKAGES.to_vec(),
        Flavor::StockIfupdown => STOCK_IFUPDOWN_PACKAGES.to_vec(),
    };
    let mut packages: Vec<&str> = packages::PACKAGES.iter().copied().chain([KERNEL]).chain(more).collect();
    packages.sort_unstable();
    packages
}

/// The arguments of mmdebstrap(1) that write the tree to `tar`; its hooks are scripts in the folder `hooks`.
fn mmdebstrap(request: &BaseRequest, suite: &str, hooks: &str, tar: &Path) -> Vec<OsString> {
    let mut calls = vec![format!("--setup-hook=sh {hooks}/setup.sh \"$1\"")];
    if request.flavor.is_stock() {
        calls.push(format!("--customize-hook=sh {hooks}/archive.sh \"$1\""));
    }
    mmdebstrap::arguments(suite, &packages(request), &calls, tar, request.archive.as_ref())
}

/// Everything that decides what an image is.
fn inputs(request: &BaseRequest, suite: &str) -> Inputs {
    let mut inputs = Inputs::new("base", RECIPE_VERSION);
    inputs.add("suite", suite);
    inputs.add("archive", request.archive.as_ref().map_or("", ArchiveUrl::as_str));
    inputs.add("flavor", request.flavor.name());
    for argument in mmdebstrap(request, suite, "HOOKS", Path::new("root.tar")) {
        inputs.add("mmdebstrap", argument.as_encoded_bytes());
    }
    for argument in disk::mke2fs("UUID") {
        inputs.add("mke2fs", argument);
    }
    inputs.add("open-vswitch", entry_name(request.open_vswitch.as_deref()));
    inputs.add("partitions", disk::partitions());
    inputs.add("setup.sh", SETUP_SCRIPT);
    inputs.add("archive.sh", ARCHIVE_SCRIPT);
    inputs.add("disk.sh", mmdebstrap::whole_script(disk::DISK_SCRIPT));
    inputs.add("command-line", command_line());
    inputs
}

/// What tells the packages in a folder from others: the name of the entry of the cache that it is.
pub(super) fn entry_name(folder: Option<&Path>) -> &[u8] {
    folder.and_then(Path::file_name).unwrap_or_default().as_encoded_bytes()
}

/// The kernel command line, without `console=`.
fn command_line() -> String {
    // By the partition's identifier, which the kernel itself knows; which of two disks it finds first is chance. eth0, eth1: the names by which
    // the lab's network configuration calls its NICs.
    format!("root=PARTUUID={DISK_ID:08x}-01 rootwait ro net.ifnames=0 biosdevname=0")
}

fn image(folder: &Path) -> BaseImage {
    BaseImage {
        disk: folder.join(disk::DISK),
        format: "raw".to_owned(),
        boot: Boot::Kernel {
            kernel: folder.join(disk::KERNEL),
            command_line: command_line(),
        },
    }
}

/// Finds the base image in the cache, or builds it.
///
/// # Errors
/// [`ImageError::NotDebian`]; a missing program; what mmdebstrap or mke2fs said; a file that could not be written. Nothing is left in
/// the cache then.
pub fn base(request: &BaseRequest, cache: &Cache, ui: &Ui) -> Result<BaseImage, ImageError> {
    let suite = mmdebstrap::suite(request.os)?;
    let key = inputs(request, suite).key();
    let folder = match cache.find(&key) {
        Some(folder) => folder,
        None => {
            hooks::require(PROGRAMS)?;
            cache.build(&key, ui, |folder| build(request, suite, &key, folder, ui))?
        }
    };
    Ok(image(&folder))
}

fn build(request: &BaseRequest, suite: &str, key: &Key, folder: &Path, ui: &Ui) -> Result<(), ImageError> {
    let what = format!("base image {suite} ({})", request.flavor.name());
    let tar = folder.join("root.tar");
    let hooks = Hooks::new(&[("setup.sh", SETUP_SCRIPT), ("archive.sh", ARCHIVE_SCRIPT)])?;
    ui.step(&format!("{what}: packages"), || {
        mmdebstrap::run(&hooks, mmdebstrap(request, suite, hooks.path(), &tar), folder, &[])
    })?;
    ui.step(&format!("{what}: disk"), || disk::make(folder, &tar, request, &key.uuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(os: Os, flavor: Flavor) -> BaseRequest {
        BaseRequest {
            os,
            archive: None,
            flavor,
            open_vswitch: None,
        }
    }

    /// The arguments, one a line.
    fn shown(request: &BaseRequest) -> String {
        let arguments = mmdebstrap(request, mmdebstrap::suite(request.os).unwrap(), "/tmp/hooks", Path::new("root.tar"));
        let lines: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        lines.join("\n")
    }

    #[test]
    fn arguments_of_mmdebstrap() {
        insta::assert_snapshot!("mmdebstrap_debian_13_full", shown(&request(Os::Debian13, Flavor::Full)));
        insta::assert_snapshot!("mmdebstrap_debian_12_full", shown(&request(Os::Debian12, Flavor::Full)));
        insta::assert_snapshot!("mmdebstrap_debian_13_stock", shown(&request(Os::Debian13, Flavor::Stock)));
        let ifupdown = shown(&request(Os::Debian12, Flavor::StockIfupdown));
        assert!(
            ifupdown.contains(",ifupdown,") && !ifupdown.contains("netplan") && !ifupdown.contains("docker"),
            "{ifupdown}"
        );
        let archive = Some("https://archive.example.org/debian".parse().unwrap());
        let own = shown(&BaseRequest {
            archive,
            ..request(Os::Debian13, Flavor::Full)
        });
        assert!(own.ends_with("trixie\nroot.tar\nhttps://archive.example.org/debian"), "{own}");
    }

    #[test]
    fn arguments_of_mke2fs_and_unshare() {
        let command = disk::mke2fs("6d657368-0000-8000-8000-000000000000");
        insta::assert_snapshot!("mke2fs", command.join("\n"));
        let line = |is_root| {
            let words = disk::words(
                Path::new("/c/root.tar"),
                Path::new("/c"),
                &request(Os::Debian13, Flavor::Full),
                &["true".into()],
            );
            let arguments = mmdebstrap::unshare(is_root, Path::new("/c/disk.sh"), &words);
            arguments.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        insta::assert_snapshot!(line(true), @"--mount --propagation=private -- sh -eu /c/disk.sh /c/root.tar /c full  true");
        insta::assert_snapshot!(line(false), @"--mount --propagation=private --map-root-user --map-auto -- sh -eu /c/disk.sh /c/root.tar /c full  true");
    }

    #[test]
    fn the_key_changes_with_every_input() {
        let key = |request: &BaseRequest| inputs(request, mmdebstrap::suite(request.os).unwrap()).key().to_string();
        let plain = request(Os::Debian13, Flavor::Full);
        let archive = Some("https://archive.example.org/debian".parse().unwrap());
        let keys = [
            key(&plain),
            key(&request(Os::Debian12, Flavor::Full)),
            key(&request(Os::Debian13, Flavor::Stock)),
            key(&request(Os::Debian13, Flavor::StockIfupdown)),
            key(&BaseRequest { archive, ..plain.clone() }),
            key(&BaseRequest {
                open_vswitch: Some("/cache/openvswitch-1".into()),
                ..plain.clone()
            }),
        ];
        let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
        assert_eq!(key(&plain), key(&plain.clone()));
    }

    #[test]
    fn other_systems_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for os in [Os::Ubuntu2204, Os::Ubuntu2404] {
            let error = base(&request(os, Flavor::Full), &Cache::at(folder.path()), &Ui::silent()).unwrap_err();
            assert_eq!(error.to_string(), "only Debian images are built (debian-12, debian-13)");
        }
    }
}
