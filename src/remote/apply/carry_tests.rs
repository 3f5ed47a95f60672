//! Tests of [`super`]: the scripts really run, in a folder, with programs that only note what they are asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::diff::{Action, CutOff, FileChange, Service};
use crate::exec::Tool;
use crate::machine::sample;
use crate::render::HostFile;

/// A host as far as the scripts see it.
struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["bin", "var/lib", "etc/systemd/system", "run/systemd/system", "etc/docker"] {
            std::fs::create_dir_all(host.path(folder)).unwrap();
        }
        let systemctl = "case $* in 'is-enabled meshimg-mesh'*) echo enabled ;; is-enabled*) echo not-found; exit 1 ;; esac";
        for (name, text) in [
            ("systemctl", systemctl),
            ("udevadm", ""),
            ("ifdown", ""),
            ("ovs-vsctl", ""),
            ("systemd-sysctl", ""),
            ("sync", ""),
        ] {
            let text = format!("#!/bin/sh\necho \"{name} $*\" >>{}/log\n{text}\n", host.folder.path().display());
            host.put(&format!("bin/{name}"), 0o755, &text);
        }
        host.put("etc/docker/daemon.json", 0o600, "{\"old\": 1}\n");
        host.put("etc/stale", 0o755, "stale\n");
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, mode: u32, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Text and mode.
    fn get(&self, name: &str) -> Option<(String, u32)> {
        use std::os::unix::fs::PermissionsExt;
        let text = std::fs::read_to_string(self.path(name)).ok()?;
        let mode = std::fs::metadata(self.path(name)).unwrap().permissions().mode();
        Some((text, mode & 0o7777))
    }

    /// Everything that a change may touch.
    fn state(&self) -> Vec<(String, Option<(String, u32)>)> {
        [
            "etc/docker/daemon.json",
            "etc/stale",
            "etc/meshimg/new.conf",
            "etc/systemd/system/meshimg-undo.service",
        ]
        .map(|name| (name.to_owned(), self.get(name)))
        .into()
    }

    /// The script as if the folder were the root.
    fn localized(&self, script: &str) -> String {
        let root = self.folder.path().display();
        ["/var/lib/meshimg", "/etc/systemd", "/run/systemd", "/run/meshimg", "/etc/network"]
            .iter()
            .fold(script.replace("/lib/systemd/systemd-sysctl", "systemd-sysctl"), |text, place| {
                text.replace(place, &format!("{root}{place}"))
            })
    }

    fn run(&self, script: &str) -> Result<String, String> {
        self.shell(&self.localized(script))
    }

    fn shell(&self, script: &str) -> Result<String, String> {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let tool = Tool::new("sh", Duration::from_secs(30))
            .arguments(["-eu", "-s"])
            .environment("PATH", path);
        let finished = tool.stdin(script).run();
        finished.map(|finished| finished.stdout_text()).map_err(|error| error.to_string())
    }

    /// What the unit of systemd would do.
    fn unit(&self, name: &str) -> Result<String, String> {
        let script = self.path("var/lib/meshimg/apply").join(name);
        let text = self.localized(&std::fs::read_to_string(&script).unwrap());
        std::fs::write(&script, text).unwrap();
        // The mesh is the matter of tests/containers.
        std::fs::write(
            self.path("var/lib/meshimg/apply/mesh"),
            format!("echo \"mesh $1\" >>{}\n", self.path("log").display()),
        )
        .unwrap();
        self.shell(&format!("sh {}", script.display()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

/// A change of one file, a new one and one that goes.
fn change(host: &Host, kind: Kind) -> HostChange {
    let file = |name: &str, kind| FileChange {
        path: host.path(name).display().to_string(),
        kind,
    };
    let write = |name: &str, text: &str| HostFile {
        path: host.path(name).display().to_string(),
        mode: 0o644,
        text: text.to_owned(),
    };
    HostChange {
        host: "host1".parse().unwrap(),
        kind,
        files: vec![
            file("etc/docker/daemon.json", Kind::Changed),
            file("etc/meshimg/new.conf", Kind::New),
            file("etc/stale", Kind::Gone),
        ],
        packages: Vec::new(),
        running: Vec::new(),
        services: vec![Service {
            unit: "docker.service".to_owned(),
            action: Action::RestartContainers,
            why: "",
        }],
        cut_off: CutOff::none(""),
        notes: Vec::new(),
        write: vec![
            write("etc/docker/daemon.json", "{\"new\": 2}\n"),
            write("etc/meshimg/new.conf", "A='$HOME'\nEND\n"),
        ],
    }
}

fn staged(host: &Host, kind: Kind) -> String {
    let plan = sample::plan();
    let script = stage(&plan, &plan.hosts[0], &change(host, kind), ConfirmWithin::default()).unwrap();
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
    assert_eq!(std::fs::read_dir(host.path("var/lib/meshimg")).unwrap().count(), 0);
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
    let script = stage(&plan, &plan.hosts[0], &change(&host, Kind::Changed), ConfirmWithin::default()).unwrap();
    assert!(host.run(&script).unwrap_err().contains("no space left"));
    assert_eq!(host.state(), before);
    std::fs::remove_file(host.path("bin/cp")).unwrap();
    host.run(&script).unwrap();
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
fn scripts_are_read_by_a_shell_and_carry_the_mesh() {
    assert!(mesh_script().contains("mesh up CONFIG"));
    let plan = sample::plan();
    let config = mesh_config(&plan, &plan.hosts[0]).unwrap();
    assert!(
        config.contains("MESH_TUNNELS='gre1 ") && config.contains("CONTAINER_MAC="),
        "{config}"
    );
    for script in [CHANGE, UNDO, CONFIRM, PROGRESS, BEGIN, STAGE] {
        let checked = Tool::new("sh", Duration::from_secs(5)).arguments(["-n"]).stdin(script).run();
        checked.unwrap();
    }
    assert!(Path::new("/bin/sh").exists());
}
