//! Tests of [`super`].

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::machine::sample::Scripted;

const SHORT: Limits = Limits {
    ssh: Duration::from_millis(60),
    cloud_init: Duration::from_millis(60),
    interval: Duration::from_millis(1),
};

const PATIENT: Limits = Limits {
    ssh: Duration::from_secs(30),
    cloud_init: Duration::from_secs(30),
    interval: Duration::from_millis(1),
};

/// What was said, and what came of it.
fn arrive(machine: &Scripted, limits: &Limits, was_there: bool) -> (Vec<String>, Result<(), ArrivalError>) {
    let said = Mutex::new(Vec::new());
    let say = |_: &HostName, words: &str| said.lock().unwrap().push(words.to_owned());
    let plan = crate::machine::sample::plan();
    let arrivals = Arrivals {
        plan: &plan,
        known_hosts: Path::new("cluster.known_hosts"),
        ssh_config: None,
        limits: *limits,
        say: &say,
    };
    let answered = answers(machine, limits, &say, || ()).map_err(|error| arrivals.named(error, plan.hosts[0].address));
    let end = answered.and_then(|()| cloud_init_done(machine, limits, was_there, &say));
    (said.into_inner().unwrap(), end)
}

#[test]
fn a_host_is_waited_for_until_cloud_init_is_done() {
    let looks = AtomicUsize::new(0);
    let machine = Scripted::new("host1", move |_| match looks.fetch_add(1, Ordering::SeqCst) {
        0 => Err("Connection refused".into()),
        1 => Ok(String::new()),
        2 => Ok("running \n".into()),
        3 | 4 => Ok("running modules-final\n".into()),
        // The connection is lost for a moment.
        5 => Err("Connection reset".into()),
        _ => Ok("done\n{\"v1\": {\"datasource\": \"DataSourceConfigDrive\", \"errors\": []}}\n".into()),
    });
    let (said, end) = arrive(&machine, &PATIENT, false);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(
        said,
        ["waiting for ssh", "waiting for cloud-init", "cloud-init is at modules-final"]
    );
}

#[test]
fn one_that_never_answers_is_told_with_what_ssh_said() {
    let machine = Scripted::new("host1", |_| Err("Connection timed out".into()));
    let error = arrive(&machine, &SHORT, false).1.unwrap_err().to_string();
    assert_eq!(error, "ssh to host1: not within 0 s; last seen: Connection timed out");
}

#[test]
fn another_key_is_the_end_at_once() {
    let machine = Scripted::new("host1", |_| Err("Host key verification failed.".into()));
    let error = arrive(&machine, &PATIENT, false).1.unwrap_err();
    assert_eq!(
        error.to_string(),
        "its host key is another one than at the first connection: Host key verification failed.\n  if it was made anew on purpose, remove the line \
         of 192.0.2.1 from cluster.known_hosts"
    );
    assert_eq!(machine.calls(), 1);
}

#[test]
fn a_password_that_has_to_be_changed_is_the_end_too() {
    let machine = Scripted::new("host1", |_| {
        Err("WARNING: Your password has expired.\nPassword change required but no TTY available.".into())
    });
    let error = arrive(&machine, &PATIENT, false).1.unwrap_err().to_string();
    assert!(error.contains("name a key there") && machine.calls() == 1, "{error}");
}

const FAILED: &str = "{\"v1\": {\"errors\": [\"('package_update_upgrade_install', ProcessExecutionError())\"]}}";

#[test]
fn a_cloud_init_that_failed_says_what_and_shows_its_log() {
    let machine = Scripted::new("host1", |script| match script {
        "true" => Ok(String::new()),
        LOG => Ok("E: Unable to locate package docker.io\n".into()),
        _ => Ok(format!("done\n{FAILED}\n")),
    });
    let error = arrive(&machine, &PATIENT, true).1.unwrap_err().to_string();
    assert_eq!(
        error,
        "cloud-init has failed there: ('package_update_upgrade_install', ProcessExecutionError()); the end of its output:\n    \
         E: Unable to locate package docker.io\n  mend it there and reboot it, or destroy this droplet"
    );
}

/// A host that has its mesh since an earlier run: `verify` says whether it is well.
#[test]
fn of_hosts_that_have_their_mesh_a_later_boot_is_no_matter() {
    let machine = || {
        Scripted::new("host1", |script| match script {
            READY => Ok(format!("past\n{FAILED}\n")),
            _ => Ok(String::new()),
        })
    };
    assert!(arrive(&machine(), &PATIENT, true).1.is_ok());
    // With complete user-data the first boot is it that makes the mesh.
    assert!(arrive(&machine(), &PATIENT, false).1.is_err());
}

#[test]
fn a_cloud_init_that_does_not_end_is_told_with_its_stage() {
    let machine = Scripted::new("host1", |_| Ok("running init-local\n".into()));
    let error = arrive(&machine, &SHORT, false).1.unwrap_err().to_string();
    assert_eq!(
        error,
        "the end of cloud-init on host1: not within 0 s; last seen: cloud-init is at init-local"
    );
    let machine = Scripted::new("host1", |_| Ok("none\n".into()));
    assert!(arrive(&machine, &PATIENT, false).1.is_ok(), "no cloud-init, or it is switched off");
    assert_eq!(
        State::parse("sh: nonsense\n").unwrap_err(),
        "it says of cloud-init: \"sh: nonsense\""
    );
    assert!(State::parse("done\n{").is_err());
}

/// The script, in a shell: what it prints is what is read.
#[test]
fn the_question_is_a_script() {
    let shell = crate::exec::Tool::new("sh", Duration::from_secs(10))
        .arguments(["-eu", "-c", READY])
        .run();
    let output = shell.unwrap().stdout_text();
    assert!(State::parse(&output).is_ok(), "{output}");
}
