//! `lab test` as far as it goes without a lab: everything that is refused before a host starts.

use super::{Place, assert_session, meshimg, parts};

/// Each is refused with 2, before any program is looked for: there is none.
#[test]
fn what_cannot_be_is_said_before_the_boot() {
    let place = Place::new();
    std::fs::create_dir(place.path("full")).expect("a folder");
    place.write("full/of", "something");
    let sessions: Vec<String> = [
        &["--format", "xml"][..],
        &["--repeat", "0"],
        &["--repeat", "many"],
        &["--scenario", "none", "--scenario", "host-down"],
        &["--scenario", "host-down,none"],
        &["--bundle", "full"],
        &["--bundle", "cluster.yaml"],
        &["--shell-on-failure"],
    ]
    .iter()
    .map(|options| {
        let arguments = [&["lab", "test", "cluster.yaml"], *options].concat();
        let output = place.meshimg(&arguments).env("PATH", "/nowhere").output().expect("meshimg starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        super::transcript(&arguments, &output)
    })
    .collect();
    assert_session("lab-test-refused", sessions.join("\n"));
    // Nothing was made for a failure that was none of a lab.
    assert_eq!(place.tree("."), ["cluster.yaml", "full/", "full/of"]);
}

/// The list of scenarios changes more often than this does.
#[test]
fn an_unknown_scenario_is_answered_with_those_there_are() {
    let place = Place::new();
    let (status, stdout, stderr) = parts(&place.output(&["lab", "test", "cluster.yaml", "--scenario", "hostdown"]));
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    for text in ["'hostdown'", "host-down", "reboot-all", "none", "similar value exists: 'host-down'"] {
        assert!(stderr.contains(text), "{stderr}");
    }
}

/// What is right goes on to the next thing that is missing: QEMU. script(1) gives a terminal.
#[test]
fn what_can_be_is_taken() {
    let place = Place::new();
    for options in [
        "--scenario none",
        "--scenario host-down --scenario reboot-all --repeat 3",
        "--scenario reboot-all,host-down --format junit",
        "--bundle new/folder --format json --keep",
        "--shell-on-failure",
    ] {
        let line = format!("env PATH=/nowhere {} lab test cluster.yaml {options}", meshimg());
        let output = place
            .command("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .output()
            .expect("script(1) of bsdutils starts");
        let (status, said, stderr) = parts(&output);
        assert_eq!(status, Some(4), "{options}: {said}{stderr}");
        assert!(said.contains("qemu-system-x86_64"), "{options}: {said}");
        assert!(!place.path("new").exists(), "{options}");
    }
}
