//! Commands that reach hosts by ssh, with an ssh that is a script: what it is told, and what is said of its answers. Real ones are the matter of
//! vm-tests.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::Duration;

use super::{Place, assert_session, parts};
use meshimg::wait::{Look, until};

/// Notes how it was called and what it was to run, by host; then does as `$HOME/answer` says, a script that sees the host's address in `$address`
/// and what it was to run in `$script`.
const SSH: &str = r#"#!/bin/sh
case $* in *'-O exit'*) exit 0 ;; esac
address=$(printf '%s\n' "$@" | grep -x '192\.0\.2\.[0-9]*')
script=$(cat)
printf '%s\n' "$@" >"$HOME/arguments.$address"
printf '%s\n---\n' "$script" >>"$HOME/scripts.$address"
. "$HOME/answer"
"#;

fn place(answer: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("bin")).expect("a folder");
    place.write("bin/ssh", SSH);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.path("bin/ssh"), mode).expect("its mode");
    place.write("answer", answer);
    place
}

fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.meshimg(arguments);
    let path = std::env::var("PATH").expect("a PATH");
    command.env("PATH", format!("{}:{path}", place.path("bin").display()));
    // Sockets of ssh lie there.
    command.env("TMPDIR", place.path("."));
    command
}

fn output(place: &Place, arguments: &[&str]) -> Output {
    command(place, arguments).output().expect("meshimg starts")
}

/// Names that differ from run to run.
fn left(place: &Place) -> Vec<String> {
    let tree = place.tree(".");
    tree.into_iter().filter(|name| name.starts_with("meshimg-")).collect()
}

const REFUSED: &str = "echo 'No ED25519 host key is known for this host and you have requested strict checking.' >&2
echo 'Host key verification failed.' >&2
exit 255";

