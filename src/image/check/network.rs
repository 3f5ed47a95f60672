//! What brings the network up, and sshd.

use super::System;
use super::finding::{Code, Finding};

/// A program that brings NICs up.
struct Renderer {
    name: &'static str,
    units: &'static [&'static str],
    /// The unit that waits until it has done so.
    wait: &'static str,
}

const RENDERERS: [Renderer; 4] = [
    Renderer {
        name: "ifupdown",
        units: &["networking.service"],
        wait: "ifupdown-wait-online.service",
    },
    Renderer {
        name: "systemd-networkd",
        units: &["systemd-networkd.service"],
        wait: "systemd-networkd-wait-online.service",
    },
    Renderer {
        name: "NetworkManager",
        units: &["NetworkManager.service"],
        wait: "NetworkManager-wait-online.service",
    },
    Renderer {
        name: "dhcpcd",
        units: &["dhcpcd.service"],
        wait: "dhcpcd-wait-online.service",
    },
];

/// What is wrong with the network's programs.
pub fn check(system: &System<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = system.root;
    // Its generator enables systemd-networkd at boot, unless a file in /etc/netplan says NetworkManager.
    let has_netplan = [
        "/usr/lib/systemd/system-generators/netplan",
        "/lib/systemd/system-generators/netplan",
    ]
    .iter()
    .any(|path| root.exists(path));
    let is_active = |renderer: &Renderer| {
        renderer.units.iter().any(|unit| system.jobs.contains(*unit)) || (has_netplan && renderer.name == "systemd-networkd")
    };
    let active: Vec<&str> = RENDERERS
        .iter()
        .filter(|renderer| is_active(renderer))
        .map(|renderer| renderer.name)
        .collect();
    match active.as_slice() {
        [] => findings.push(Finding::new(
            Code::NoRenderer,
            "nothing that brings the network up runs at boot",
            "install one in the image: apt-get install netplan.io (with systemd-networkd) or ifupdown (with a DHCP client)",
        )),
        [_] => {}
        [first, ..] => findings.push(Finding::new(
            Code::Renderers,
            format!(
                "{} all bring NICs up at boot: each undoes what another did, or waits for it",
                active.join(" and ")
            ),
            format!("keep one, such as {first}, and disable the others: systemctl disable UNIT"),
        )),
    }
    for renderer in RENDERERS.iter().filter(|renderer| !is_active(renderer)) {
        if system.jobs.contains(renderer.wait) {
            findings.push(Finding::new(
                Code::IdleWait,
                format!(
                    "{} runs at boot, and {} does not: the boot waits until its limit ends that",
                    renderer.wait, renderer.name
                ),
                format!("systemctl disable {}", renderer.wait),
            ));
        }
    }
    if has_netplan && root.is_file("/usr/sbin/ifup") {
        findings.push(Finding::new(
            Code::NetplanBesideIfupdown,
            "netplan and ifupdown are installed both; cloud-init of Debian and Ubuntu writes for netplan then, and ifupdown knows nothing of it",
            "remove one: apt-get purge ifupdown, or netplan.io",
        ));
    }
    findings.extend(sshd(system));
    findings
}

fn sshd(system: &System<'_>) -> Option<Finding> {
    if !system.root.is_file("/usr/sbin/sshd") {
        return Some(Finding::new(
            Code::NoSshd,
            "sshd is not installed: nobody gets into the machine",
            "install it in the image: apt-get install openssh-server",
        ));
    }
    let units = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"];
    (!units.iter().any(|unit| system.jobs.contains(*unit)))
        .then(|| Finding::new(Code::SshdDisabled, "sshd is installed, but not run at boot", "systemctl enable ssh"))
}
