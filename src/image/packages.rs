//! Which packages are in images.

use crate::spec::Os;

/// Packages of every image, besides a kernel. Recommended packages are not installed (mmdebstrap's default), so each is named.
pub(super) const PACKAGES: &[&str] = &[
    // The kernel enables it, and Docker 20.10 then starts no container without apparmor_parser. Debian's own images have it too.
    "apparmor",
    "busybox-static",
    "ca-certificates",
    "cloud-init",
    "dbus",
    "e2fsprogs",
    "initramfs-tools",
    "iproute2",
    "iputils-ping",
    "kmod",
    "netbase",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-sysv",
    "udev",
    "zstd",
];

/// What the mesh needs on top, in images that have it.
pub(super) fn mesh_packages(os: Os) -> Vec<&'static str> {
    // isc-dhcp-client rather than dhcpcd: ifupdown tries it first, and it does not wait 5 s for address conflicts.
    let mut packages = vec![
        "bridge-utils",
        "docker.io",
        "ifupdown",
        "iptables",
        "isc-dhcp-client",
        "nftables",
        "openvswitch-switch",
    ];
    if os == Os::Debian13 {
        // Debian 12's docker.io has the docker command in it.
        packages.push("docker-cli");
    }
    packages.sort_unstable();
    packages
}