#[test]
fn hosts_that_are_not_reached_are_named_once_and_are_red() {
    let place = place(REFUSED);
    let (status, stdout, stderr) = parts(&output(&place, &["verify", "cluster.yaml"]));
    assert_eq!(status, Some(6), "{stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| line.contains("is not reached")).collect();
    assert_eq!(lines.len(), 3, "{stderr}");
    assert!(
        stderr.contains("Host key verification failed.\n  to try it by hand: ssh root@192.0.2.1\n"),
        "{stderr}"
    );
    assert!(stdout.starts_with("three-hosts: 3 hosts on machines reached by ssh\n"), "{stdout}");
    assert!(stdout.contains("  RED      underlay-ping   6 of 6 red"), "{stdout}");
    assert!(stdout.contains("  skipped  exposure "), "{stdout}");
    // Each is tried once, for its time limit is long.
    for number in 1..=3 {
        assert_eq!(place.read(&format!("scripts.192.0.2.{number}")).matches("---").count(), 1);
    }
    assert_eq!(left(&place), [""; 0]);
}

#[test]
fn status_has_a_line_for_each_host_that_is_not_reached() {
    let place = place(REFUSED);
    place.write("ssh config", "Host *\n");
    let sessions: Vec<String> = [
        &["status", "cluster.yaml"][..],
        &["status", "cluster.yaml", "--host", "host2", "--format", "json"],
    ]
    .iter()
    .map(|arguments| super::transcript(arguments, &output(&place, arguments)))
    .collect();
    assert_session("status-not-reached", sessions.join("\n"));
    // What ssh is told, with a configuration that is relative to where meshimg runs.
    let chosen = output(&place, &["status", "cluster.yaml", "--host", "host1", "--ssh-config", "ssh config"]);
    assert_eq!(chosen.status.code(), Some(6));
    let arguments = place.read("arguments.192.0.2.1");
    let config = place.path("ssh config").canonicalize().expect("it is there");
    assert!(arguments.starts_with(&format!("-F\n{}\n", config.display())), "{arguments}");
    assert!(arguments.contains("\nStrictHostKeyChecking=yes\n"), "{arguments}");
}

#[test]
fn what_cannot_be_is_said_before_a_host_is_asked() {
    let place = place("exit 255");
    let sessions: Vec<String> = [
        &["verify", "cluster.yaml", "--host", "host9"][..],
        &["verify", "cluster.yaml", "--ssh-config", "nowhere.conf"],
        &["verify", "cluster.yaml", "--format", "xml"],
        &["status", "cluster.yaml", "--watch", "--format", "json"],
        &["status", "cluster.yaml", "--watch"],
    ]
    .iter()
    .map(|arguments| {
        let output = output(&place, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        super::transcript(arguments, &output)
    })
    .collect();
    assert_session("remote-refused", sessions.join("\n"));
    let mut without = command(&place, &["verify", "cluster.yaml"]);
    let (status, _, stderr) = parts(&without.env("PATH", "/nowhere").output().expect("meshimg starts"));
    assert_eq!((status, stderr.contains("install openssh-client")), (Some(4), true), "{stderr}");
    assert!(!place.path("scripts.192.0.2.1").exists());
}

/// What only a change says.
const BEGINS: &str = "another change is about to begin";

/// Where one host cannot be asked nothing is changed on any, and nothing is left to be guessed.
#[test]
fn a_change_needs_an_answer_of_every_host() {
    for verb in ["apply", "wipe"] {
        let place = place(REFUSED);
        let (status, stdout, stderr) = parts(&output(&place, &[verb, "cluster.yaml", "--yes"]));
        assert_eq!((status, stdout.as_str()), (Some(5), ""), "{stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert_eq!(
            last,
            "Host key verification failed.; nothing was changed on any host. To leave it out, name the others: --host"
        );
        for number in 1..=3 {
            assert!(!place.read(&format!("scripts.192.0.2.{number}")).contains(BEGINS));
        }
    }
}

const REMOVE: &[&str] = &["remove", "cluster.yaml", "--host", "host3", "--yes"];

#[test]
fn what_cannot_be_removed_is_said_before_a_host_is_asked() {
    let place = place("exit 255");
    let mut sessions = vec![super::transcript(REMOVE, &output(&place, REMOVE))];
    output(&place, &["plan", "--lock", "cluster.yaml"]);
    for arguments in [
        &["remove", "cluster.yaml"][..],
        &["remove", "cluster.yaml", "--host", "host9"],
        &["remove", "cluster.yaml", "--host", "host2", "--host", "host3"],
    ] {
        let output = output(&place, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        sessions.push(super::transcript(arguments, &output));
    }
    // The rest of the file needs it.
    place.write("cluster.yaml", &(place.read("cluster.yaml") + "mesh: {root: host3}\n"));
    let output = output(&place, REMOVE);
    assert_eq!(output.status.code(), Some(3));
    sessions.push(super::transcript(REMOVE, &output));
    assert_session("remove-refused", sessions.join("\n"));
    assert!(!place.path("scripts.192.0.2.1").exists());
}

/// The others are asked for a plan without the host; and the host itself, unless it is dead.
#[test]
fn a_dead_host_is_not_asked() {
    let asked = |more: &[&str]| {
        let place = place("case $address in 192.0.2.3) exit 255 ;; esac; echo asked >&2; exit 1");
        output(&place, &["plan", "--lock", "cluster.yaml"]);
        let (status, _, stderr) = parts(&output(&place, &[REMOVE, more].concat()));
        assert_eq!(status, Some(5), "{stderr}");
        (stderr, place.path("scripts.192.0.2.3").exists(), place.read("scripts.192.0.2.1"))
    };
    let (stderr, is_asked, _) = asked(&[]);
    assert!(
        is_asked && stderr.contains("nothing was changed on any host. If it is gone for good: --dead"),
        "{stderr}"
    );
    let (stderr, is_asked, scripts) = asked(&["--dead"]);
    assert!(!is_asked && stderr.contains("host1 cannot be asked"), "{stderr}");
    assert!(!scripts.contains(BEGINS), "{scripts}");
}

/// Ctrl-C in the middle of it: what was started on the hosts is removed all the same, and nothing is reported that nobody has looked at.
#[test]
fn an_interrupted_verify_cleans_up() {
    let place = place("case $script in *'docker run'*) : >\"$HOME/busy\"; exec sleep 60 ;; esac");
    let mut child = command(&place, &["verify", "cluster.yaml"]).spawn().expect("meshimg starts");
    until("the first script", Duration::from_secs(60), Duration::from_millis(20), || {
        if place.path("busy").exists() {
            Look::Ready(())
        } else {
            Look::Pending("no".to_owned())
        }
    })
    .expect("verify starts containers");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let status = child.wait().expect("it ends");
    let output = child.wait_with_output().expect("its streams");
    let (_, stdout, stderr) = parts(&output);
    assert_eq!((status.code(), stdout.as_str()), (Some(130), ""), "{stderr}");
    for number in 1..=3 {
        let scripts = place.read(&format!("scripts.192.0.2.{number}"));
        let last = scripts.trim_end_matches("---\n").rsplit("---\n").next().unwrap_or_default();
        assert!(last.contains("docker rm --force") && last.contains("docker image rm"), "{scripts}");
    }
    assert_eq!(left(&place), [""; 0]);
}
