//! A capture of the underlay's switch, opened by the program that people open it with.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshimg::lab::switch::Switch;

/// From `from` to `to`, `length` bytes in all, of the EtherType for experiments (IEEE 802).
fn frame(from: u8, to: u8, length: usize) -> Vec<u8> {
    let mut frame = [[2, 0, 0, 0, 0, to], [2, 0, 0, 0, 0, from]].concat();
    frame.extend([0x88, 0xb5]);
    frame.resize(length, b'.');
    frame
}

fn send(stream: &mut UnixStream, frame: &[u8]) {
    stream.write_all(&(frame.len() as u32).to_be_bytes()).unwrap();
    stream.write_all(frame).unwrap();
}

fn hear(stream: &mut UnixStream) {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize]).unwrap();
}

fn tshark(file: &Path) -> Option<std::process::Output> {
    let fields = ["frame.interface_name", "eth.src", "eth.dst", "frame.len", "frame.time_epoch"];
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(["-T", "fields"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) => {
            let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tiers| tiers.split(',').any(|tier| tier == "tshark"));
            assert!(!required, "MESHIMG_REQUIRE wants tshark ({error}): apt-get install tshark");
            eprintln!("skipped: tshark is not installed");
            None
        }
    }
}

fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn tshark_opens_a_capture() {
    let switch = Switch::new(2);
    let [mut a, mut b] = [0, 1].map(|port| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        switch.plug(port, theirs).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        ours
    });
    let before = seconds_now();
    let capture = switch.capture(0, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link.pcap");
    let mut file = std::fs::File::create(&path).unwrap();
    let writer = std::thread::spawn({
        let capture = capture.clone();
        move || capture.write(&mut file, &["host1 to host2".to_owned(), "host2 to host1".to_owned()])
    });
    for length in [60, 61, 1514] {
        send(&mut a, &frame(1, 2, length));
        hear(&mut b);
        send(&mut b, &frame(2, 1, length));
        hear(&mut a);
    }
    switch.end_capture(&capture);
    writer.join().unwrap().unwrap();

    let Some(output) = tshark(&path) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let (there, back) = ("02:00:00:00:00:01", "02:00:00:00:00:02");
    let mut expected = Vec::new();
    for length in ["60", "61", "1514"] {
        expected.push(["host1 to host2", there, back, length]);
        expected.push(["host2 to host1", back, there, length]);
    }
    let seen: Vec<&[&str]> = lines.iter().map(|line| &line[..4]).collect();
    assert_eq!(seen, expected);
    for line in &lines {
        let at: f64 = line[4].parse().unwrap();
        // The field has fewer digits than the file.
        assert!((before - 0.001..=seconds_now() + 0.001).contains(&at), "{line:?}");
    }
    // That tshark takes anything would prove nothing.
    let mut broken = std::fs::read(&path).unwrap();
    broken[0] = 0;
    std::fs::write(&path, broken).unwrap();
    assert!(tshark(&path).is_some_and(|output| !output.status.success()));
}
