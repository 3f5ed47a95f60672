//! gather.sh itself, run by the shell of this machine, with programs of our own in the place of a host's.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::machine::sample;

/// Files of /usr/bin that the script needs; what is not in its PATH is not installed.
const THERE: [&str; 6] = ["awk", "cat", "mktemp", "rm", "sh", "timeout"];

fn put(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_section_is_printed_whatever_its_command_does() {
    let folder = tempfile::tempdir().unwrap();
    for name in THERE {
        std::os::unix::fs::symlink(crate::exec::find(name).expect("Debian has it"), folder.path().join(name)).unwrap();
    }
    put(folder.path(), "ovs-vsctl", "echo '[not a header 0]'; echo; printf 'no end of line'");
    put(folder.path(), "ip", "echo nonsense; printf 'what is wrong' >&2; exit 3");
    put(folder.path(), "systemctl", "echo active");
    put(folder.path(), "docker", "echo \"$1\"");
    let plan = sample::plan();
    let run = |scope| {
        let child = Command::new("/bin/sh")
            .args(["-c", &script(&plan, &plan.hosts[0], scope).unwrap()])
            .env("PATH", folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!((child.stderr.as_slice(), child.status.code()), (&b""[..], Some(0)));
        sections_of(&String::from_utf8(child.stdout).unwrap())
    };
    let found = run(Scope::Mesh);
    let of = |name: &str| {
        let section = found.get(name).unwrap();
        (section.status, section.output.as_str(), section.errors.as_str())
    };
    assert_eq!(of("ovs"), (0, "[not a header 0]\n\nno end of line\n", ""));
    assert_eq!(of("ip"), (3, "nonsense\n", "what is wrong\n"));
    assert_eq!(of("vswitchd-version"), (127, "", "ovs-appctl is not installed\n"));
    assert_eq!(of("docker-network"), (0, "network\n", ""));
    assert!(found.text("boot-id").is_ok() && found.get("docker-version").is_err());
    assert_eq!(run(Scope::Versions).text("docker-version"), Ok("version\n"));
}
