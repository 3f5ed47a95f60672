//! Whole folders, of hosts that answer from memory.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::machine::probe::{Probe, Subject, Verdict};
use crate::machine::sample::{self, Scripted};

/// Of a cluster that no lab of this machine is of.
fn plan() -> Plan {
    let mut plan = sample::plan();
    plan.cluster = "bundle-of-no-lab".parse().unwrap();
    plan
}

fn answer() -> String {
    let section = |(name, _): &(&str, &str)| format!("\n[{name} 0]\n of {name}\n\n");
    FILES.iter().map(section).collect()
}

fn report(plan: &Plan) -> Report {
    let mut report = Report::new(plan.cluster.clone(), "QEMU", plan.hosts.iter().map(|host| host.name.clone()));
    report.verdicts = vec![Verdict::red(Probe::LoopFree, Subject::Cluster, "a loop", "look")];
    report
}

/// Paths of all files below `folder`, sorted.
fn tree(folder: &Path) -> Vec<String> {
    // Nobody else gets into the folder, so what is below needs no mode of its own.
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_failure_leaves_all_there_is_and_a_note_of_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("bundle");
    let plan = plan();
    let one = Scripted::new("host1", |_| Ok(answer()));
    let two = Scripted::new("host2", |_| Err("Connection timed out".into()));
    let mut bundle = Bundle::new(Some(&place), plan.cluster.as_str()).unwrap();
    assert_eq!(bundle.path(), None);
    let ui = Ui::silent();
    assert!(bundle.begin(&plan, &ui));
    bundle.states("1-probes".to_owned(), hosts(&plan, &[&one, &two]), &ui);
    bundle.finish(&plan, &report(&plan), &ui);
    assert_eq!(bundle.path(), Some(place.as_path()));

    let mut wanted: Vec<String> = FILES.iter().map(|(name, _)| format!("1-probes/host1/{name}")).collect();
    wanted.extend(["README.txt", "missing.txt", "plan.json", "report.json", "report.txt"].map(str::to_owned));
    wanted.sort();
    assert_eq!(tree(&place), wanted);
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
    assert_eq!(read("1-probes/host1/journal.txt"), "of journal.txt\n");
    assert!(read("report.txt").ends_with("1 red\n"));
    let plan_json: serde_json::Value = serde_json::from_str(&read("plan.json")).unwrap();
    assert_eq!(plan_json["cluster"], "bundle-of-no-lab");
    let missing = read("missing.txt");
    let lines: Vec<&str> = missing.lines().take(2).collect();
    assert_eq!(
        lines,
        [
            "1-probes/host2: not reached: Connection timed out",
            "1-probes/host3: no such machine is running"
        ]
    );
    assert!(
        missing.contains("\nlab/supervisor.log: ") && missing.contains("\nlab/host1.serial.log: "),
        "{missing}"
    );
}

#[test]
fn nothing_is_made_where_nothing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("bundle");
    let plan = plan();
    let mut bundle = Bundle::new(Some(&place), plan.cluster.as_str()).unwrap();
    bundle.finish(&plan, &report(&plan), &Ui::silent());
    assert!(bundle.path().is_none() && !place.exists());
}

/// A full disk or a folder that is not ours must not hide the report.
#[test]
fn a_folder_that_cannot_be_made_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("bundle");
    let plan = plan();
    let mut bundle = Bundle::new(Some(&place), plan.cluster.as_str()).unwrap();
    std::fs::write(&place, "a file").unwrap();
    bundle.without_hosts(&plan, &Ui::silent());
    bundle.finish(&plan, &report(&plan), &Ui::silent());
    assert_eq!(bundle.path(), None);
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "a file");
}

#[test]
fn the_readme_says_what_every_file_is() {
    let moments = ["1-lab-up", "2-probes", "3-host-down-2"].map(str::to_owned);
    insta::assert_snapshot!(readme::readme(&moments));
    assert!(readme::readme(&[]).ends_with("\nNo host could be asked for its state.\n"));
}
