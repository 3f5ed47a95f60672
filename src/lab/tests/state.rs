use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use crate::lab::control::{ControlError, Request, ask};
use crate::lab::pairs::Pairs;
use crate::lab::state::{LabFolder, StateError, make_private};

#[test]
fn the_second_to_lock_is_told_who_was_first() {
    let state = tempfile::tempdir().unwrap();
    let folder = LabFolder::new(state.path(), "demo");
    let lock = folder.lock().unwrap();
    let error = folder.lock().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the lab 'demo' is up already (process {}); `meshimg lab down` ends it",
            std::process::id()
        )
    );
    // Another cluster is another lab.
    LabFolder::new(state.path(), "demo2").lock().unwrap();
    // A copy that a child inherits keeps the lock when we let go of ours.
    let copy = lock.try_clone().unwrap();
    drop(lock);
    assert!(matches!(folder.lock(), Err(StateError::Busy { .. })));
    drop(copy);
    folder.lock().unwrap();
}

#[test]
fn folders_are_for_their_owner_only() {
    let state = tempfile::tempdir().unwrap();
    let folder = LabFolder::new(state.path(), "demo");
    make_private(folder.path()).unwrap();
    for path in [folder.path(), folder.path().parent().unwrap()] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    std::fs::write(folder.file("x"), "x").unwrap();
    folder.remove().unwrap();
    assert!(!folder.path().exists());
    folder.remove().unwrap();
}

#[test]
fn sockets_are_reached_however_long_the_folder_s_path_is() {
    let state = tempfile::tempdir().unwrap();
    let folder = LabFolder::new(&state.path().join("a-long-name".repeat(15)), "demo");
    make_private(folder.path()).unwrap();
    let short = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(short.path().join("s")).unwrap();
    std::fs::rename(short.path().join("s"), folder.file("control.sock")).unwrap();
    let mut stream = folder.connect("control.sock").unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    stream.write_all(b"x").unwrap();
    let mut byte = [0];
    accepted.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn a_lab_that_is_not_there_is_not_up() {
    let state = tempfile::tempdir().unwrap();
    let folder = LabFolder::new(state.path(), "demo");
    let error = ask(&folder, &Request::Status).unwrap_err();
    assert_eq!(error.to_string(), "the lab 'demo' is not up");
    make_private(folder.path()).unwrap();
    // What a supervisor leaves that was killed.
    drop(UnixListener::bind(folder.file("control.sock")).unwrap());
    assert!(matches!(ask(&folder, &Request::Status), Err(ControlError::NotUp { .. })));
    assert!(folder.processes().is_empty());
}

#[test]
fn requests_are_one_line_of_json_with_a_verb() {
    let text = serde_json::to_string(&Request::Cut {
        pairs: Pairs::one_way("host1", "host2"),
    });
    assert_eq!(
        text.unwrap(),
        r#"{"verb":"cut","pairs":{"kind":"one-way","from":"host1","to":"host2"}}"#
    );
    assert_eq!(serde_json::from_str::<Request>(r#"{"verb":"stop"}"#).unwrap(), Request::Stop);
}
