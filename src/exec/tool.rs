//! Where a program is, and which Debian package has it.

use std::path::{Path, PathBuf};

use super::ExecError;

/// Debian and Ubuntu package that has `program`.
pub fn package_of(program: &str) -> &str {
    match program {
        "qemu-system-x86_64" => "qemu-system-x86",
        "qemu-img" => "qemu-utils",
        "mke2fs" | "e2fsck" | "debugfs" | "dumpe2fs" => "e2fsprogs",
        "ssh" | "ssh-keygen" | "scp" => "openssh-client",
        "ovs-appctl" | "ovs-ofctl" | "ovs-vsctl" | "ovs-vswitchd" | "ovsdb-server" | "ovsdb-tool" => "openvswitch-switch",
        "ip" => "iproute2",
        "nsenter" | "setpriv" | "setsid" | "unshare" => "util-linux",
        "newuidmap" | "newgidmap" => "uidmap",
        "busybox" => "busybox-static",
        "sfdisk" => "fdisk",
        firmware if firmware.starts_with("/usr/share/OVMF/") => "ovmf",
        "apt-get" | "apt-config" | "/usr/lib/apt/apt-helper" => "apt",
        "cloud-init" => "cloud-init",
        "docker" => "docker.io",
        other => other,
    }
}

/// Finds `program` in PATH or in the administrator's folders, which an ordinary user's PATH lacks on Debian.
pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).is_file().then(|| PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrator = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(administrator)
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Checks that all of `programs` are there, and names all that are not at once.
///
/// # Errors
/// [`ExecError::Missing`] with the programs and the packages that have them.
pub fn require(programs: &[&str]) -> Result<(), ExecError> {
    let missing: Vec<String> = programs
        .iter()
        .filter(|program| find(program).is_none())
        .map(|program| program.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ExecError::missing(missing))
}
