//! Boots that hang, and boots that do not, in trees as small as the case allows. [`debian`] has Debian 13's own units as far as they bear.

mod debian;

use super::boot_order;
use crate::image::check::Code;
use crate::image::tree::sound::{self, Files};
use crate::image::tree::{Folder, Laid, Overlay, Root};
use debian::debian;

fn files(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn write(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    sound::write(files, folder.path());
    folder
}

/// What is found: the codes and the messages.
fn found(files: &Files) -> Vec<(Code, String)> {
    let folder = write(files);
    let tree = Folder(folder.path().to_owned());
    let findings = boot_order(Root(&tree), &[]);
    findings.into_iter().map(|finding| (finding.code, finding.message)).collect()
}

fn codes(files: &Files) -> Vec<Code> {
    found(files).into_iter().map(|(code, _)| code).collect()
}

fn with(more: &[(&str, &str)]) -> Files {
    let mut all = debian();
    all.extend(files(more));
    all
}

#[test]
fn the_hang_of_the_plain_recipe_is_found_with_its_whole_way() {
    let found = found(&debian());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Code::Deadlock);
    insta::assert_snapshot!(found[0].1, @r"
    networking.service would wait for itself for 5min at every boot (its start limit)
    networking.service
    -> runs `systemctl start openvswitch-switch.service`, /etc/network/if-pre-up.d/openvswitch:8 (by ExecStart= in /usr/lib/systemd/system/networking.service), for br0 in /etc/network/interfaces.d/mesh:3
    -> openvswitch-switch.service
    -> waits for sysinit.target: default dependencies
    -> waits for cloud-init-network.service: its Before= in /usr/lib/systemd/system/cloud-init-network.service
    -> waits for networking.service: After= in /usr/lib/systemd/system/cloud-init-network.service
    ");
}

#[test]
fn what_is_advised_ends_it() {
    let drop_in = "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n";
    assert_eq!(
        codes(&with(&[("etc/systemd/system/openvswitch-switch.service.d/a.conf", drop_in)])),
        []
    );
    // For all services is for this one, too; and a drop-in of the same name in /etc takes the place of another.
    assert_eq!(codes(&with(&[("etc/systemd/system/service.d/a.conf", drop_in)])), []);
    assert_eq!(
        codes(&with(&[
            ("usr/lib/systemd/system/openvswitch-switch.service.d/a.conf", drop_in),
            ("etc/systemd/system/openvswitch-switch.service.d/a.conf", "-> /dev/null"),
        ])),
        [Code::Deadlock]
    );
}

#[test]
fn a_call_that_does_not_wait_is_none() {
    for call in [
        "systemctl start --no-block openvswitch-switch.service",
        "systemctl --no-block start openvswitch-switch.service",
        "systemctl start openvswitch-switch.service &",
        "( systemctl start openvswitch-switch.service ) &",
        "systemctl status openvswitch-switch.service",
        "# systemctl start openvswitch-switch.service",
        "systemctl --job-mode=ignore-dependencies start openvswitch-switch",
        "cat <<EOF\nsystemctl start openvswitch-switch.service\nEOF",
    ] {
        let hook = format!("#!/bin/sh\n{call}\n");
        assert_eq!(codes(&with(&[("usr/share/openvswitch/scripts/ifupdown.sh", &hook)])), [], "{call}");
    }
}

#[test]
fn calls_that_wait_in_other_words_are_found() {
    for call in [
        "systemctl start openvswitch-switch",
        "service openvswitch-switch start",
        "invoke-rc.d openvswitch-switch restart || true",
        "/etc/init.d/openvswitch-switch start",
        "[ -x /x ] && exec systemctl restart openvswitch-switch.service",
        "unit=openvswitch-switch.service\nsystemctl start \"$unit\"",
        "x=$(systemctl start openvswitch-switch)",
        "bash -c 'systemctl start openvswitch-switch'",
        ". /usr/lib/helper",
        "/usr/lib/script",
    ] {
        let hook = format!("#!/bin/sh\n{call}\n");
        let files = with(&[
            ("usr/share/openvswitch/scripts/ifupdown.sh", &hook),
            ("usr/lib/helper", "systemctl start openvswitch-switch\n"),
            ("usr/lib/script", "#!/bin/bash\n. /usr/lib/helper\n"),
        ]);
        assert_eq!(codes(&files), [Code::Deadlock], "{call}");
    }
}

#[test]
fn without_a_stanza_that_the_hook_is_for_it_is_a_warning() {
    let plain = "auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n";
    assert_eq!(codes(&with(&[("etc/network/interfaces.d/mesh", plain)])), [Code::LatentDeadlock]);
    // Not auto, so nothing at boot brings it up.
    let manual = "iface br0 inet manual\n  ovs_type OVSBridge\n";
    assert_eq!(codes(&with(&[("etc/network/interfaces.d/mesh", manual)])), [Code::LatentDeadlock]);
    // Left out by the unit's environment.
    let excluded = "[Service]\nEnvironment=\"EXCLUDE_INTERFACES=lo br*\"\n";
    assert_eq!(
        codes(&with(&[("etc/systemd/system/networking.service.d/a.conf", excluded)])),
        [Code::LatentDeadlock]
    );
}

#[test]
fn a_command_in_a_stanza_counts() {
    let stanza = "auto eth0\niface eth0 inet dhcp\n  up systemctl start openvswitch-switch\n";
    let found = found(&with(&[
        ("etc/network/interfaces.d/mesh", stanza),
        ("etc/network/if-pre-up.d/openvswitch", ""),
    ]));
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("/etc/network/interfaces.d/mesh:3"), "{}", found[0].1);
}

