//! What `meshimg nixos` writes, the modules, and the project's own Nix files.
//!
//! All but the last need no nixpkgs. With `MESHIMG_NIXPKGS`, a folder or a flake reference of a nixpkgs, and Nix 2.18 or newer, that evaluates
//! hosts, VM tests and flakes; without it is skipped.

#[path = "nix/data.rs"]
mod data;
#[path = "nix/evaluated.rs"]
mod evaluated;
#[path = "nix/files.rs"]
mod files;
#[path = "nix/nixpkgs.rs"]
mod nixpkgs;
#[path = "nix/options.rs"]
mod options;
#[path = "nix/read.rs"]
mod read;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use meshimg::plan::{Plan, plan};
use meshimg::render::nixos;

/// A file of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn examples() -> Vec<String> {
    let entries = std::fs::read_dir(project("examples")).expect("examples/ is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        // Its hosts have no addresses before they are made.
        .filter(|name| name != "digital-ocean")
        .collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    names
}

fn example(name: &str) -> Plan {
    let bytes = std::fs::read(project("examples").join(name).join("cluster.yaml")).expect("the example can be read");
    let (spec, _) = meshimg::spec::load(&bytes).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
    plan(&spec).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Name and text of each file that `meshimg nixos` writes.
fn written(plan: &Plan) -> BTreeMap<String, String> {
    let artifacts = nixos(plan).expect("a flake");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    artifacts
        .0
        .into_iter()
        .map(|(name, artifact)| (name, text(artifact.bytes)))
        .collect()
}
