use std::time::{Duration, Instant};

use super::*;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn output_and_input_pass_through() {
    let finished = Tool::new("cat", SOON).stdin("hello").run().unwrap();
    assert_eq!(finished.stdout_text(), "hello");
}

#[test]
fn a_missing_program_names_its_package() {
    let error = Tool::new("qemu-img-that-is-not-there", SOON).run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "qemu-img-that-is-not-there not found; install qemu-img-that-is-not-there (apt-get install qemu-img-that-is-not-there)"
    );
    assert_eq!(package_of("qemu-img"), "qemu-utils");
    assert_eq!(package_of("/usr/share/OVMF/OVMF_CODE_4M.fd"), "ovmf");
}

#[test]
fn a_failure_shows_command_status_and_the_end_of_stderr() {
    let error = Tool::new("sh", SOON)
        .arguments(["-c", "echo first >&2; echo 'no such thing' >&2; exit 3"])
        .run()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sh -c 'echo first >&2; echo '\\''no such thing'\\'' >&2; exit 3'` failed (exit status: 3):\nfirst\nno such thing"
    );
}

#[test]
fn secrets_are_hidden_in_errors() {
    let error = Tool::new("sh", SOON)
        .arguments(["-c", "echo hunter2 >&2; exit 1"])
        .secret("hunter2")
        .run()
        .unwrap_err();
    assert_eq!(error.to_string(), "`sh -c 'echo *** >&2; exit 1'` failed (exit status: 1):\n***");
}

#[test]
fn a_deadline_ends_the_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let error = Tool::new("sh", Duration::from_millis(300))
        .arguments(["-c", "sleep 60 & echo $! > child; wait"])
        .folder(folder.path())
        .run()
        .unwrap_err();
    assert!(matches!(error, ExecError::Deadline { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
    let gone = crate::wait::until("the grandchild's end", SOON, Duration::from_millis(20), || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        if state.is_empty() || state.contains(") Z") {
            crate::wait::Look::Ready(())
        } else {
            crate::wait::Look::Pending(state)
        }
    });
    gone.unwrap();
}

#[test]
fn a_grandchild_that_keeps_the_streams_open_does_not_hold_us_up() {
    let started = Instant::now();
    let finished = Tool::new("sh", SOON).arguments(["-c", "setsid sleep 8 & echo said"]).run().unwrap();
    assert_eq!(finished.stdout_text(), "said\n");
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[test]
fn dropping_a_running_process_ends_it() {
    let running = Tool::new("sleep", SOON).argument("60").spawn().unwrap();
    let path = format!("/proc/{}", running.id());
    drop(running);
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn the_log_gets_both_streams() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    Tool::new("sh", SOON)
        .arguments(["-c", "echo out; echo err >&2"])
        .log(&log)
        .run()
        .unwrap();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("out\n") && text.contains("err\n"), "{text}");
}

#[test]
fn a_held_process_sees_the_end_of_its_pipe_and_keeps_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = std::fs::File::create(&path).unwrap();
    lock.lock().unwrap();
    let (mut running, pipe) = Tool::new("sh", SOON).arguments(["-c", "cat; exit 7"]).spawn_held(lock).unwrap();
    let other = std::fs::File::open(&path).unwrap();
    assert!(matches!(other.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    assert_eq!(running.ended(), None);
    drop(pipe);
    assert_eq!(running.wait(SOON).unwrap().code(), Some(7));
    other.try_lock().unwrap();
}

#[test]
fn a_released_process_goes_on() {
    let running = Tool::new("sleep", SOON).argument("60").spawn().unwrap();
    let id = rustix::process::Pid::from_raw(running.id() as i32).unwrap();
    running.release();
    assert!(rustix::process::test_kill_process(id).is_ok());
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_signal_reaches_a_process_without_a_group_of_its_own() {
    let lock = tempfile::tempfile().unwrap();
    let (mut running, _pipe) = Tool::new("sleep", SOON).argument("60").spawn_held(lock).unwrap();
    let started = Instant::now();
    running.stop();
    assert!(started.elapsed() < Duration::from_secs(4) && running.ended().is_some());
}
