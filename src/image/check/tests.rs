//! A sound system, and one change for each code that makes it unsound in just that way.

use std::collections::BTreeSet;

use super::*;
use crate::image::tree::Folder;
use crate::image::tree::sound::{self, Files, sound};

/// What is found in a system with these files.
fn codes(files: &Files) -> Vec<Code> {
    let folder = tempfile::tempdir().unwrap();
    sound::write(files, folder.path());
    let (name, findings) = of_system(&Folder(folder.path().to_owned()), &UserData::default());
    assert!(name.starts_with("Debian GNU/Linux 13"), "{name}");
    assert!(
        findings
            .iter()
            .all(|finding| !finding.message.is_empty() && !finding.help.is_empty())
    );
    findings.into_iter().map(|finding| finding.code).collect()
}

/// A file that is there instead; none: it is gone.
type Change = (&'static str, Option<&'static str>);

const UNIT: &str = "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/true\n";

/// Each with the one code that it gives.
const CASES: &[(Code, &[Change])] = &[
    (Code::NoKernel, &[("boot/vmlinuz-6.1-amd64", None)]),
    (Code::NoKernelModules, &[("boot/vmlinuz-6.2", Some("kernel"))]),
    // Listed, and not there.
    (
        Code::MissingModule,
        &[("usr/lib/modules/6.1-amd64/kernel/net/openvswitch/vport-gre.ko.xz", None)],
    ),
    (
        Code::MissingModule,
        &[("usr/lib/modules/6.1-amd64/modules.builtin", Some("kernel/fs/ext4/ext4.ko\n"))],
    ),
    (Code::NoRootDriver, &[("boot/initrd.img-6.1-amd64", None)]),
    (Code::NoRootDriver, &[("boot/initrd.img-6.1-amd64", Some(""))]),
    (Code::NoBootConfiguration, &[("boot/grub/grub.cfg", None)]),
    (
        Code::NoSerialConsole,
        &[(
            "boot/grub/grub.cfg",
            Some("linux /boot/vmlinuz-6.1-amd64 root=UUID=1 console=tty0\n"),
        )],
    ),
    (
        Code::NoVgaConsole,
        &[("boot/grub/grub.cfg", Some("\tlinux /boot/vmlinuz-6.1-amd64 console=ttyS0\n"))],
    ),
    (Code::NoCloudInit, &[("usr/bin/cloud-init", None)]),
    (Code::CloudInitDisabled, &[("etc/cloud/cloud-init.disabled", Some(""))]),
    (
        Code::CloudInitDisabled,
        &[("etc/systemd/system/cloud-init-network.service", Some("-> /dev/null"))],
    ),
    (
        Code::DatasourcesUnset,
        &[("etc/cloud/cloud.cfg", None), ("etc/cloud/cloud.cfg.d/90_datasources.cfg", None)],
    ),
    (Code::DatasourceMissing, &[("etc/cloud/cloud.cfg.d/90_datasources.cfg", None)]),
    (
        Code::DatasourceOrder,
        &[(
            "etc/cloud/cloud.cfg.d/91.cfg",
            Some("datasource_list:\n  - None\n  - NoCloud # seed\n  - ConfigDrive\n"),
        )],
    ),
    (
        Code::DatasourceOrder,
        &[(
            "etc/cloud/cloud.cfg.d/91.cfg",
            Some("datasource_list: [NoCloud, 'DigitalOcean',\n  ConfigDrive, None]\n"),
        )],
    ),
    (Code::NoGrowpart, &[("usr/bin/growpart", None)]),
    (Code::CloudInitState, &[("var/lib/cloud/instances/i-1/user-data.txt", Some("x"))]),
    (
        Code::NoRenderer,
        &[("etc/systemd/system/multi-user.target.wants/networking.service", None)],
    ),
    (
        Code::Renderers,
        &[(
            "etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
            Some("-> /usr/lib/systemd/system/systemd-networkd.service"),
        )],
    ),
    (
        Code::IdleWait,
        &[(
            "etc/systemd/system/multi-user.target.wants/systemd-networkd-wait-online.service",
            Some("-> /usr/lib/systemd/system/systemd-networkd-wait-online.service"),
        )],
    ),
    (
        Code::NetplanBesideIfupdown,
        &[
            (
                "usr/lib/systemd/system-generators/netplan",
                Some("-> /usr/libexec/netplan/generate"),
            ),
            ("usr/libexec/netplan/generate", Some("program")),
            ("etc/systemd/system/multi-user.target.wants/networking.service", None),
        ],
    ),
    (Code::NoSshd, &[("usr/sbin/sshd", None)]),
    (
        Code::SshdDisabled,
        &[("etc/systemd/system/multi-user.target.wants/ssh.service", None)],
    ),
    (Code::HostKeys, &[("etc/ssh/ssh_host_ed25519_key", Some("key"))]),
    (Code::AuthorizedKeys, &[("root/.ssh/authorized_keys", Some("ssh-ed25519 AAAA"))]),
    (
        Code::AuthorizedKeys,
        &[("home/ann/.ssh/authorized_keys2", Some("ssh-ed25519 AAAA"))],
    ),
    (
        Code::AuthorizedKeys,
        &[
            ("etc/passwd", Some("git:x:999:999::/srv/git:/bin/sh\n")),
            ("srv/git/.ssh/authorized_keys", Some("ssh-ed25519 AAAA")),
        ],
    ),
    (Code::MachineId, &[("etc/machine-id", Some("0123456789abcdef0123456789abcdef\n"))]),
    (Code::MachineId, &[("etc/machine-id", None)]),
    (
        Code::DbusMachineId,
        &[("var/lib/dbus/machine-id", Some("0123456789abcdef0123456789abcdef\n"))],
    ),
    (Code::RandomSeed, &[("var/lib/systemd/random-seed", Some("seed"))]),
    (
        Code::OpenVSwitchDatabase,
        &[(
            "etc/openvswitch/conf.db",
            Some("OVSDB JSON 1 x\n{\"external_ids\":[\"map\",[[\"system-id\",\"1\"]]]}\n"),
        )],
    ),
    (Code::Passwords, &[("etc/shadow", Some("root:$y$j9T$abc:20000::::::\n"))]),
    (Code::EmptyPassword, &[("etc/shadow", Some("root::20000::::::\n"))]),
    (Code::ShellHistory, &[("root/.bash_history", Some("ls\n"))]),
    (
        Code::AptLists,
        &[("var/lib/apt/lists/deb.example_dists_trixie_InRelease", Some("Origin\n"))],
    ),
    (
        Code::Deadlock,
        &[
            (
                "usr/lib/systemd/system/networking.service",
                Some("[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'systemctl start late'\n"),
            ),
            (
                "usr/lib/systemd/system/late.service",
                Some("[Unit]\nAfter=networking.service\n[Service]\nExecStart=/x\n"),
            ),
        ],
    ),
    (
        Code::LatentDeadlock,
        &[
            (
                "usr/lib/systemd/system/networking.service",
                Some("[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/usr/sbin/ifup -a\n"),
            ),
            (
                "usr/lib/systemd/system/late.service",
                Some("[Unit]\nAfter=networking.service\n[Service]\nExecStart=/x\n"),
            ),
            (
                "etc/network/if-up.d/late",
                Some("#!/bin/sh\n[ -n \"$IF_LATE\" ] || exit 0\nsystemctl start late\n"),
            ),
        ],
    ),
    (
        Code::Cycle,
        &[
            (
                "usr/lib/systemd/system/ssh.service",
                Some("[Unit]\nAfter=networking.service\n[Service]\nExecStart=/x\n"),
            ),
            (
                "usr/lib/systemd/system/networking.service",
                Some("[Unit]\nAfter=ssh.service\n[Service]\nExecStart=/x\n"),
            ),
        ],
    ),
];

