//! init, check, plan and the options of every command.

use std::process::Stdio;

use super::{Place, assert_session, parts};

const BAD: &str = "version: 1\nname: demo\nhosts:\n  - {name: host1, address: 192.0.2.1}\n  - {name: host1, adress: 192.0.2.2}\n";
const JUMBO: &str =
    "version: 1\nname: demo\nunderlay: {mtu: 9500}\nhosts:\n  - {name: a, address: 192.0.2.1}\n  - {name: b, address: 192.0.2.2}\n";

#[test]
fn init_prints_a_file_that_is_fine() {
    let place = Place::new();
    let (status, text, stderr) = parts(&place.output(&["init", "--name", "web"]));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert_eq!(text, meshimg::spec::init_text("web"));
    place.write("web.yaml", &text);
    assert_session("init-then-check", place.session(&["check", "--strict", "web.yaml"]));
}

#[test]
fn init_writes_a_new_file_only() {
    let place = Place::new();
    place.write("taken.yaml", "mine");
    std::os::unix::fs::symlink("nowhere", place.path("link.yaml")).expect("a link");
    let sessions = [
        &["init", "new.yaml"][..],
        &["init", "new.yaml"],
        &["init", "taken.yaml"],
        &["init", "link.yaml"],
        &["init", "no-folder/new.yaml"],
        &["--quiet", "init", "quiet.yaml"],
    ];
    assert_session("init", sessions.map(|arguments| place.session(arguments)).join("\n"));
    assert_eq!(place.read("new.yaml"), meshimg::spec::init_text("demo"));
    assert_eq!(place.read("taken.yaml"), "mine");
    assert_eq!(
        place.tree("."),
        ["cluster.yaml", "link.yaml", "new.yaml", "quiet.yaml", "taken.yaml"]
    );
}

#[test]
fn check() {
    let place = Place::new();
    place.write("bad.yaml", BAD);
    place.write("jumbo.yaml", JUMBO);
    place.write("empty.yaml", "");
    std::fs::create_dir(place.path("folder")).expect("a folder");
    let sessions = [
        &["check", "cluster.yaml"][..],
        &["check", "bad.yaml"],
        &["check", "--format", "json", "cluster.yaml"],
        &["check", "--format", "json", "bad.yaml"],
        &["check", "jumbo.yaml"],
        &["check", "--strict", "jumbo.yaml"],
        &["check", "empty.yaml"],
        &["check", "missing.yaml"],
        &["check", "folder"],
    ];
    assert_session("check", sessions.map(|arguments| place.session(arguments)).join("\n"));
}

/// Problems that only show once everything is rendered are found too, and named the same by `check` and by `cloud-init`.
#[test]
fn check_finds_what_later_stages_find() {
    let place = Place::new();
    let hosts: String = (1..=200).map(|n| format!("  - {{name: h{n}, address: 192.0.2.{n}}}\n")).collect();
    place.write(
        "huge.yaml",
        &format!("version: 1\nname: huge\nmesh: {{topology: full}}\nhosts:\n{hosts}"),
    );
    let sessions = [&["check", "huge.yaml"][..], &["cloud-init", "huge.yaml"]];
    assert_session("too-large", sessions.map(|arguments| place.session(arguments)).join("\n"));
    assert_eq!(place.tree("cloud-init-out"), [""; 0]);
}

/// The verbs that take a cluster.yaml all refuse a bad one the same way, before anything is done.
#[test]
fn every_verb_refuses_a_bad_file() {
    let place = Place::new();
    place.write("bad.yaml", BAD);
    let (_, _, wanted) = parts(&place.output(&["check", "bad.yaml"]));
    for verb in [
        &["plan"][..],
        &["cloud-init"],
        &["lab", "up"],
        &["lab", "test"],
        &["lab", "status"],
        &["lab", "down"],
    ] {
        let output = place.output(&[verb, &["bad.yaml"][..]].concat());
        assert_eq!(parts(&output), (Some(3), String::new(), wanted.clone()), "{verb:?}");
    }
    assert_eq!(place.tree("."), ["bad.yaml", "cluster.yaml"]);
}

#[test]
fn plan() {
    let place = Place::new();
    assert_session("plan", place.session(&["plan", "cluster.yaml"]));
    let (status, json, stderr) = parts(&place.output(&["plan", "--format", "json", "cluster.yaml"]));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    let plan: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (plan["version"].as_u64(), plan["hosts"][2]["name"].as_str()),
        (Some(1), Some("host3"))
    );
    // In a pipe as on a wide terminal: no blanks at the ends of lines.
    let (_, text, _) = parts(&place.output(&["plan", "cluster.yaml"]));
    assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let place = Place::new();
    place.write("jumbo.yaml", JUMBO);
    for arguments in [
        &["--quiet", "check", "cluster.yaml"][..],
        &["check", "-q", "jumbo.yaml"],
        &["-q", "plan", "jumbo.yaml"],
        &["-q", "cloud-init", "cluster.yaml"],
        &["-q", "cloud-init", "cluster.yaml"],
        &["-q", "cloud-init", "--check", "cluster.yaml"],
        &["-q", "init", "new.yaml"],
        &["-q", "lab", "down", "cluster.yaml"],
    ] {
        let (status, _, stderr) = parts(&place.output(arguments));
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // And not nothing when it is not.
    let (status, _, stderr) = parts(&place.output(&["-q", "--strict", "check", "jumbo.yaml"]));
    assert!(status == Some(3) && stderr.contains("underlay::mtu-unusual"), "{stderr}");
}