#[test]
fn units_that_are_not_started_block_nothing() {
    let mask = |unit: &str| with(&[(&format!("etc/systemd/system/{unit}"), "-> /dev/null")]);
    for unit in [
        "openvswitch-switch.service",
        "networking.service",
        "cloud-init-network.service",
        "cloud-init.target",
    ] {
        assert_eq!(codes(&mask(unit)), [], "{unit}");
    }
    let mut files = debian();
    files.remove("etc/systemd/system/multi-user.target.wants/networking.service");
    assert_eq!(codes(&files), []);
    assert_eq!(codes(&with(&[("etc/cloud/cloud-init.disabled", "")])), []);
}

#[test]
fn what_is_started_has_not_to_be_part_of_the_boot() {
    let mut files = debian();
    files.remove("etc/systemd/system/multi-user.target.wants/openvswitch-switch.service");
    assert_eq!(codes(&files), [Code::Deadlock]);
}

#[test]
fn an_alias_is_the_unit_it_stands_for() {
    let hook = "#!/bin/sh\nsystemctl start ovs\n";
    let files = with(&[
        ("usr/share/openvswitch/scripts/ifupdown.sh", hook),
        (
            "etc/systemd/system/ovs.service",
            "-> /usr/lib/systemd/system/openvswitch-switch.service",
        ),
    ]);
    let found = found(&files);
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("-> openvswitch-switch.service\n"), "{}", found[0].1);
}

/// Two services that each start, and wait for, what waits for the other.
#[test]
fn two_scripts_that_wait_for_each_other_are_found() {
    let service = |after: &str, start: &str| {
        format!("[Unit]\nDefaultDependencies=no\n{after}[Service]\nType=oneshot\nExecStart=sh -c 'systemctl start {start}'\n")
    };
    let helper = |after: &str| format!("[Unit]\nDefaultDependencies=no\nAfter={after}\n[Service]\nType=oneshot\nExecStart=/bin/true\n");
    let files = files(&[
        ("usr/lib/systemd/system/default.target", "[Unit]\nWants=a.service b.service\n"),
        ("usr/lib/systemd/system/a.service", &service("", "for-a")),
        ("usr/lib/systemd/system/b.service", &service("", "for-b")),
        ("usr/lib/systemd/system/for-a.service", &helper("b.service")),
        ("usr/lib/systemd/system/for-b.service", &helper("a.service")),
    ]);
    let found = found(&files);
    assert_eq!(
        found.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        [Code::Deadlock, Code::Deadlock]
    );
    assert!(
        found[0].1.starts_with("a.service would wait for itself without end"),
        "{}",
        found[0].1
    );
}

#[test]
fn a_simple_service_has_started_when_its_process_runs() {
    let service = |kind: &str, key: &str| {
        files(&[
            ("usr/lib/systemd/system/default.target", "[Unit]\nWants=a.service\n"),
            (
                "usr/lib/systemd/system/a.service",
                &format!("[Service]\nType={kind}\nExecStart=/bin/true\n{key}=/bin/sh -c \"systemctl start b\"\n"),
            ),
            (
                "usr/lib/systemd/system/b.service",
                "[Unit]\nAfter=a.service\n[Service]\nExecStart=/bin/true\n",
            ),
        ])
    };
    assert_eq!(codes(&service("simple", "ExecStart")), []);
    assert_eq!(codes(&service("simple", "ExecStartPre")), [Code::Deadlock]);
    assert_eq!(codes(&service("simple", "ExecStop")), []);
    assert_eq!(codes(&service("oneshot", "ExecStart")), [Code::Deadlock]);
    assert_eq!(codes(&service("notify", "ExecStart")), [Code::Deadlock]);
}

