//! meshimg nixos.

use super::{Place, assert_session};

/// Written, unchanged, compared, edited, put right.
#[test]
fn write_then_compare() {
    let place = Place::new();
    let mut text = place.session(&["nixos", "cluster.yaml"]);
    text += &format!("\n{}", place.session(&["nixos", "cluster.yaml"]));
    text += &format!("\n{}", place.session(&["nixos", "cluster.yaml", "--check"]));
    let written = place.read("nixos-out/hosts/host1.nix");
    place.write("nixos-out/hosts/host1.nix", &written.replace("priority = 4096", "priority = 0"));
    std::fs::remove_file(place.path("nixos-out/meshimg/mesh")).expect("it was there");
    text += &format!("\n{}", place.session(&["nixos", "cluster.yaml", "--check"]));
    text += &format!("\n{}", place.session(&["nixos", "cluster.yaml"]));
    assert_session("nixos", text);
    assert_eq!(place.read("nixos-out/hosts/host1.nix"), written);
}

/// What a user adds beside it stays.
#[test]
fn other_files_are_left_alone() {
    let place = Place::new();
    std::fs::create_dir(place.path("out")).expect("a folder");
    place.write("out/local.nix", "{ }\n");
    assert_eq!(place.output(&["-q", "nixos", "cluster.yaml", "-o", "out"]).status.code(), Some(0));
    assert_eq!(
        place.output(&["-q", "nixos", "cluster.yaml", "-o", "out", "--check"]).status.code(),
        Some(0)
    );
    assert_eq!(place.read("out/local.nix"), "{ }\n");
}

#[test]
fn bad_input_is_refused_as_elsewhere() {
    let place = Place::new();
    place.write("bad.yaml", "version: 1\n");
    assert_eq!(place.output(&["nixos", "bad.yaml"]).status.code(), Some(3));
    assert_eq!(place.output(&["nixos", "missing.yaml"]).status.code(), Some(3));
    assert!(!place.path("nixos-out").exists());
}
