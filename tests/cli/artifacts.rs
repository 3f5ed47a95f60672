//! meshimg cloud-init.

use super::{Place, assert_session, parts};

const FILES: [&str; 9] = [
    "host1/meta-data",
    "host1/seed.img",
    "host1/user-data",
    "host2/meta-data",
    "host2/seed.img",
    "host2/user-data",
    "host3/meta-data",
    "host3/seed.img",
    "host3/user-data",
];

fn files(place: &Place, folder: &str) -> Vec<String> {
    place.tree(folder).into_iter().filter(|name| !name.ends_with('/')).collect()
}

/// Name, content and time of each file.
fn state(place: &Place, folder: &str) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
    let of = |name: String| {
        let path = place.path(folder).join(&name);
        let time = path.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        let bytes = std::fs::read(path).expect("a file");
        (name, bytes, time)
    };
    files(place, folder).into_iter().map(of).collect()
}

#[test]
fn write_then_compare() {
    let place = Place::new();
    let mut text = place.session(&["cloud-init", "cluster.yaml"]);
    assert_eq!(files(&place, "cloud-init-out"), FILES);
    let written = state(&place, "cloud-init-out");
    // The second run touches nothing, and the comparison agrees.
    text += &format!("\n{}", place.session(&["cloud-init", "cluster.yaml"]));
    text += &format!("\n{}", place.session(&["cloud-init", "cluster.yaml", "--check"]));
    assert_eq!(state(&place, "cloud-init-out"), written);
    // Two edited files and a missing one: seen, and left alone.
    let edited = place.read("cloud-init-out/host1/meta-data").replace("three", "four");
    place.write("cloud-init-out/host1/meta-data", &edited);
    place.write("cloud-init-out/host3/seed.img", "short\0");
    std::fs::remove_file(place.path("cloud-init-out/host2/user-data")).expect("it was there");
    let edited = state(&place, "cloud-init-out");
    let check = place.session(&["cloud-init", "cluster.yaml", "--check"]);
    text += &format!("\n{}", without_seed_size(&check));
    assert_eq!(state(&place, "cloud-init-out"), edited);
    // One run more puts it right.
    text += &format!("\n{}", place.session(&["cloud-init", "cluster.yaml"]));
    assert_session("cloud-init", text);
    let bytes = |state: Vec<(String, Vec<u8>, std::time::SystemTime)>| state.into_iter().map(|(name, bytes, _)| (name, bytes));
    assert!(bytes(state(&place, "cloud-init-out")).eq(bytes(written)));
}

/// The size of a seed is the golden tests' matter.
fn without_seed_size(text: &str) -> String {
    let line = |line: &str| match line.split_once(" differ from the planned ") {
        Some((start, _)) => format!("{start} differ from the planned SIZE\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn one_host_alone() {
    let place = Place::new();
    assert_session(
        "cloud-init-host",
        [
            place.session(&["cloud-init", "cluster.yaml", "--host", "host2", "-o", "out/deep"]),
            place.session(&["cloud-init", "cluster.yaml", "--host", "host2", "-o", "out/deep", "--check"]),
            place.session(&["cloud-init", "cluster.yaml", "--host", "host4", "-o", "out/deep"]),
        ]
        .join("\n"),
    );
    assert_eq!(
        files(&place, "out"),
        ["deep/host2/meta-data", "deep/host2/seed.img", "deep/host2/user-data"]
    );
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let place = Place::new();
    for folder in ["one", "two"] {
        assert_eq!(place.output(&["cloud-init", "cluster.yaml", "-o", folder]).status.code(), Some(0));
    }
    for name in FILES {
        let read = |folder: &str| std::fs::read(place.path(folder).join(name)).expect("a file");
        assert!(read("one") == read("two"), "{name}");
    }
}

#[test]
fn folders_that_cannot_be_written() {
    let place = Place::new();
    place.write("file", "in the way");
    std::fs::create_dir_all(place.path("taken/host2/user-data")).expect("folders");
    std::fs::create_dir_all(place.path("elsewhere")).expect("a folder");
    std::fs::create_dir_all(place.path("linked")).expect("a folder");
    std::os::unix::fs::symlink("../elsewhere", place.path("linked/host2")).expect("a link");
    let sessions = [
        &["cloud-init", "cluster.yaml", "-o", "file"][..],
        &["cloud-init", "cluster.yaml", "-o", "file/below"],
        // Even root can make no folder there.
        &["cloud-init", "cluster.yaml", "-o", "/proc/meshimg"],
        &["cloud-init", "cluster.yaml", "-o", "taken"],
        &["cloud-init", "cluster.yaml", "-o", "linked"],
    ];
    assert_session("cloud-init-refused", sessions.map(|arguments| place.session(arguments)).join("\n"));
    // Nothing was begun anywhere.
    assert_eq!(place.read("file"), "in the way");
    assert_eq!(place.tree("taken"), ["host2/", "host2/user-data/"]);
    assert_eq!(place.tree("linked"), ["host2"]);
    assert_eq!(place.tree("elsewhere"), [""; 0]);
}

/// A link of the user's to the whole folder is theirs to make, and so is one in the place of a file: it is replaced, not followed.
#[test]
fn links_are_not_written_through() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("real/host1")).expect("a folder");
    place.write("precious", "mine");
    std::os::unix::fs::symlink("../../precious", place.path("real/host1/user-data")).expect("a link");
    std::os::unix::fs::symlink("real", place.path("link")).expect("a link");
    let (status, _, stderr) = parts(&place.output(&["-q", "cloud-init", "cluster.yaml", "-o", "link"]));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert_eq!(place.read("precious"), "mine");
    assert!(place.read("real/host1/user-data").starts_with("#cloud-config\n"));
}