#[test]
fn a_cycle_is_shown_and_a_target_waits_for_what_it_wants() {
    let unit = |text: &str| format!("[Unit]\nDefaultDependencies=no\n{text}[Service]\nExecStart=/bin/true\n");
    let cycle = files(&[
        ("usr/lib/systemd/system/default.target", "[Unit]\nWants=a.service b.service\n"),
        ("usr/lib/systemd/system/a.service", &unit("After=b.service\n")),
        ("usr/lib/systemd/system/b.service", &unit("After=a.service\n")),
    ]);
    let found = found(&cycle);
    assert_eq!(found.len(), 1);
    insta::assert_snapshot!(found[0].1, @r"
    units wait for each other, and systemd drops the start of one of them
    a.service
    -> waits for b.service: After= in /usr/lib/systemd/system/a.service
    -> waits for a.service: After= in /usr/lib/systemd/system/b.service
    ");
    // The service says the order itself, so its target does not wait for it.
    let late = files(&[
        ("usr/lib/systemd/system/default.target", "[Unit]\nWants=a.service\n"),
        (
            "usr/lib/systemd/system/a.service",
            "[Unit]\nAfter=default.target\n[Service]\nExecStart=/bin/true\n",
        ),
    ]);
    assert_eq!(codes(&late), []);
}

#[test]
fn a_system_without_a_target_does_not_boot() {
    assert_eq!(codes(&Files::new()), [Code::NoBootTarget]);
    assert_eq!(
        codes(&with(&[("etc/systemd/system/default.target", "-> /dev/null")])),
        [Code::NoBootTarget]
    );
}

/// The files that meshimg itself gives a host, laid over the same tree; and each of the two that protect the boot alone.
#[test]
fn our_own_hosts_do_not_hang() {
    let folder = write(&debian());
    let tree = Folder(folder.path().to_owned());
    let text = include_str!("../../../examples/three-hosts/cluster.yaml");
    let plan = crate::plan::plan(&crate::spec::load(text.as_bytes()).unwrap().0).unwrap();
    let artifacts = crate::render::cloud_init(&plan, None).unwrap();
    let user_data = artifacts.0.iter().find(|(path, _)| path.ends_with("host1/user-data")).unwrap().1;
    let user_data = crate::image::check::read_user_data(std::str::from_utf8(&user_data.bytes).unwrap()).unwrap();
    assert!(!user_data.commands.is_empty());
    let codes = |without: &[&str]| -> Vec<Code> {
        let mut laid: Vec<Laid> = user_data.files.clone();
        let before = laid.len();
        laid.retain(|file| !without.iter().any(|name| file.path.contains(name)));
        assert_eq!(before, laid.len() + without.len());
        let later = Overlay::new(&tree, &laid);
        boot_order(Root(&later), &user_data.commands)
            .into_iter()
            .map(|finding| finding.code)
            .collect()
    };
    assert_eq!(codes(&[]), []);
    // The stock stanza of the tree stays, and is ours to leave out as well: br0 is not brought up by networking.service.
    assert_eq!(codes(&["openvswitch-switch.service.d/meshimg.conf"]), [Code::LatentDeadlock]);
    assert_eq!(codes(&["networking.service.d/meshimg.conf"]), []);
    assert_eq!(
        codes(&["networking.service.d/meshimg.conf", "openvswitch-switch.service.d/meshimg.conf"]),
        [Code::Deadlock]
    );
}

/// bootcmd runs within cloud-init's network stage, before sysinit.target.
#[test]
fn a_command_of_user_data_counts() {
    let plain = "auto lo\niface lo inet loopback\n";
    let folder = write(&with(&[
        ("etc/network/interfaces.d/mesh", plain),
        ("etc/network/if-pre-up.d/openvswitch", ""),
    ]));
    let tree = Folder(folder.path().to_owned());
    let found = |text: &str| {
        let user_data = crate::image::check::read_user_data(&format!("#cloud-config\n{text}")).unwrap();
        let findings = boot_order(Root(&tree), &user_data.commands);
        findings
            .into_iter()
            .map(|finding| (finding.code, finding.message))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("bootcmd:\n- systemctl start --no-block openvswitch-switch\n"), []);
    // The final stage is not part of this tree's boot.
    assert_eq!(found("runcmd:\n- systemctl start openvswitch-switch\n"), []);
    for text in [
        "- systemctl start openvswitch-switch",
        "- [systemctl, start, openvswitch-switch]",
        "- [sh, -c, \"true; service openvswitch-switch start\"]",
    ] {
        let found = found(&format!("bootcmd:\n{text}\n"));
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].0, Code::Deadlock);
        assert!(found[0].1.contains(", bootcmd of the user-data\n"), "{}", found[0].1);
    }
}

/// What files of the image decide counts; what only the running system knows does not.
#[test]
fn a_service_whose_condition_fails_runs_nothing() {
    let with_condition = |condition: &str| {
        codes(&with(&[(
            "etc/systemd/system/networking.service.d/a.conf",
            &format!("[Unit]\n{condition}\n"),
        )]))
    };
    for condition in [
        "ConditionPathExists=/etc/none",
        "ConditionPathExists=!/etc/network/interfaces",
        "ConditionFileIsExecutable=/usr/sbin/ifup",
        "AssertPathIsDirectory=/etc/network/interfaces",
    ] {
        assert_eq!(with_condition(condition), [], "{condition}");
    }
    for condition in [
        "ConditionPathExists=/etc/network/interfaces",
        "ConditionPathExists=!/etc/none",
        "ConditionPathExists=/run/none",
        "ConditionPathExists=|/etc/none",
        "ConditionPathExists=/etc/none\nConditionPathExists=",
        "ConditionPathIsDirectory=/lib/systemd",
    ] {
        assert_eq!(with_condition(condition), [Code::Deadlock], "{condition}");
    }
}
