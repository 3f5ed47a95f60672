//! `openvswitch build`, with an mmdebstrap that only pretends: what is left of builds that go well, fail, or are interrupted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output};
use std::time::Duration;

use meshimg::exec::{find, interrupt};
use meshimg::wait::{self, Look};

use super::{Place, parts};

/// Puts an archive where mmdebstrap's hook would bring it.
const GOOD: &str = r#"
for argument in "$@"; do case $argument in --customize-hook=copy-out*) out=${argument##* } ;; esac; done
mkdir "$out/archive"
cd "$out/archive"
for name in Packages Packages.xz Release openvswitch-switch_4.0.0-1~meshimg13_amd64.deb; do echo "$name" >"$name"; done
printf 'gcc-14 amd64 14.2.0-19\nlibc6:amd64 amd64 2.41-12\n' >root-packages
printf 'One thing.\nAnother.\n' >mended"#;

/// A place with a release of Open vSwitch, and its SHA-256.
struct Builder {
    place: Place,
    sha256: String,
}

impl Builder {
    /// `None`, with a word why, where the other programs of a build are not there.
    fn new(mmdebstrap: &str) -> Option<Self> {
        let programs = ["setpriv", "unshare", "tar", "xz", "apt-get", "/usr/lib/apt/apt-helper", "newuidmap"];
        if let Some(missing) = programs.iter().find(|program| find(program).is_none()) {
            eprintln!("skipped: there is no {missing}");
            return None;
        }
        let place = Place::new();
        fs::create_dir_all(place.path("bin")).expect("a folder");
        place.write("bin/mmdebstrap", &format!("#!/bin/sh\nset -eu\n{mmdebstrap}\n"));
        fs::set_permissions(place.path("bin/mmdebstrap"), fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::create_dir_all(place.path("ovs/debian")).expect("a folder");
        place.write("ovs/debian/changelog", "openvswitch (4.0.0-1) unstable; urgency=low\n");
        place.write("ovs/debian/control.in", "Source: openvswitch\n");
        place.write("ovs/debian/rules", "#!/usr/bin/make -f\n");
        let tar = place.command("tar").args(["-czf", "ovs.tar.gz", "ovs"]).status().expect("tar");
        assert!(tar.success());
        let sum = place.command("sha256sum").arg("ovs.tar.gz").output().expect("sha256sum");
        let sha256 = String::from_utf8_lossy(&sum.stdout)[..64].to_owned();
        Some(Self { place, sha256 })
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = self
            .place
            .meshimg(&["openvswitch", "build", "--version", "4.0.0", "--source", "ovs.tar.gz"]);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(["--sha256", &self.sha256])
            .args(more)
            .env("PATH", format!("{}:{path}", self.place.path("bin").display()))
            .env("TMPDIR", self.temporary());
        command
    }

    /// A folder for temporary files of one's own, to see what is left in it.
    fn temporary(&self) -> std::path::PathBuf {
        let folder = self.place.path("tmp");
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    fn output(&self, more: &[&str]) -> Output {
        self.command(more).output().expect("meshimg starts")
    }

    /// What is in the cache but for locks and logs.
    fn entries(&self) -> Vec<String> {
        let mut names = self.place.tree("cache");
        names.retain(|name| !name.ends_with(".lock") && !name.starts_with("logs"));
        names
    }

    /// Nothing is left of the build but a log with `text`.
    fn nothing_but_a_log(&self, text: &str) {
        assert_eq!((self.entries(), self.place.tree("tmp")), (Vec::new(), Vec::new()));
        let logs: Vec<String> = self.place.tree("cache").into_iter().filter(|name| name.ends_with(".log")).collect();
        assert_eq!(logs.len(), 1, "{logs:?}");
        assert_eq!(self.place.read(&format!("cache/{}", logs[0])), text);
    }
}

#[test]
fn an_archive_is_built_once_and_copied() {
    let Some(builder) = Builder::new(&format!("echo called >>\"$HOME/calls\"{GOOD}")) else {
        return;
    };
    let (code, stdout, stderr) = parts(&builder.output(&["--quiet"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let folder = stdout.trim_end();
    assert!(
        folder.starts_with(&builder.place.path("cache/openvswitch-").display().to_string()),
        "{folder}"
    );
    let files = [
        "Packages",
        "Packages.xz",
        "Release",
        "manifest.json",
        "openvswitch-switch_4.0.0-1~meshimg13_amd64.deb",
    ];
    let (code, stdout, _) = parts(&builder.output(&["-o", "archive"]));
    assert_eq!((code, stdout.as_str()), (Some(0), "archive\n"));
    assert_eq!(builder.place.tree("archive"), files);
    assert_eq!(builder.place.read("calls"), "called\n");

    let manifest: serde_json::Value = serde_json::from_str(&builder.place.read("archive/manifest.json")).expect("JSON");
    assert_eq!(manifest["package-version"], "4.0.0-1~meshimg13");
    assert_eq!(manifest["source"][0]["sha256"], builder.sha256);
    assert_eq!(manifest["files"][2]["name"], "Release");
    assert_eq!(manifest["mended"], serde_json::json!(["One thing.", "Another."]));
    assert_eq!(
        manifest["build-root"][1],
        serde_json::json!({"name": "libc6:amd64", "architecture": "amd64", "version": "2.41-12"})
    );
    assert!(
        !manifest.to_string().contains(&builder.place.path("").display().to_string()),
        "{manifest}"
    );

    builder.place.write("archive/notes", "mine");
    let (code, _, stderr) = parts(&builder.output(&["-o", "archive"]));
    assert_eq!(code, Some(2));
    assert_eq!(
        stderr,
        "error: archive is there and has something else in it; give a new folder, or remove it\n"
    );
}

#[test]
fn a_build_that_fails_leaves_its_log_alone() {
    let Some(builder) = Builder::new("exec >&2; echo first; seq 30; echo 'cc1: fatal error'; exit 25") else {
        return;
    };
    let (code, stdout, stderr) = parts(&builder.output(&["-o", "archive"]));
    assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
    let place = builder.place.path("").display().to_string();
    assert!(
        stderr.contains("\n30\ncc1: fatal error\nthe whole log is ") && !stderr.contains("\n10\n"),
        "{stderr}"
    );
    assert!(
        stderr.trim_end().ends_with(".log") && stderr.contains(&format!("{place}cache/logs/openvswitch-")),
        "{stderr}"
    );
    let log: String = (1..=30).map(|number| format!("{number}\n")).collect();
    builder.nothing_but_a_log(&format!("first\n{log}cc1: fatal error\n"));
    assert!(!builder.place.path("archive").exists());
}

#[test]
fn a_full_disk_in_the_root_is_told_with_what_helps() {
    // Not among the last lines.
    let Some(builder) = Builder::new("echo 'as: out.o: No space left on device' >&2; seq 30 >&2; exit 25") else {
        return;
    };
    let (code, _, stderr) = parts(&builder.output(&[]));
    assert_eq!(code, Some(5), "{stderr}");
    assert!(
        stderr.contains("\n30\nthe disk was full on the way: make room, or name folders on a larger disk"),
        "{stderr}"
    );
    let log: String = (1..=30).map(|number| format!("{number}\n")).collect();
    builder.nothing_but_a_log(&format!("as: out.o: No space left on device\n{log}"));
}

#[test]
fn an_entry_that_cannot_be_written_is_not_there() {
    // Files may have at most 1 MB here, and a package has more.
    let big = format!("{GOOD}\nhead -c 3000000 /dev/zero >big.deb");
    let Some(builder) = Builder::new(&big) else { return };
    let command = builder.command(&["--quiet"]);
    let mut limited = builder.place.command("prlimit");
    limited.arg("--fsize=1000000:").arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // The one that pretends is not to be limited, as what a root holds is not.
    builder.place.write(
        "bin/mmdebstrap",
        &format!("#!/bin/sh\nset -eu\nprlimit --pid $$ --fsize=unlimited:\n{big}\n"),
    );
    let (code, _, stderr) = parts(&limited.output().expect("it starts"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.starts_with("error: cannot write ") && stderr.contains("big.deb: File too large"),
        "{stderr}"
    );
    assert_eq!((builder.entries(), builder.place.tree("tmp")), (Vec::new(), Vec::new()));
}

/// Waits until the pretended mmdebstrap of `child` runs.
fn wait_for(builder: &Builder, child: &mut Child) {
    let look = || match (builder.place.path("runs").exists(), child.try_wait()) {
        (true, _) => Look::Ready(()),
        (false, Ok(None)) => Look::Pending("it does not run yet".to_owned()),
        (false, ended) => Look::Gone(format!("it ended: {ended:?}")),
    };
    wait::until("mmdebstrap", Duration::from_secs(60), Duration::from_millis(20), look).expect("it runs");
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let Some(builder) = Builder::new("echo here; : >\"$HOME/runs\"; exec sleep 1000") else {
        return;
    };
    interrupt::install().expect("signals");
    let mut child = builder.command(&[]).spawn().expect("meshimg starts");
    wait_for(&builder, &mut child);
    let kill = builder.place.command("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let (code, stdout, stderr) = parts(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, stdout.as_str()), (Some(130), ""), "{stderr}");
    assert!(stderr.contains("error: interrupted while `mmdebstrap "), "{stderr}");
    builder.nothing_but_a_log("here\n");
}

#[test]
fn of_two_builds_at_once_the_second_waits_and_says_so() {
    let wait = "echo called >>\"$HOME/calls\"; : >\"$HOME/runs\"; until [ -e \"$HOME/go\" ]; do sleep 0.05; done";
    let Some(builder) = Builder::new(&format!("{wait}{GOOD}")) else {
        return;
    };
    let mut first = builder.command(&["--quiet"]).spawn().expect("meshimg starts");
    wait_for(&builder, &mut first);
    let mut second = builder
        .command(&[])
        .stderr(fs::File::create(builder.place.path("said")).expect("a file"))
        .spawn()
        .expect("it starts");
    let look = || match (builder.place.read("said").contains("waiting for it"), second.try_wait()) {
        (true, _) => Look::Ready(()),
        (false, Ok(None)) => Look::Pending("it has not said that it waits".to_owned()),
        (false, ended) => Look::Gone(format!("it ended: {ended:?}")),
    };
    wait::until("the second builder", Duration::from_secs(60), Duration::from_millis(20), look).expect("it waits");
    builder.place.write("go", "");
    let (first, second) = (
        first.wait_with_output().expect("it ends"),
        second.wait_with_output().expect("it ends"),
    );
    assert_eq!((first.status.code(), second.status.code()), (Some(0), Some(0)));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(
        builder.place.read("said"),
        "another meshimg is making the same; waiting for it ...\n"
    );
    assert_eq!(builder.place.read("calls"), "called\n");
}

#[test]
fn what_cannot_be_built_has_its_exit_code() {
    let Some(builder) = Builder::new("exit 1") else { return };
    let with = |changes: &[(&str, &str)]| {
        let mut words: Vec<String> = builder
            .command(&["--os", "debian-13"])
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        for (option, value) in changes {
            let place = words.iter().position(|word| word == option).expect("the option");
            words[place + 1] = (*value).to_owned();
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = builder.place.output(&words);
        let (code, stdout, stderr) = parts(&output);
        assert!(stdout.is_empty());
        (code, stderr)
    };
    let zeros = "00".repeat(32);
    for (changes, code, said) in [
        (
            &[("--os", "ubuntu-24.04")][..],
            3,
            "built for debian-12 and debian-13, not for ubuntu-24.04",
        ),
        (&[("--os", "debian-14")], 2, "packages are built for debian-12 and debian-13"),
        (&[("--sha256", &zeros)], 3, "ovs.tar.gz is not what it should be: its SHA-256 is "),
        (&[("--sha256", "0")], 2, "a SHA-256 is 64 hexadecimal digits"),
        (
            &[("--version", "4.0.1")],
            3,
            "ovs.tar.gz has version 4.0.0 of Open vSwitch, not 4.0.1",
        ),
        (&[("--version", "4")], 2, "a version of Open vSwitch is numbers with dots"),
        (
            &[("--source", "none.tar.gz")],
            2,
            "cannot read none.tar.gz: No such file or directory",
        ),
        (&[("--source", "cluster.yaml")], 2, "cluster.yaml is no source that can be built"),
        (
            &[("--source", "ftp://a.example/a.dsc")],
            2,
            "a source is a path, or an http://, https:// or file:/// URL",
        ),
        (
            &[("--source", "http://127.0.0.1:9/a.dsc")],
            5,
            "cannot fetch http://127.0.0.1:9/a.dsc: ",
        ),
    ] {
        let (found, stderr) = with(changes);
        assert_eq!(found, Some(code), "{changes:?}: {stderr}");
        assert!(stderr.contains(said), "{changes:?}: {stderr}");
    }
    assert_eq!((builder.entries(), builder.place.tree("tmp")), (Vec::new(), Vec::new()));
}
