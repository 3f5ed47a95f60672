//! Tests of [`super`]: the scripts really run, in a folder, with programs that only note what they are asked for.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::diff::{Action, Service};
use crate::exec::Tool;
use crate::machine::sample;
use crate::remote::apply::sandbox::Host;

fn staged(host: &Host, kind: Kind) -> String {
    let plan = sample::plan();
    let script = stage(&plan, &plan.hosts[0], &host.change(kind), ConfirmWithin::default()).unwrap();
    host.run(&script).unwrap();
    script
}

#[test]
fn the_timer_is_armed_before_anything_changes() {
    let host = Host::new();
    let before = host.state();
    let script = staged(&host, Kind::Changed);
    // But for the unit that brings it back.
    assert_eq!(host.state()[..3], before[..3]);
    let log = host.log();
    let place = |words: &str| log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"));
    assert!(place("systemctl restart meshimg-undo.timer") < place("systemctl start --no-block meshimg-apply.service"));
    assert!(place("systemctl --no-reload enable meshimg-undo.service") < place("systemctl start --no-block meshimg-apply"));
    let (timer, _) = host.get("run/systemd/system/meshimg-undo.timer").unwrap();
    assert_eq!(timer, "[Timer]\nOnActiveSec=420\nAccuracySec=1s\n");
    // A second change finds the first, and leaves it alone.
    assert!(
        host.run(&script)
            .unwrap_err()
            .contains("another change is under way, or was not confirmed")
    );
    // Nobody but root may look into it: daemon.json may hold a secret.
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(host.path("var/lib/meshimg/apply")).unwrap().permissions()) & 0o777,
        0o700
    );
}

