//! Programs that are missing, that fail, and that are interrupted.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use meshimg::wait::{Look, until};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, parts};

/// A PATH that has no program.
fn nowhere(place: &Place) -> std::path::PathBuf {
    let folder = place.path("empty");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A PATH whose programs all do what `script` says.
fn stand_ins(place: &Place, script: &str) -> std::ffi::OsString {
    let folder = place.path("stand-ins");
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["mmdebstrap", "mke2fs", "unshare", "apt-get", "newuidmap", "newgidmap"] {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let mut path = folder.into_os_string();
    path.push(":/usr/bin:/bin");
    path
}

#[test]
fn missing_programs_are_named_with_their_packages() {
    let place = Place::new();
    let path = nowhere(&place);
    for (arguments, named) in [
        (&["image", "base"][..], &["mmdebstrap", "unshare", "apt-get install "][..]),
        (
            &["image", "check", "cluster.yaml"],
            &["qemu-img", "qemu-system-x86_64", "qemu-utils"],
        ),
        (&["image", "check", "cluster.yaml", "--boot", "none"], &["qemu-img", "qemu-utils"]),
        (
            &["lab", "up", "cluster.yaml"],
            &[
                "qemu-system-x86_64",
                "qemu-img",
                "openssh-client",
                "qemu-system-x86 ",
                "apt-get install ",
            ],
        ),
        (
            &["lab", "bench"],
            &["ovs-vsctl", "unshare", "openvswitch-switch", "util-linux", "apt-get install "],
        ),
        (&["lab", "test", "cluster.yaml"], &["qemu-system-x86_64", "apt-get install "]),
    ] {
        let output = place.meshimg(arguments).env("PATH", &path).output().expect("meshimg starts");
        let (status, stdout, stderr) = parts(&output);
        assert_eq!((status, stdout.as_str()), (Some(4), ""), "{arguments:?}: {stderr}");
        for text in named {
            assert!(stderr.contains(text), "{arguments:?}: {stderr}");
        }
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert_eq!(place.tree("."), ["cluster.yaml", "empty/"]);
}

#[test]
fn a_program_that_fails_is_quoted() {
    let place = Place::new();
    let path = stand_ins(&place, "echo 'the archive is out of reach' >&2; exit 25");
    let output = place
        .meshimg(&["image", "base"])
        .env("PATH", path)
        .output()
        .expect("meshimg starts");
    let (status, stdout, stderr) = parts(&output);
    assert_eq!((status, stdout.as_str()), (Some(5), ""), "{stderr}");
    assert!(
        stderr.contains("failed (exit status: 25)") && stderr.contains("the archive is out of reach"),
        "{stderr}"
    );
}

/// Ctrl-C while a program runs: 130, and the program is gone too.
#[test]
fn an_interruption_ends_what_was_started() {
    let place = Place::new();
    let path = stand_ins(&place, &format!("echo $$ >'{}'; exec sleep 300", place.path("started").display()));
    let child = place.meshimg(&["image", "base"]).env("PATH", path).spawn().expect("meshimg starts");
    let often = Duration::from_millis(20);
    let started = until("the stand-in", Duration::from_secs(30), often, || {
        match std::fs::read_to_string(place.path("started"))
            .ok()
            .and_then(|text| text.trim().parse::<i32>().ok())
        {
            Some(process) => Look::Ready(process),
            None => Look::Pending("not started".to_owned()),
        }
    })
    .expect("it starts");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it is ours");
    let (status, stdout, stderr) = parts(&child.wait_with_output().expect("it ends"));
    assert_eq!((status, stdout.as_str()), (Some(130), ""), "{stderr}");
    assert!(stderr.contains("error: interrupted"), "{stderr}");
    until(
        "the end of the stand-in",
        Duration::from_secs(30),
        often,
        || match std::path::Path::new(&format!("/proc/{started}")).exists() {
            true => Look::Pending("it runs".to_owned()),
            false => Look::Ready(()),
        },
    )
    .expect("it ends");
}