#[test]
fn a_sound_system_has_no_findings() {
    assert_eq!(codes(&sound()), []);
}

#[test]
fn each_code_is_found() {
    for (code, changes) in CASES {
        let mut files = sound();
        for (path, text) in *changes {
            match text {
                Some(text) => drop(files.insert((*path).to_owned(), (*text).to_owned())),
                None => assert!(files.remove(*path).is_some(), "{path}"),
            }
        }
        assert_eq!(codes(&files), [*code], "{changes:?}");
    }
}

/// Without a target nothing else starts either.
#[test]
fn without_a_target_there_is_no_boot() {
    let mut files = sound();
    files.remove("usr/lib/systemd/system/default.target");
    assert_eq!(
        codes(&files),
        [Code::CloudInitDisabled, Code::NoRenderer, Code::SshdDisabled, Code::NoBootTarget]
    );
}

/// Codes about a disk have their cases in tests/images.rs.
#[test]
fn no_code_about_a_system_is_without_a_case() {
    let of_disks = ["image", "partitions", "bios", "uefi", "boot"];
    let area = |code: &Code| code.as_str().split("::").next().unwrap_or_default();
    let all = Code::ALL
        .iter()
        .filter(|code| !of_disks.contains(&area(code)) && **code != Code::NoBootTarget);
    let covered: BTreeSet<Code> = CASES.iter().map(|(code, _)| *code).collect();
    assert_eq!(all.copied().collect::<BTreeSet<Code>>(), covered);
}