/// `script` gives meshimg a terminal, where colours are on unless someone says no.
#[test]
fn colours_are_for_terminals_that_want_them() {
    let place = Place::new();
    place.write("bad.yaml", BAD);
    let escapes = |arguments: &[&str], variable: &str, value: &str| {
        let output = place.meshimg(arguments).env(variable, value).output().expect("meshimg starts");
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    for arguments in [
        &["check", "bad.yaml"][..],
        &["plan", "cluster.yaml"],
        &["check", "missing.yaml"],
        &["--help"],
    ] {
        assert!(!escapes(arguments, "TERM", "xterm-256color"), "{arguments:?} in a pipe");
    }
    let on_terminal = |command: &str, variable: &str| {
        let command = format!("{variable} '{}' {command}", super::meshimg());
        let output = place
            .command("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .output();
        output.map(|output| output.stdout)
    };
    let Ok(colored) = on_terminal("check bad.yaml", "") else {
        eprintln!("half of it skipped: script (package bsdutils) is not installed");
        return;
    };
    assert!(colored.contains(&0x1b), "{}", String::from_utf8_lossy(&colored));
    for (command, variable) in [
        ("--no-color check bad.yaml", ""),
        ("check bad.yaml", "NO_COLOR=1"),
        ("--no-color check missing.yaml", ""),
        ("check missing.yaml", "NO_COLOR=1"),
        ("--no-color --help", ""),
        ("lab --help --no-color", ""),
        ("chek --no-color", ""),
        ("--help", "NO_COLOR=1"),
    ] {
        let output = on_terminal(command, variable).expect("it started before");
        assert!(
            !output.is_empty() && !output.contains(&0x1b),
            "{command} {variable}: {}",
            String::from_utf8_lossy(&output)
        );
    }
}

/// `meshimg plan | head -c1`: the reader has seen enough.
#[test]
fn a_reader_that_goes_is_no_error() {
    let place = Place::new();
    for verb in [&["schema"][..], &["plan", "cluster.yaml"], &["init"], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = place.meshimg(verb).stdout(Stdio::from(writer)).spawn().expect("meshimg starts");
        assert_eq!(
            parts(&child.wait_with_output().expect("it ends")),
            (Some(0), String::new(), String::new()),
            "{verb:?}"
        );
    }
}

/// A device that takes nothing is one.
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let output = place.meshimg(&["schema"]).stdout(full).output().expect("meshimg starts");
    let wanted = "error: cannot write to standard output: No space left on device (os error 28)\n";
    assert_eq!(parts(&output), (Some(1), String::new(), wanted.to_owned()));
}

/// Before a host boots, or QEMU is looked for.
#[test]
fn a_page_that_cannot_be_written_is_an_error_at_once() {
    let place = Place::new();
    let output = place
        .meshimg(&["lab", "test", "cluster.yaml", "--report", "."])
        .output()
        .expect("meshimg starts");
    let wanted = "error: cannot write .: Is a directory (os error 21); a folder is where a file should be: choose another folder\n";
    assert_eq!(parts(&output), (Some(1), String::new(), wanted.to_owned()));
}

#[test]
fn a_lab_that_is_not_up() {
    let place = Place::new();
    let sessions = [
        &["lab", "status", "cluster.yaml"][..],
        &["lab", "ssh", "cluster.yaml", "host1"],
        &["lab", "ssh", "cluster.yaml", "host9"],
        &["lab", "logs", "cluster.yaml", "host1"],
        &["lab", "kill", "cluster.yaml", "host1"],
        &["lab", "start", "cluster.yaml", "host1"],
        &["lab", "cut", "cluster.yaml", "host1", "host9"],
        &["lab", "cut", "cluster.yaml", "host1"],
        &["lab", "heal", "cluster.yaml"],
        &["lab", "impair", "cluster.yaml", "host1", "host2", "--loss", "20%"],
        &["lab", "capture", "cluster.yaml", "host1", "host2", "-o", "link.pcap"],
        &["lab", "down", "cluster.yaml"],
    ];
    assert_session("lab-not-up", sessions.map(|arguments| place.session(arguments)).join("\n"));
}