#[test]
fn a_change_that_is_confirmed_stays_and_leaves_nothing_else() {
    let host = Host::new();
    staged(&host, Kind::Changed);
    host.run(CONFIRM).unwrap_err();
    host.unit("change").unwrap();
    let (timer, _) = host.get("run/systemd/system/meshimg-undo.timer").unwrap();
    assert_eq!(timer, "[Timer]\nOnActiveSec=120\nAccuracySec=1s\n");
    assert_eq!(host.run(PROGRESS).unwrap(), "done\n");
    host.run(CONFIRM).unwrap();
    let state = host.state();
    assert_eq!(state[0].1, Some(("{\"new\": 2}\n".to_owned(), 0o644)));
    assert_eq!(state[1].1, None);
    assert_eq!(state[2].1, Some(("A='$HOME'\nEND\n".to_owned(), 0o644)));
    assert_eq!(state[3].1, None);
    assert!(!host.path("var/lib/meshimg").exists());
    assert_eq!(std::fs::read_dir(host.path("run/systemd/system")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(host.path("etc/meshimg")).unwrap().count(), 1);
    let log = host.log();
    assert!(
        log.contains("\nsystemctl restart docker.service\n") && log.contains("\nmesh up\n"),
        "{log}"
    );
    assert_eq!(host.run(PROGRESS).unwrap(), "undone\n");
}

#[test]
fn a_change_that_nobody_confirms_is_taken_back_wholly() {
    let host = Host::new();
    let before = host.state();
    staged(&host, Kind::Changed);
    host.unit("change").unwrap();
    host.unit("undo").unwrap();
    assert_eq!(host.state(), before);
    assert!(
        host.run(CONFIRM)
            .unwrap_err()
            .contains("the host has its old state back already, or will have it")
    );
    assert_eq!(std::fs::read_dir(host.path("var/lib/meshimg")).unwrap().count(), 0);
    let log = host.log();
    // Its units were enabled or not there before.
    assert!(
        log.contains("disable meshimg-setup.service") && !log.contains("disable meshimg-mesh.service"),
        "{log}"
    );
    assert!(log.contains("systemctl reload-or-restart meshimg-mesh.service"), "{log}");
}

#[test]
fn a_change_that_broke_off_in_the_middle_is_taken_back_too() {
    let host = Host::new();
    let before = host.state();
    staged(&host, Kind::Changed);
    host.put("bin/systemd-sysctl", 0o755, "#!/bin/sh\nexit 1\n");
    host.unit("change").unwrap_err();
    assert_ne!(host.state(), before);
    assert!(host.run(CONFIRM).is_err(), "it is not done");
    host.unit("undo").unwrap();
    assert_eq!(host.state(), before);
}

#[test]
fn what_a_boot_has_cut_short_goes_on() {
    let host = Host::new();
    let before = host.state();
    staged(&host, Kind::Changed);
    host.unit("change").unwrap();
    let undo = host.localized(&std::fs::read_to_string(host.path("var/lib/meshimg/apply/undo")).unwrap());
    std::fs::rename(host.path("var/lib/meshimg/apply"), host.path("var/lib/meshimg/apply.undo")).unwrap();
    assert!(host.run(CONFIRM).is_err());
    host.shell(&undo).unwrap();
    assert_eq!(host.state(), before);
}

#[test]
fn what_cannot_be_staged_leaves_nothing_in_the_way_of_the_next() {
    let host = Host::new();
    let before = host.state();
    host.put("bin/cp", 0o755, "#!/bin/sh\necho 'no space left' >&2\nexit 1\n");
    let plan = sample::plan();
    let script = stage(&plan, &plan.hosts[0], &host.change(Kind::Changed), ConfirmWithin::default()).unwrap();
    assert!(host.run(&script).unwrap_err().contains("no space left"));
    assert_eq!(host.state(), before);
    std::fs::remove_file(host.path("bin/cp")).unwrap();
    host.run(&script).unwrap();
}

/// Places where a script may break off: ends of lines, and the middle of those without a path, which would be another one.
fn places_to_cut(script: &str, root: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut start = 0;
    for line in script.split_inclusive('\n') {
        if !line.contains(root) {
            places.push(start + line.len() / 2);
        }
        start += line.len();
        places.push(start);
    }
    places
}

/// meshimg is killed, or its connection breaks, while it sends: whatever has come is run to its end.
#[test]
fn a_script_that_ends_anywhere_changes_nothing_or_has_its_timer_armed() {
    let plan = sample::plan();
    let mut begun = 0;
    for number in 0.. {
        let host = Host::new();
        let before = host.state();
        let script = stage(&plan, &plan.hosts[0], &host.change(Kind::Changed), ConfirmWithin::default()).unwrap();
        let local = host.localized(&script);
        let places = places_to_cut(&local, &host.path("").display().to_string());
        // The last three, and each seventh of those before.
        let last = places.len() - 3;
        let Some(cut) = (0..last)
            .step_by(7)
            .chain(last..places.len())
            .nth(number)
            .map(|index| places[index])
        else {
            break;
        };
        let _ = host.shell(&local[..cut]);
        let (state, log) = (host.state(), host.log());
        assert_eq!(state[..3], before[..3], "{cut}");
        let is_armed = state[3].1.is_some();
        let is_begun = log.contains("systemctl start --no-block meshimg-apply.service");
        assert_eq!(host.path("var/lib/meshimg/apply").exists(), is_armed, "{cut}: {log}");
        assert!(
            !is_begun || (is_armed && log.contains("systemctl restart meshimg-undo.timer")),
            "{cut}: {log}"
        );
        // Nothing is in the way of the next.
        assert!(is_armed || host.run(&script).is_ok(), "{cut}");
        begun += usize::from(is_begun);
    }
    assert_eq!(begun, 1, "only the whole script begins the change");
}

#[test]
fn docker_forgets_its_own_bridge_before_the_mesh_is_made_and_the_mesh_s_before_it_has_its_own_back() {
    let host = Host::new();
    let before = host.state();
    let mut change = host.change(Kind::New);
    change.services.push(Service {
        unit: "docker0".to_owned(),
        action: Action::RemakeContainerBridge,
        why: "",
    });
    let plan = sample::plan();
    host.run(&stage(&plan, &plan.hosts[0], &change, ConfirmWithin::default()).unwrap())
        .unwrap();
    host.unit("change").unwrap();
    let log = host.log();
    let place = |log: &str, words: &str| log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"));
    assert!(place(&log, "systemctl stop docker.socket docker.service") < place(&log, "systemctl restart meshimg-setup.service"));
    // Only there, for setup starts it.
    assert_eq!(log.matches("systemctl restart docker.service").count(), 1);
    assert_eq!(host.state()[0].1, Some(("{\"new\": 2}\n".to_owned(), 0o644)));
    std::fs::remove_file(host.path("log")).unwrap();
    host.unit("undo").unwrap();
    assert_eq!(host.state(), before);
    let log = host.log();
    assert!(place(&log, "systemctl stop docker.socket docker.service") < place(&log, "ovs-vsctl --timeout=10 --if-exists del-br br0"));
    assert_eq!(log.matches("systemctl restart docker.service").count(), 2);
}

#[test]
fn of_a_new_host_the_mesh_goes_and_docker_is_as_it_was() {
    let host = Host::new();
    staged(&host, Kind::New);
    host.unit("change").unwrap();
    host.unit("undo").unwrap();
    let log = host.log();
    assert!(log.contains("ovs-vsctl --timeout=10 --if-exists del-br br0"), "{log}");
    // is-active said so.
    assert!(log.rfind("systemctl restart docker.service") > log.find("del-br br0"), "{log}");
}

#[test]
fn docker_runs_without_a_bridge_where_its_data_are() {
    let mut host = sample::plan().hosts[0].clone();
    for (option, value) in [
        ("bridge", "docker0"),
        ("fixed-cidr", "172.17.64.0/18"),
        ("data-root", "/srv/docker"),
    ] {
        host.docker.daemon.insert(option.to_owned(), value.into());
    }
    host.docker.daemon.insert("live-restore".to_owned(), true.into());
    assert_eq!(
        without_bridge(&host).unwrap(),
        "{\n  \"bridge\": \"none\",\n  \"data-root\": \"/srv/docker\"\n}\n"
    );
}

#[test]
fn scripts_are_read_by_a_shell_and_carry_the_mesh() {
    assert!(mesh_script().contains("mesh up CONFIG"));
    let plan = sample::plan();
    let config = mesh_config(&plan, &plan.hosts[0]).unwrap();
    assert!(
        config.contains("MESH_TUNNELS='gre1 ") && config.contains("CONTAINER_MAC="),
        "{config}"
    );
    for script in [CHANGE, MADE, FORGET, UNDO, CONFIRM, PROGRESS, BEGIN, STAGE] {
        let checked = Tool::new("sh", Duration::from_secs(5)).arguments(["-n"]).stdin(script).run();
        checked.unwrap();
    }
    assert!(Path::new("/bin/sh").exists());
}
