//! Snapshots of plans and artifacts: tests/snapshots/golden/<example>/.

use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use meshimg::render::nixos;

use super::{artifacts_of, example, example_file, examples, project};

const FOLDER: &str = "tests/snapshots/golden";

/// Each snapshot of an example by its file name without `.snap`.
fn snapshots_of(name: &str) -> Vec<(String, String)> {
    let plan = example(name);
    let text = assert_cmd::Command::new(env!("CARGO_BIN_EXE_meshimg"))
        .args(["--quiet", "plan"])
        .arg(example_file(name))
        .output()
        .expect("meshimg starts");
    assert!(text.status.success(), "{name}: {text:?}");
    let mut snapshots = vec![
        ("plan.json".to_owned(), serde_json::to_string_pretty(&plan).expect("a plan is JSON")),
        ("plan.txt".to_owned(), String::from_utf8(text.stdout).expect("tables are UTF-8")),
    ];
    // The modules are static.
    let flake = nixos(&plan).expect("a flake").0.into_iter();
    let flake = flake.filter(|(path, _)| !path.starts_with("meshimg/"));
    for (path, artifact) in artifacts_of(&plan).0.into_iter().chain(flake) {
        let text = match path.ends_with("/seed.img") {
            true => {
                let digest = Sha256::digest(&artifact.bytes);
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{} bytes, SHA-256 {hex}", artifact.bytes.len())
            }
            false => String::from_utf8(artifact.bytes).expect("text is UTF-8"),
        };
        snapshots.push((path.replace('/', "."), text));
    }
    snapshots
}

#[test]
fn every_example_gives_its_snapshots() {
    for name in examples() {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path(project(FOLDER).join(&name));
        let _guard = settings.bind_to_scope();
        for (snapshot, text) in snapshots_of(&name) {
            insta::assert_snapshot!(snapshot, text);
        }
    }
}

fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for example in std::fs::read_dir(folder).expect("the snapshots are there") {
        let example = example.expect("an entry").path();
        for file in std::fs::read_dir(&example).expect("a folder for each example") {
            let path = file.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below it").display().to_string();
            // What insta leaves beside a snapshot that differs.
            if !name.ends_with(".snap.new") {
                files.insert(name);
            }
        }
    }
    files
}

/// No example without its snapshots, and no snapshot that nothing gives any more.
#[test]
fn snapshots_and_examples_belong_together() {
    let wanted: BTreeSet<String> = examples()
        .iter()
        .flat_map(|name| {
            let snapshots = snapshots_of(name);
            snapshots.into_iter().map(move |(snapshot, _)| format!("{name}/{snapshot}.snap"))
        })
        .collect();
    let found = files_below(&project(FOLDER));
    let missing: Vec<_> = wanted.difference(&found).collect();
    let strangers: Vec<_> = found.difference(&wanted).collect();
    assert!(
        missing.is_empty() && strangers.is_empty(),
        "missing: {missing:?}, of no example: {strangers:?}"
    );
}
