//! What is taken out of the packaging of a source.

use std::fs;
use std::process::Command;

use super::root;

/// Runs edit.sh on a debian/ folder of `files`, and gives what it makes of control, rules and copyright.
fn edited(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let (_, script) = root::SCRIPTS.iter().find(|(name, _)| *name == "edit.sh").unwrap();
    let status = Command::new("sh").args(["-c", script, "sh"]).arg(folder.path()).status().unwrap();
    assert!(status.success());
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    ["control", "rules", "copyright"]
        .map(|name| format!("### {name}\n{}", read(name)))
        .concat()
}

const RULES: &str = "\
ifneq (,$(filter parallel=%,$(DEB_BUILD_OPTIONS)))
PARALLEL = -j2
endif
override_dh_auto_configure:
\tcd _debian && ../configure
ifneq (,$(filter i386 amd64 ppc64el arm64, $(DEB_HOST_ARCH)))
\tcd _dpdk && ../configure --with-dpdk=shared
endif
ifneq (,$(filter armhf, $(DEB_HOST_ARCH)))
TEST_LIST = 1-29 31-
endif
";

#[test]
fn dpdk_is_taken_out_of_the_packaging_of_debian() {
    let control = "\
Source: openvswitch
Section: net
Build-Depends:
 architecture-is-64-bit,
 autoconf (>= 2.64),
 libbpf-dev,
 libdpdk-dev (>= 25.11~) [amd64 i386],
 libnuma-dev [amd64],
 libxdp-dev (>= 1.4.3~) [!alpha],
 python3-all-dev,
Build-Depends-Indep: graphviz, libdpdk-dev
Standards-Version: 4.6.2

Package: openvswitch-switch
Architecture: linux-any
Depends:
 ${shlibs:Depends},
Description: Switch
 It has a flavour with DPDK.

Package: openvswitch-switch-dpdk
Architecture: amd64
Depends:
 dpdk,
Description: DPDK
 .
 Of libdpdk-dev.

Package: python3-openvswitch
Architecture: linux-any
Description: Bindings
";
    insta::assert_snapshot!(edited(&[("control", control), ("rules", RULES), ("copyright", "Debian's\n")]));
}

#[test]
fn what_upstream_makes_of_templates_is_made() {
    let control = "\
Source: openvswitch
Build-Depends:
 autoconf (>= 2.64),
# DPDK_NETDEV  libdpdk-dev (>= 25.11) [amd64],
 openssl
Rules-Requires-Root: no

Package: openvswitch-switch
Architecture: linux-any
Description: Switch

# DPDK_NETDEV Package: openvswitch-switch-dpdk
# DPDK_NETDEV Architecture: amd64
# DPDK_NETDEV Description: DPDK
";
    let copyright = "Upstream Authors:\n\n%AUTHORS%\n";
    insta::assert_snapshot!(edited(&[("control.in", control), ("rules", RULES), ("copyright.in", copyright)]));
}
