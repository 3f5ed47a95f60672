//! `lab bench` as far as it goes without root and without Open vSwitch.

use std::os::unix::fs::PermissionsExt;

use super::{Place, assert_session, parts};

#[test]
fn what_cannot_be_measured_is_refused() {
    let place = Place::new();
    let hosts: String = (1..=251)
        .map(|host| format!("  - {{name: h{host}, address: 198.51.100.{host}}}\n"))
        .collect();
    place.write("large.yaml", &format!("version: 1\nname: large\nhosts:\n{hosts}"));
    let sessions: Vec<String> = [
        &["--hosts", "1"][..],
        &["--hosts", "251"],
        &["--hosts", "4,many"],
        &["--fabric", "ring"],
        &["--repeat", "0"],
        &["--fault", "everything"],
        &["cluster.yaml", "--hosts", "4"],
        &["large.yaml"],
    ]
    .iter()
    .map(|options| {
        let arguments = [&["lab", "bench"], *options].concat();
        let output = place.meshimg(&arguments).env("PATH", "/nowhere").output().expect("meshimg starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        super::transcript(&arguments, &output)
    })
    .collect();
    assert_session("lab-bench-refused", sessions.join("\n"));
}

/// In a user namespace that gives nobody root, with programs that nobody gets to call.
#[test]
fn without_root_it_says_so() {
    let place = Place::new();
    std::fs::create_dir(place.path("programs")).expect("a folder");
    for name in ["ip", "ovs-ofctl", "ovs-vsctl", "ovs-vswitchd", "ovsdb-server", "ovsdb-tool"] {
        let path = place.path("programs").join(name);
        std::fs::write(&path, "#!/bin/sh\nexit 9\n").expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let mut command = place.command("unshare");
    command.args(["--user", "--", super::meshimg(), "lab", "bench", "--hosts", "4"]);
    let path = format!("{}:/usr/bin:/bin", place.path("programs").display());
    let output = command.env("PATH", path).output().expect("unshare starts");
    let said = "error: lab bench needs root: it makes network namespaces and starts Open vSwitch in them; run it again with sudo\n";
    assert_eq!(parts(&output), (Some(2), String::new(), said.to_owned()));
}

/// The part that mounts things does nothing where a person calls it.
#[test]
fn its_inner_part_is_not_for_people() {
    let place = Place::new();
    let (status, stdout, stderr) = parts(&place.output(&["lab-bench-case"]));
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert_eq!(stderr, "error: this is a part of `meshimg lab bench`, which starts it\n");
}
