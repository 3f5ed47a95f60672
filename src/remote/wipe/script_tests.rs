//! Tests of [`super`]: the scripts really run, in a folder, after those of a change that has made the mesh.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::diff::{CutOff, FileChange, Kind};
use crate::machine::sample;
use crate::remote::apply::carry::CONFIRM;
use crate::remote::apply::sandbox::Host;

/// What takes off what [`Host::change`] has put there.
fn wiped(host: &Host) -> HostChange {
    let file = |name: &str, kind| FileChange {
        path: host.path(name).display().to_string(),
        kind,
    };
    let made = host.change(Kind::Gone);
    HostChange {
        files: vec![
            file("etc/docker/daemon.json", Kind::Changed),
            file("etc/meshimg/new.conf", Kind::Gone),
            file("etc/systemd/system/docker.service.d/meshimg.conf", Kind::Gone),
        ],
        cut_off: CutOff::none(""),
        write: Vec::new(),
        ..made
    }
}

/// A host that `apply` has given its mesh, and that was bare before, with a daemon.json of its own.
fn with_mesh() -> Host {
    let (host, plan) = (Host::new(), sample::plan());
    let script = carry::stage(&plan, &plan.hosts[0], &host.change(Kind::New), ConfirmWithin::default()).unwrap();
    host.run(&script).unwrap();
    host.unit("change").unwrap();
    host.run(CONFIRM).unwrap();
    for folder in ["etc/systemd/system/docker.service.d", "sys/class/net/docker0/bridge"] {
        std::fs::create_dir_all(host.path(folder)).unwrap();
    }
    host.put("etc/systemd/system/docker.service.d/meshimg.conf", 0o644, "[Unit]\n");
    host.put("proc/sys/net/bridge/bridge-nf-call-iptables", 0o644, "0\n");
    host.put("var/lib/meshimg/done", 0o644, "");
    std::fs::remove_file(host.path("log")).unwrap();
    host
}

fn staged(host: &Host) {
    let plan = sample::plan();
    host.run(&stage(&plan, &plan.hosts[0], &wiped(host), ConfirmWithin::default()).unwrap())
        .unwrap();
}

