use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use crate::lab::qmp::{Monitor, QmpError};

/// A QEMU that says `lines` one after another: the greeting first, then one for each command; and what it was told.
fn qemu(lines: &'static [&'static str]) -> (UnixStream, std::thread::JoinHandle<Vec<String>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || {
        let mut stream = BufReader::new(theirs);
        let mut told = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                let mut command = String::new();
                stream.read_line(&mut command).unwrap();
                told.push(command.trim().to_owned());
            }
            stream.get_mut().write_all(line.as_bytes()).unwrap();
        }
        told
    });
    (ours, thread)
}

const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

#[test]
fn events_between_command_and_answer_are_passed_over() {
    let (stream, thread) = qemu(&[
        GREETING,
        "{\"return\": {}}\r\n",
        "{\"event\": \"RESUME\", \"timestamp\": {}}\r\n{\"return\": {\"status\": \"running\", \"running\": true}}\r\n",
        "{\"return\": {}}\r\n{\"event\": \"RESET\"}\r\n",
        "{\"event\": \"STOP\"}\r\n{\"return\": {}}\r\n",
        "{\"return\": {}}\r\n",
    ]);
    let mut monitor = Monitor::new(stream).unwrap();
    assert_eq!(monitor.status().unwrap(), "running");
    monitor.reset().unwrap();
    monitor.pause().unwrap();
    monitor.resume().unwrap();
    let told = thread.join().unwrap();
    assert_eq!(
        told,
        ["qmp_capabilities", "query-status", "system_reset", "stop", "cont"].map(|word| format!("{{\"execute\":\"{word}\"}}"))
    );
}

#[test]
fn a_refusal_an_end_and_nonsense_are_errors() {
    let (stream, thread) = qemu(&[
        GREETING,
        "{\"return\": {}}\n",
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not now\"}}\n",
    ]);
    let error = Monitor::new(stream).unwrap().power_down().unwrap_err();
    assert_eq!(error.to_string(), "QEMU refused system_powerdown: not now");
    thread.join().unwrap();

    let (stream, thread) = qemu(&[GREETING, "{\"return\": {}}\n"]);
    let mut monitor = Monitor::new(stream).unwrap();
    thread.join().unwrap();
    assert!(matches!(monitor.quit(), Err(QmpError::Io(_))));

    let (stream, _thread) = qemu(&["hello\n"]);
    assert!(matches!(Monitor::new(stream), Err(QmpError::Json(_))));
}
