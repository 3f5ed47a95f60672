//! What a failure leaves behind, of real hosts.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use meshimg::lab::bundle::{Bundle, FILES, Recording};
use meshimg::lab::session::Session;
use meshimg::machine::report::{Report, Scenario};

use super::{containers_reach_each_other, long, run, three};

pub fn tests() -> Vec<Trial> {
    vec![long(three("a_failure_leaves_a_whole_bundle_without_secrets", whole_bundle))]
}

/// Docker of host2 is stopped, which is a failure that the states must show.
fn whole_bundle(session: &mut Session<'static>) -> Result<(), Failed> {
    let recording = Recording::start(&session.lab, session.plan);
    run(session, "host2", "systemctl stop docker.socket docker.service")?;
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("bundle");
    let left = leave(session, &place, recording);
    run(session, "host2", "systemctl start docker.socket docker.service")?;
    left?;
    let looked = look(session, &place);
    containers_reach_each_other(session)?;
    looked
}

fn leave(session: &Session<'_>, place: &Path, recording: Recording) -> Result<(), Failed> {
    let scenario = Scenario {
        error: Some("made on purpose".to_owned()),
        ..Scenario::new("docker-stopped")
    };
    if scenario.red_count() == 0 {
        return Err("a scenario with an error is not red".into());
    }
    let mut bundle = Bundle::new(Some(place), session.plan.cluster.as_str())?;
    bundle.moment(&scenario.label(), session, Some(recording));
    let hosts = session.plan.hosts.iter().map(|host| host.name.clone());
    let mut report = Report::new(session.plan.cluster.clone(), "QEMU", hosts);
    report.scenarios.push(scenario);
    report.bundle = bundle.path().map(PathBuf::from);
    bundle.finish(session.plan, &report, session.ui);
    Ok(())
}

fn look(session: &Session<'_>, place: &Path) -> Result<(), Failed> {
    let missing = std::fs::read_to_string(place.join("missing.txt")).unwrap_or_default();
    let mut wrong: Vec<String> = missing.lines().map(|line| format!("missing: {line}")).collect();
    let mut has = |path: String, text: &str| {
        let found = std::fs::read(place.join(&path)).unwrap_or_default();
        if !String::from_utf8_lossy(&found).contains(text) || found.is_empty() {
            wrong.push(format!("{path} ({} bytes) does not have {text:?}", found.len()));
        }
    };
    for name in ["README.txt", "plan.json", "lab/supervisor.log"] {
        // The supervisor has had nothing to say, but its log is there.
        if !place.join(name).is_file() {
            return Err(format!("there is no {name}").into());
        }
    }
    has("report.json".to_owned(), "made on purpose");
    has("report.txt".to_owned(), &place.display().to_string());
    has("1-docker-stopped/lab-status.json".to_owned(), "\"frames\"");
    for link in &session.plan.links {
        let [a, b] = &link.hosts;
        has(format!("1-docker-stopped/pcap/{}.pcapng", link.name), &format!("{a} to {b}"));
    }
    for host in &session.plan.hosts {
        has(format!("lab/{}.serial.log", host.name), "Linux version");
        let mut has = |name: &str, text: &str| has(format!("1-docker-stopped/{}/{name}", host.name), text);
        for (name, _) in FILES {
            has(name, "");
        }
        has("ovs-show.txt", "Bridge br0");
        has("ovs-bfd.txt", "Remote Session State: up");
        has("ovs-tree.txt", "Root ID");
        has("ovs-fdb.txt", "MAC");
        has("journal.txt", "meshimg-mesh.service");
        has("cloud-init.log", "util.py");
        has("cloud-init-status.txt", "done");
        has("network.txt", "docker0");
        if host.name.as_str() == "host2" {
            has("docker-info.txt", "docker.service is inactive");
        } else {
            has("docker-info.txt", "Server Version");
            has("docker-networks.txt", &host.container_bridge.slice.to_string());
            has("docker-ps.txt", "CONTAINER ID");
        }
    }
    wrong.extend(secrets(session, place)?);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Files in which a private key is: the marks of any, and the secret part of the lab's own.
fn secrets(session: &Session<'_>, place: &Path) -> Result<Vec<String>, Failed> {
    let mut marks = vec![b"PRIVATE KEY-----".to_vec()];
    let names = session.plan.hosts.iter().map(|host| format!("{}.host_key", host.name));
    for name in names.chain(["id_ed25519".to_owned()]) {
        let key = std::fs::read_to_string(session.lab.folder().join(&name))?;
        // The last line but one holds the end of the secret.
        let line = key.lines().rev().nth(1).ok_or("a key of several lines")?;
        marks.push(line.as_bytes().to_vec());
    }
    let mut found = Vec::new();
    let mut folders = vec![place.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path)?;
            if marks.iter().any(|mark| bytes.windows(mark.len()).any(|window| window == mark)) {
                found.push(format!("{} holds a private key", path.display()));
            }
        }
    }
    Ok(found)
}
