//! A stock Debian 13 with the plain recipe, as far as it bears on the order of its boot.

use super::{Files, files};

/// Targets, networking.service, cloud-init's network stage and Open vSwitch of Debian 13, and the hook of openvswitch-switch.
pub fn debian() -> Files {
    files(&[
        ("lib", "-> usr/lib"),
        ("usr/lib/systemd/system/default.target", "-> graphical.target"),
        (
            "usr/lib/systemd/system/graphical.target",
            "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\n",
        ),
        (
            "usr/lib/systemd/system/multi-user.target",
            "[Unit]\nRequires=basic.target\nAfter=basic.target\n",
        ),
        (
            "usr/lib/systemd/system/basic.target",
            "[Unit]\nRequires=sysinit.target\nWants=sockets.target\nAfter=sysinit.target sockets.target\n",
        ),
        (
            "usr/lib/systemd/system/sysinit.target",
            "[Unit]\nDescription=System Initialization\nAfter=local-fs.target\n",
        ),
        ("usr/lib/systemd/system/sockets.target", "[Unit]\nDescription=Socket Units\n"),
        (
            "usr/lib/systemd/system/networking.service",
            "[Unit]\nDefaultDependencies=no\nWants=network.target\nAfter=local-fs.target network-pre.target\nBefore=network.target\n\
             [Service]\nType=oneshot\nEnvironmentFile=-/etc/default/networking\nExecStart=/usr/sbin/ifup -a --read-environment\n\
             TimeoutStartSec=5min\n",
        ),
        (
            "usr/lib/systemd/system/cloud-init-network.service",
            "[Unit]\nDefaultDependencies=no\nAfter=networking.service\nBefore=network-online.target sysinit.target\n\
             [Service]\nType=oneshot\nExecStart=sh -c 'echo start | nc -U /run/cloud-init/share/network.sock | sh'\n",
        ),
        (
            "usr/lib/systemd/system/cloud-init.target",
            "[Unit]\nDescription=Cloud-init target\n",
        ),
        ("usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n"),
        (
            "usr/lib/systemd/system/openvswitch-switch.service",
            "[Unit]\nBefore=network.target\nAfter=network-pre.target ovs-vswitchd.service\nRequires=ovs-vswitchd.service\n\
             [Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        ),
        (
            "usr/lib/systemd/system/ovs-vswitchd.service",
            "[Unit]\nBefore=network.target networking.service\nDefaultDependencies=no\n[Service]\nType=forking\nExecStart=/bin/true\n",
        ),
        (
            "etc/systemd/system/multi-user.target.wants/networking.service",
            "-> /usr/lib/systemd/system/networking.service",
        ),
        (
            "etc/systemd/system/multi-user.target.wants/openvswitch-switch.service",
            "-> /usr/lib/systemd/system/openvswitch-switch.service",
        ),
        (
            "etc/systemd/system/cloud-init.target.wants/cloud-init-network.service",
            "-> /usr/lib/systemd/system/cloud-init-network.service",
        ),
        (
            "etc/network/if-pre-up.d/openvswitch",
            "-> /usr/share/openvswitch/scripts/ifupdown.sh",
        ),
        (
            "usr/share/openvswitch/scripts/ifupdown.sh",
            "#! /bin/sh\n\nif [ -z \"${IF_OVS_TYPE}\" ]; then\n    exit 0\nfi\n\n\
             if ! systemctl --quiet is-active openvswitch-switch.service; then\n    systemctl start openvswitch-switch.service\nfi\n",
        ),
        ("etc/network/interfaces", "source /etc/network/interfaces.d/*\n"),
        (
            "etc/network/interfaces.d/mesh",
            "auto br0=br0\nallow-ovs br0\niface br0 inet manual\n  ovs_type OVSBridge\n  ovs_ports gre1\n",
        ),
    ])
}