/// What a host's user-data lays over the image is seen by the lint, and by nothing else.
#[test]
fn files_of_user_data_are_seen_by_the_lint() {
    let folder = tempfile::tempdir().unwrap();
    sound::write(&sound(), folder.path());
    let tree = Folder(folder.path().to_owned());
    let text = format!(
        "#cloud-config\nwrite_files:\n- path: /etc/systemd/system/networking.service\n  content: |\n{}- path: /etc/systemd/system/late.service\n  content: |\n{}",
        indented("[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=sh -c 'systemctl start late'\n"),
        indented(&UNIT.replace("no\n", "no\nAfter=networking.service\n")),
    );
    let (_, findings) = of_system(&tree, &read_user_data(&text).unwrap());
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Deadlock]);
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn a_report_is_for_people_and_programs() {
    let mut report = Report {
        image: "disk.qcow2".to_owned(),
        format: "qcow2".to_owned(),
        virtual_size: 4 << 30,
        system: "Debian GNU/Linux 13 (trixie)".to_owned(),
        boots: vec![
            Boot {
                firmware: "BIOS",
                login_seconds: Some(71.25),
            },
            Boot {
                firmware: "UEFI",
                login_seconds: None,
            },
        ],
        findings: vec![
            Finding::new(Code::ShellHistory, "one", "do this"),
            Finding::new(Code::NoEsp, "two\nlines", "do that\nand that"),
        ],
    };
    report.sort();
    insta::assert_snapshot!(report.text(), @r"
    disk.qcow2: qcow2 disk of 4.0 GiB, Debian GNU/Linux 13 (trixie)
    boot by BIOS: login prompt after 71.2 s
    boot by UEFI: no login prompt

    error[uefi::no-esp]: two
      lines
      = help: do that
        and that

    warning[leftovers::shell-history]: one
      = help: do this
    ");
    insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"image":"disk.qcow2","format":"qcow2","virtual-size":4294967296,"system":"Debian GNU/Linux 13 (trixie)","boots":[{"firmware":"BIOS","login-seconds":71.25},{"firmware":"UEFI","login-seconds":null}],"findings":[{"code":"uefi::no-esp","severity":"error","message":"two\nlines","help":"do that\nand that"},{"code":"leftovers::shell-history","severity":"warning","message":"one","help":"do this"}]}"#);
}