/// Every file with its text and mode, but for programs, what they noted, and units of the change itself.
fn tree(host: &Host) -> BTreeMap<String, (String, u32)> {
    fn walk(host: &Host, folder: &Path, files: &mut BTreeMap<String, (String, u32)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(host.path("")).unwrap().display().to_string();
            if path.is_dir() {
                walk(host, &path, files);
            } else {
                files.insert(name.clone(), host.get(&name).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(host, &host.path(""), &mut files);
    files.retain(|name, _| !["bin/", "log", "run/", "proc/"].iter().any(|other| name.starts_with(other)));
    files
}

#[test]
fn what_the_first_change_has_replaced_is_kept_for_root_alone() {
    let host = with_mesh();
    let (old, mode) = host
        .get(&format!(
            "var/lib/meshimg/before/files{}",
            host.path("etc/docker/daemon.json").display()
        ))
        .unwrap();
    assert_eq!((old.as_str(), mode), ("{\"old\": 1}\n", 0o600));
    let kept = host.get("var/lib/meshimg/before/kept").unwrap().0;
    assert!(kept.lines().any(|path| path.ends_with("/etc/docker/daemon.json")), "{kept}");
    let before = std::fs::metadata(host.path("var/lib/meshimg/before")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&before) & 0o777, 0o700);
    // A later change does not take its own state for that.
    let plan = sample::plan();
    host.put("etc/docker/daemon.json", 0o644, "{\"later\": 3}\n");
    let again = carry::stage(&plan, &plan.hosts[0], &host.change(Kind::New), ConfirmWithin::default()).unwrap();
    host.run(&again).unwrap();
    host.unit("change").unwrap();
    host.run(CONFIRM).unwrap();
    let old = host.get(&format!(
        "var/lib/meshimg/before/files{}",
        host.path("etc/docker/daemon.json").display()
    ));
    assert_eq!(old.unwrap().0, "{\"old\": 1}\n");
}

#[test]
fn a_host_without_its_mesh_is_as_it_was_before_and_docker_has_forgotten_the_bridge() {
    let host = with_mesh();
    staged(&host);
    host.unit("change").unwrap();
    host.run(CONFIRM).unwrap();
    let files = tree(&host);
    // What was there before the mesh, and nothing else; `etc/stale` was a file of meshimg's.
    assert_eq!(files.keys().collect::<Vec<_>>(), ["etc/docker/daemon.json"]);
    assert_eq!(files["etc/docker/daemon.json"], ("{\"old\": 1}\n".to_owned(), 0o600));
    for folder in [
        "var/lib/meshimg",
        "etc/meshimg",
        "etc/systemd/system/docker.service.d",
        "run/meshimg",
    ] {
        assert!(!host.path(folder).exists(), "{folder}");
    }
    assert_eq!(host.get("proc/sys/net/bridge/bridge-nf-call-iptables").unwrap().0, "1\n");
    assert_eq!(std::fs::read_dir(host.path("run/systemd/system")).unwrap().count(), 0);
    let log = host.log();
    let place = |words: &str| log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"));
    let steps = [
        "systemctl restart meshimg-undo.timer",
        "systemctl restart docker.service",
        "systemctl stop docker.socket docker.service",
        "systemctl stop meshimg-setup.service meshimg-mesh.service",
        "ip link delete dev docker0 type bridge",
        "ovs-vsctl --timeout=10 --if-exists del-br br0 -- remove Open_vSwitch . other_config max-revalidator",
        "systemctl --no-reload disable meshimg-mesh.service meshimg-setup.service",
        "systemctl start docker.service",
        "systemctl stop meshimg-undo.timer",
    ];
    let places: Vec<usize> = steps.iter().map(|words| place(words)).collect();
    assert!(places.is_sorted(), "{log}");
}

#[test]
fn a_wipe_that_nobody_confirms_is_taken_back_wholly() {
    let host = with_mesh();
    let before = tree(&host);
    staged(&host);
    host.unit("change").unwrap();
    assert_ne!(tree(&host), before);
    std::fs::remove_file(host.path("log")).unwrap();
    host.unit("undo").unwrap();
    assert_eq!(tree(&host), before);
    let log = host.log();
    let place = |words: &str| log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"));
    let steps = [
        "systemctl restart docker.service",
        "systemctl stop docker.socket docker.service",
        "systemctl --no-reload enable meshimg-mesh.service",
        "systemctl restart meshimg-mesh.service",
        "mesh up",
        "systemctl start docker.service",
    ];
    let places: Vec<usize> = steps.iter().map(|words| place(words)).collect();
    assert!(places.is_sorted(), "{log}");
    assert!(host.run(CONFIRM).is_err());
}

#[test]
fn a_wipe_that_broke_off_in_the_middle_is_taken_back_whenever_it_did() {
    // At each program that it runs once it has begun.
    for (program, when) in [
        ("systemctl", "restart docker.service"),
        ("ovs-vsctl", "--timeout=10 --if-exists del-br"),
        ("systemd-sysctl", "--prefix"),
        ("systemctl", "start docker.service"),
    ] {
        let host = with_mesh();
        let before = tree(&host);
        staged(&host);
        let sound = host.get(&format!("bin/{program}")).unwrap().0;
        host.put(
            &format!("bin/{program}"),
            0o755,
            &format!("#!/bin/sh\ncase $* in '{when}'*) exit 1 ;; esac\n{sound}"),
        );
        host.unit("change").unwrap_err();
        assert!(host.run(CONFIRM).is_err(), "{when}: it is not done");
        host.put(&format!("bin/{program}"), 0o755, &sound);
        host.unit("undo").unwrap();
        assert_eq!(tree(&host), before, "{when}");
    }
}

#[test]
fn a_power_cut_in_the_middle_of_taking_it_back_is_no_end_of_that() {
    let host = with_mesh();
    let before = tree(&host);
    staged(&host);
    host.unit("change").unwrap();
    std::fs::rename(host.path("var/lib/meshimg/apply"), host.path("var/lib/meshimg/apply.undo")).unwrap();
    host.unit_in("apply.undo", "undo").unwrap();
    assert_eq!(tree(&host), before);
}

#[test]
fn a_power_cut_after_the_confirmation_does_not_bring_the_mesh_back() {
    let confirmed = || {
        let host = with_mesh();
        staged(&host);
        host.unit("change").unwrap();
        std::fs::rename(host.path("var/lib/meshimg/apply"), host.path("var/lib/meshimg/confirmed")).unwrap();
        // What a boot clears.
        std::fs::remove_dir_all(host.path("run/systemd/system")).unwrap();
        std::fs::create_dir_all(host.path("run/systemd/system")).unwrap();
        host
    };
    // At the boot,
    let host = confirmed();
    host.unit_in("confirmed", "undo").unwrap();
    assert!(!host.path("var/lib/meshimg").exists() && !host.path("etc/systemd/system/meshimg-undo.service").exists());
    assert_eq!(host.get("etc/docker/daemon.json").unwrap().0, "{\"old\": 1}\n");
    // or before the next change, whichever comes first.
    let (host, plan) = (confirmed(), sample::plan());
    let script = carry::stage(&plan, &plan.hosts[0], &host.change(Kind::New), "40".parse().unwrap()).unwrap();
    host.run(&script).unwrap();
    assert!(!host.path("var/lib/meshimg/confirmed").exists() && !host.path("var/lib/meshimg/done").exists());
    // With its own settings, not those of the one before.
    assert!(
        host.get("run/systemd/system/meshimg-undo.timer")
            .unwrap()
            .0
            .contains("OnActiveSec=340\n")
    );
}

#[test]
fn the_mark_stays_on_a_host_whose_user_data_would_bring_the_mesh_back() {
    let host = with_mesh();
    let user_data = host.localized("bootcmd:\n- [ ! -e /var/lib/meshimg/done ] || exit 0\n");
    host.put("var/lib/cloud/instance/user-data.txt", 0o600, &user_data);
    staged(&host);
    host.unit("change").unwrap();
    host.run(CONFIRM).unwrap();
    let left: Vec<String> = std::fs::read_dir(host.path("var/lib/meshimg"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().display().to_string())
        .collect();
    assert_eq!(left, ["done"]);
}
