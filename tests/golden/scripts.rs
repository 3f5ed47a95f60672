//! The scripts that go on a host, judged by a shell and by shellcheck.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use meshimg::exec::find;
use meshimg::plan::{HostPlan, Plan};

use super::artifacts::{each_host, files};
use super::project;

/// Runs `program` with `text` as its standard input.
fn judge(program: &str, arguments: &[&str], text: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(text.as_bytes())
        .expect("it reads its input");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_shell_can_read_every_script() {
    let mut count = 0;
    each_host(|example, plan, host| {
        for (path, file) in files(plan, host) {
            if !file.content.starts_with("#!/bin/sh\n") && path != "/etc/meshimg/host.conf" {
                continue;
            }
            count += 1;
            let output = judge("sh", &["-n"], &file.content);
            assert!(output.status.success(), "{example}/{}: {path}: {output:?}", host.name);
        }
    });
    assert!(count > 20, "{count} scripts");
}

/// The script in bootcmd, which no file holds.
fn bootcmd(plan: &Plan, host: &HostPlan) -> String {
    let artifacts = super::artifacts_of(plan);
    let bytes = &artifacts.0[&format!("{}/user-data", host.name)].bytes;
    let user_data: serde_json::Value = serde_yaml::from_slice(bytes).expect("YAML");
    let command = &user_data["bootcmd"][0];
    assert_eq!((&command[0], &command[1]), (&"sh".into(), &"-c".into()));
    command[2].as_str().expect("text").to_owned()
}

#[test]
fn a_shell_can_read_bootcmd() {
    each_host(|example, plan, host| {
        let output = judge("sh", &["-n"], &bootcmd(plan, host));
        assert!(output.status.success(), "{example}/{}: {output:?}", host.name);
    });
}

/// The test of the test.
#[test]
fn a_shell_refuses_half_a_script() {
    assert!(!judge("sh", &["-n"], "if true; then\n").status.success());
}

#[test]
fn shellcheck_finds_nothing() {
    let Some(shellcheck) = find("shellcheck") else {
        let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tools| tools.split(',').any(|tool| tool == "shellcheck"));
        assert!(
            !required,
            "shellcheck is not installed, and MESHIMG_REQUIRE wants it: apt-get install shellcheck"
        );
        eprintln!("skipped: shellcheck is not installed");
        return;
    };
    let shellcheck = shellcheck.display().to_string();
    // Other scripts of the project too, where they are.
    let mut count = 0;
    for folder in ["cloud-init", "modules", "scripts", "src/image/scripts", "tests/containers/scripts"] {
        for entry in std::fs::read_dir(project(folder)).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if !text.starts_with("#!") {
                continue;
            }
            count += 1;
            // host.conf is not where the scripts will find it.
            let output = judge(&shellcheck, &["--exclude=SC1091", "-"], &text);
            assert!(
                output.status.success(),
                "{}\n{}",
                path.display(),
                String::from_utf8_lossy(&output.stdout)
            );
        }
    }
    assert!(count >= 4, "{count} scripts");
    // These are handed to sh, and name no shell.
    for (name, script) in meshimg::image::openvswitch::SCRIPTS {
        let output = judge(&shellcheck, &["--shell=sh", "-"], script);
        assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
    let mut scripts = BTreeSet::new();
    each_host(|_, plan, host| {
        scripts.insert(bootcmd(plan, host));
    });
    assert!(scripts.len() >= 4, "{} scripts of bootcmd", scripts.len());
    for script in scripts {
        let output = judge(&shellcheck, &["--shell=sh", "-"], &script);
        assert!(output.status.success(), "bootcmd:\n{}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(
        !judge(&shellcheck, &["-"], "#!/bin/sh\necho $1\n").status.success(),
        "shellcheck accepts anything"
    );
}
