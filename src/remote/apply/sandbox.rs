//! A host for tests of scripts: they really run, in a folder, with programs that only note what they are asked for.

use std::path::PathBuf;
use std::time::Duration;

use super::change::HostChange;
use crate::diff::{Action, CutOff, FileChange, Kind, Service};
use crate::exec::Tool;
use crate::render::HostFile;

/// A host as far as the scripts see it.
pub struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    pub fn new() -> Self {
        let host = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in [
            "bin",
            "var/lib/cloud/instance",
            "etc/systemd/system",
            "run/systemd/system",
            "run/meshimg",
            "etc/docker",
            "etc/network",
            "sys/class/net",
            "proc/sys/net/bridge",
        ] {
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
            ("ip", ""),
            ("chrt", ""),
        ] {
            let text = format!("#!/bin/sh\necho \"{name} $*\" >>{}/log\n{text}\n", host.folder.path().display());
            host.put(&format!("bin/{name}"), 0o755, &text);
        }
        host.put("etc/docker/daemon.json", 0o600, "{\"old\": 1}\n");
        host.put("etc/stale", 0o755, "stale\n");
        host
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, mode: u32, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Text and mode.
    pub fn get(&self, name: &str) -> Option<(String, u32)> {
        use std::os::unix::fs::PermissionsExt;
        let text = std::fs::read_to_string(self.path(name)).ok()?;
        let mode = std::fs::metadata(self.path(name)).unwrap().permissions().mode();
        Some((text, mode & 0o7777))
    }

    /// Everything that a change may touch.
    pub fn state(&self) -> Vec<(String, Option<(String, u32)>)> {
        [
            "etc/docker/daemon.json",
            "etc/stale",
            "etc/meshimg/new.conf",
            "etc/systemd/system/meshimg-undo.service",
        ]
        .map(|name| (name.to_owned(), self.get(name)))
        .into()
    }

    /// The script as if the folder were the root; paths that are in it already stay.
    pub fn localized(&self, script: &str) -> String {
        const PLACES: &[&str] = &[
            "/var/lib/",
            "/etc/systemd",
            "/etc/network",
            "/etc/docker",
            "/etc/meshimg",
            "/run/systemd",
            "/run/meshimg",
            "/sys/class/net",
            "/proc/sys/net/bridge",
        ];
        let root = self.folder.path().display().to_string();
        let script = script.replace("/lib/systemd/systemd-sysctl", "systemd-sysctl");
        PLACES.iter().fold(script, |text, place| {
            let text = text.replace(place, &format!("{root}{place}"));
            text.replace(&format!("{root}{root}"), &root)
        })
    }

    pub fn run(&self, script: &str) -> Result<String, String> {
        self.shell(&self.localized(script))
    }

    pub fn shell(&self, script: &str) -> Result<String, String> {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let tool = Tool::new("sh", Duration::from_secs(30))
            .arguments(["-eu", "-s"])
            .environment("PATH", path);
        let finished = tool.stdin(script).run();
        finished.map(|finished| finished.stdout_text()).map_err(|error| error.to_string())
    }

    /// What the unit of systemd would do with a script of the change.
    pub fn unit(&self, name: &str) -> Result<String, String> {
        self.unit_in("apply", name)
    }

    /// The same of a change that is in another folder by now.
    pub fn unit_in(&self, folder: &str, name: &str) -> Result<String, String> {
        let folder = self.path("var/lib/meshimg").join(folder);
        for script in [name, "forget", "finish"] {
            let script = folder.join(script);
            std::fs::write(&script, self.localized(&std::fs::read_to_string(&script).unwrap())).unwrap();
        }
        // The mesh is the matter of tests/containers.
        let mesh = format!("echo \"mesh $1\" >>{}\n", self.path("log").display());
        std::fs::write(folder.join("mesh"), mesh).unwrap();
        self.shell(&format!("sh {}", folder.join(name).display()))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A change of one file, a new one and one that goes.
    pub fn change(&self, kind: Kind) -> HostChange {
        let file = |name: &str, kind| FileChange {
            path: self.path(name).display().to_string(),
            kind,
        };
        let write = |name: &str, text: &str| HostFile {
            path: self.path(name).display().to_string(),
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
}
