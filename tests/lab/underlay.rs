//! The verbs that break the underlay, as a user types them. Stations of ours sit on the ports of the guests, which say nothing anyway.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use meshimg::lab::Lab;
use meshimg::lab::switch::pcapng::{Limits, Summary, copy_block};
use meshimg::ui::Ui;
use meshimg::wait::{Look, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{OFTEN, SOON, folder, idle_kernel, request};

const CLUSTER: &str = "underlay";

const FILE: &str = "\
version: 1
name: underlay
hosts:
  - {name: host1, address: 192.0.2.1}
  - {name: host2, address: 192.0.2.2}
";

/// A frame of 20 bytes with its length before it: from the station `from` to all.
fn frame(from: u8) -> Vec<u8> {
    [&[0, 0, 0, 20][..], &[0xff; 6], &[2, 0, 0, 0, 0, from], &[0x88, 0xb5], b"frame."].concat()
}

/// The end of a host's port, in place of its QEMU.
struct Station(UnixStream);

impl Station {
    fn plug(port: usize) -> Self {
        let path = folder(CLUSTER).join(format!("switch-{port}.sock"));
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self(stream)
    }

    fn send(&mut self, from: u8) {
        self.0.write_all(&frame(from)).unwrap();
    }

    fn hears(&mut self) -> bool {
        let mut wire = [0; 24];
        self.0.read_exact(&mut wire).is_ok()
    }
}

/// meshimg in `place`, where cluster.yaml is.
fn meshimg(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshimg"));
    command
        .current_dir(place)
        .arg("lab")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What it says: status, stdout, stderr.
fn says(place: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = meshimg(place, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What it says to stderr, when all goes well.
fn tells(place: &Path, arguments: &[&str]) -> String {
    let (status, _, stderr) = says(place, arguments);
    assert_eq!(status, Some(0), "{stderr}");
    stderr
}

/// The traffic from `from` to `to`, as JSON.
fn traffic(place: &Path, from: &str, to: &str) -> Value {
    let (_, stdout, _) = says(place, &["status", "cluster.yaml", "--format", "json"]);
    let status: Value = serde_json::from_str(&stdout).unwrap();
    let pairs = status["traffic"].as_array().unwrap();
    pairs.iter().find(|pair| pair["from"] == from && pair["to"] == to).unwrap().clone()
}

/// Waits until the counter `name` from host1 to host2 is `count`.
fn wait_for_count(place: &Path, name: &str, count: u64) {
    until(name, SOON, OFTEN, || match traffic(place, "host1", "host2")[name].as_u64() {
        Some(seen) if seen == count => Look::Ready(()),
        seen => Look::Pending(format!("{seen:?}")),
    })
    .unwrap();
}

pub fn verbs() {
    let (request, _images) = request(CLUSTER, &idle_kernel());
    let lab = Lab::up(&request, &Ui::silent()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    std::fs::write(place.join("cluster.yaml"), FILE).unwrap();
    let [mut a, mut b] = [0, 1].map(Station::plug);
    // From when both have taken the guests' places.
    until("the stations", SOON, OFTEN, || {
        a.send(1);
        b.send(2);
        if a.hears() && b.hears() {
            Look::Ready(())
        } else {
            Look::Pending("silence".to_owned())
        }
    })
    .unwrap();
    while a.hears() || b.hears() {}

    cut_and_heal(place, &mut a, &mut b);
    impair(place, &mut a, &mut b);
    capture(place, &mut a, &mut b, &lab);

    let child = start_capture(place, "until-the-end.pcap");
    lab.destroy().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.ends_with("0 frames captured; the lab ended\n"), "{stderr}");
}

fn cut_and_heal(place: &Path, a: &mut Station, b: &mut Station) {
    assert_eq!(
        tells(place, &["cut", "cluster.yaml", "host1", "host2", "--one-way"]),
        "nothing goes from host1 to host2 any more; to undo it: meshimg lab heal cluster.yaml host1 host2 --one-way\n"
    );
    a.send(1);
    wait_for_count(place, "dropped-by-cut", 1);
    b.send(2);
    assert!(a.hears() && !b.hears());
    let (_, text, _) = says(place, &["status", "cluster.yaml"]);
    let mut words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = words.find(|words| words.starts_with(&["host1", "host2"])).unwrap();
    assert_eq!(line[4..], ["1", "cut", "cut"], "{text}");

    assert_eq!(
        tells(place, &["heal", "cluster.yaml", "host1", "host2"]),
        "nothing is cut between host1 and host2 any more\n"
    );
    a.send(1);
    assert!(b.hears());
    for (direction, there, back) in [("--in", false, true), ("--out", true, false)] {
        tells(place, &["cut", "cluster.yaml", "host1", direction]);
        let is_cut = |from: &str, to: &str| traffic(place, from, to)["cut"].as_bool().unwrap();
        assert_eq!((is_cut("host1", "host2"), is_cut("host2", "host1")), (there, back), "{direction}");
        assert_eq!(
            tells(place, &["heal", "cluster.yaml"]),
            "nothing is cut between all hosts any more\n"
        );
    }
    assert_eq!(
        says(place, &["cut", "cluster.yaml", "host1", "host1"]),
        (
            Some(2),
            String::new(),
            "error: 'host1' and 'host1' are one host; frames go between two\n".to_owned()
        )
    );
}

fn impair(place: &Path, a: &mut Station, b: &mut Station) {
    assert_eq!(
        tells(
            place,
            &[
                "impair",
                "cluster.yaml",
                "host1",
                "host2",
                "--one-way",
                "--loss",
                "100%",
                "--seed",
                "7"
            ]
        ),
        "from host1 to host2: loss 100%, seed 7; to undo it: meshimg lab impair cluster.yaml host1 host2 --one-way\n"
    );
    a.send(1);
    wait_for_count(place, "dropped-by-loss", 1);
    assert_eq!(traffic(place, "host1", "host2")["impairment"]["seed"], 7);
    assert_eq!(traffic(place, "host2", "host1")["impairment"], Value::Null);
    assert_eq!(
        tells(place, &["heal", "cluster.yaml"]),
        "nothing is cut between all hosts any more; what is impaired stays so, until: meshimg lab impair cluster.yaml\n"
    );
    tells(place, &["impair", "cluster.yaml", "host1", "host2", "--max-frame", "19"]);
    a.send(1);
    wait_for_count(place, "dropped-by-frame-limit", 1);
    tells(
        place,
        &["impair", "cluster.yaml", "--duplicate", "100%", "--delay", "1ms", "--jitter", "1ms"],
    );
    a.send(1);
    assert!(b.hears() && b.hears() && !b.hears());
    let (_, text, _) = says(place, &["status", "cluster.yaml"]);
    assert_eq!(text.matches("delay 1ms +-1ms, duplicate 100%, seed 1").count(), 2, "{text}");
    assert!(text.contains("1 cut, 1 loss, 1 too long"), "{text}");
    assert_eq!(
        tells(place, &["impair", "cluster.yaml"]),
        "nothing is impaired between all hosts any more\n"
    );
    assert!(says(place, &["status", "cluster.yaml"]).1.contains("open"));
}

/// A capture that runs: its file has the two interfaces.
fn start_capture(place: &Path, name: &str) -> Child {
    let child = meshimg(place, &["capture", "cluster.yaml", "host1", "host2", "-o", name])
        .spawn()
        .unwrap();
    until("the capture", SOON, OFTEN, || match std::fs::metadata(place.join(name)) {
        Ok(file) if file.len() >= 28 + 2 * 44 => Look::Ready(()),
        seen => Look::Pending(format!("{seen:?}")),
    })
    .unwrap();
    child
}

fn summary(path: &Path) -> Summary {
    let (mut file, mut summary) = (File::open(path).unwrap(), Summary::default());
    while copy_block(&mut file, &mut std::io::sink(), Limits::NONE, &mut summary).unwrap() {}
    summary
}

fn capture(place: &Path, a: &mut Station, b: &mut Station, lab: &Lab) {
    let child = start_capture(place, "link.pcap");
    a.send(1);
    b.send(2);
    assert!(a.hears() && b.hears());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), stderr.as_str()),
        (
            Some(0),
            "capturing between host1 and host2 to link.pcap; Ctrl-C ends it\n2 frames captured\n"
        )
    );
    let found = summary(&place.join("link.pcap"));
    assert_eq!((found.frames, found.dropped, found.complete), (2, 0, true));

    // To stdout, for as long as it was told.
    let output = meshimg(place, &["capture", "cluster.yaml", "host1", "host2", "-o", "-", "--for", "10ms"])
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (Some(0), "0 frames captured\n")
    );
    assert_eq!(output.stdout[..4], [0x0a, 0x0d, 0x0d, 0x0a]);

    // In the background of this process.
    let path = place.join("background.pcap");
    let file = lab.capture_to_file("host2", "host1", &path, Limits::NONE).unwrap();
    a.send(1);
    b.send(2);
    assert!(a.hears() && b.hears());
    let told = file.finish().unwrap();
    assert_eq!((told.frames, told.dropped, told.complete), (2, 0, true));
    assert_eq!(summary(&path), told);

    let (status, _, stderr) = says(
        place,
        &["capture", "cluster.yaml", "host1", "host2", "-o", "no/such/folder/link.pcap"],
    );
    assert_eq!(
        (status, stderr.as_str()),
        (
            Some(1),
            "error: capture to no/such/folder/link.pcap: No such file or directory (os error 2)\n"
        )
    );
    let error = lab.capture("host1", "host9").unwrap_err();
    assert_eq!(error.to_string(), "the lab has no host 'host9'");
}
