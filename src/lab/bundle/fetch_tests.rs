//! The script in a real shell, with stand-ins for what a host has and this machine may not.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::exec::Tool;

/// What the stand-ins say: their name and arguments.
const STAND_IN: &str = "#!/bin/sh\necho \"${0##*/} $*\"\n";

fn stand_ins(folder: &Path, names: &[(&str, &str)]) -> std::ffi::OsString {
    for (name, script) in names {
        let path = folder.join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// What the script prints where all tools are stand-ins, `changed` among them.
fn output(changed: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut names: Vec<(&str, &str)> = [
        "ovs-vsctl",
        "ovs-appctl",
        "ovs-ofctl",
        "ip",
        "bridge",
        "docker",
        "systemctl",
        "systemd-analyze",
        "journalctl",
        "cloud-init",
    ]
    .map(|name| (name, STAND_IN))
    .to_vec();
    names.extend_from_slice(changed);
    let finished = Tool::new("sh", Duration::from_secs(60))
        .arguments(["-eu"])
        .environment("PATH", stand_ins(folder.path(), &names))
        .stdin(script(&"br7".parse().unwrap()))
        .run();
    finished.unwrap().stdout_text()
}

#[test]
fn every_file_of_the_list_is_in_the_script_and_none_else() {
    let words = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
    let mut scripted: Vec<String> = SCRIPT
        .lines()
        .filter(|line| line.starts_with("run ") || line.starts_with("run_docker "))
        .filter_map(words)
        .collect();
    scripted.sort();
    let listed: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(scripted, listed);
}

#[test]
fn each_file_has_what_its_tool_says() {
    let (files, missing) = files(&output(&[]));
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    assert_eq!(text("ovs-show.txt"), "ovs-vsctl --timeout=10 show\n");
    assert_eq!(text("ovs-bfd.txt"), "ovs-appctl --timeout=10 bfd/show\n");
    assert_eq!(text("ovs-fdb.txt"), "ovs-appctl --timeout=10 fdb/show br7\n");
    assert_eq!(text("ovs-tree.txt"), "ovs-appctl --timeout=10 rstp/show br7\n");
    assert_eq!(text("docker-ps.txt"), "docker ps --all --no-trunc\n");
    // `network ls` said four words, which are four networks here.
    assert_eq!(text("docker-networks.txt"), "docker network inspect docker network ls --quiet\n");
    assert_eq!(text("docker-info.txt"), "docker info\n");
    assert!(text("journal.txt").starts_with("journalctl --no-pager"));
    assert!(text("units.txt").contains("systemctl --failed") && text("units.txt").contains("list-units --all"));
    assert!(text("network.txt").contains("bridge fdb") && text("resources.txt").contains("Mem:"));
    // The logs of cloud-init are at places of their own, which are not on every machine that runs this.
    let elsewhere = |line: &String| line.starts_with("cloud-init") || line.starts_with("ovs-vswitchd.log");
    assert!(missing.iter().all(elsewhere), "{missing:?}");
}

#[test]
fn what_fails_or_is_not_there_is_noted_and_the_rest_comes() {
    let failing = "#!/bin/sh\necho 'half of it'\necho 'database connection failed' >&2\nexit 1\n";
    let inactive = "#!/bin/sh\n[ \"$1\" != is-active ] || { [ \"$2\" = --quiet ] || echo failed; exit 3; }\n";
    let (files, missing) = files(&output(&[("ovs-vsctl", failing), ("systemctl", inactive)]));
    assert!(
        missing.contains(&"ovs-show.txt: status 1, it said: database connection failed".to_owned()),
        "{missing:?}"
    );
    assert_eq!(files["ovs-show.txt"], b"half of it\n--- on stderr:\ndatabase connection failed\n");
    // A Docker that does not run is not started by looking at it.
    assert_eq!(files["docker-info.txt"], b"docker.service is failed\n");
    assert_eq!(files["ovs-bfd.txt"], b"ovs-appctl --timeout=10 bfd/show\n");
    let (files, missing) = super::files("");
    assert!(files.is_empty() && missing.len() == FILES.len(), "{missing:?}");
    assert!(missing[0].ends_with(": the host did not get so far"), "{missing:?}");
}

/// Where there is no RSTP, its command fails, and STP's says what there is.
#[test]
fn the_tree_is_that_of_the_protocol_in_use() {
    let stp = "#!/bin/sh\n[ \"$2\" != rstp/show ] || { echo 'no such rstp object' >&2; exit 2; }\necho \"$2\"\n";
    let (files, _) = files(&output(&[("ovs-appctl", stp)]));
    assert_eq!(files["ovs-tree.txt"], b"stp/show\n");
}

#[test]
fn what_there_is_no_time_for_is_noted() {
    let text = "[journal.txt 124]\n line\n\n\n[ovs-show.txt 124]\n\n!the host took too long for what comes before it\n";
    let (files, missing) = super::files(text);
    assert_eq!(files["journal.txt"], b"line\n");
    assert!(missing.contains(&"journal.txt: it did not end in time".to_owned()), "{missing:?}");
    let late = "ovs-show.txt: the host took too long for what comes before it".to_owned();
    assert!(missing.contains(&late), "{missing:?}");
}

#[test]
fn a_private_key_in_a_log_does_not_come_along() {
    let leak =
        "#!/bin/sh\nprintf '%s\\n' before '-----BEGIN OPENSSH PRIVATE KEY-----' c2VjcmV0 '-----END OPENSSH PRIVATE KEY-----' after\n";
    let (files, _) = files(&output(&[("journalctl", leak)]));
    assert_eq!(files["journal.txt"], b"before\n[a private key was here, and was left out]\nafter\n");
}

#[test]
fn shellcheck_finds_nothing() {
    let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tiers| tiers.split(',').any(|tier| tier == "shellcheck"));
    if crate::exec::find("shellcheck").is_none() {
        assert!(!required, "shellcheck is not installed (apt-get install shellcheck)");
        eprintln!("shellcheck is not installed; the script is not checked");
        return;
    }
    let check = |script: String| {
        Tool::new("shellcheck", Duration::from_secs(60))
            .arguments(["--shell=sh", "-"])
            .stdin(script)
            .run()
            .map(drop)
    };
    check(script(&"br0".parse().unwrap())).unwrap();
    // The test of the test.
    check("echo $unset $(ls *)\n".to_owned()).unwrap_err();
}
