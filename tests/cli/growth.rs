//! The lock, and `diff`.

use super::{Place, assert_session, parts};

const HOST4: &str = "  - {name: host4, address: 192.0.2.4}\n";

/// With the lock of three hosts.
fn locked() -> Place {
    let place = Place::new();
    let (status, _, stderr) = parts(&place.output(&["plan", "--lock", "cluster.yaml"]));
    assert_eq!((status, stderr.as_str()), (Some(0), "wrote cluster.lock.yaml\n"));
    place
}

#[test]
fn a_lock_is_written_and_read() {
    let place = Place::new();
    let mut text = place.session(&["plan", "cluster.yaml"]);
    assert_eq!(place.tree("."), ["cluster.yaml"], "without --lock nothing is written");
    let (_, unlocked, _) = parts(&place.output(&["plan", "--format", "json", "cluster.yaml"]));
    text += &place.session(&["plan", "--lock", "cluster.yaml"]);
    assert_eq!(place.tree("."), ["cluster.lock.yaml", "cluster.yaml"]);
    text += &place.read("cluster.lock.yaml");
    text += &place.session(&["--verbose", "check", "cluster.yaml"]);
    text += &place.session(&["plan", "--lock", "cluster.yaml"]);
    // The same plan but for the word about the lock.
    let (_, json, _) = parts(&place.output(&["plan", "--format", "json", "cluster.yaml"]));
    let mut plan: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let growth = plan.as_object_mut().expect("a map").remove("growth").expect("it has one");
    assert_eq!(growth, serde_json::json!({"new": [], "gone": [], "shrunk": []}));
    assert_eq!(plan, serde_json::from_str::<serde_json::Value>(&unlocked).expect("JSON"));
    assert_session("lock", text);
}

#[test]
fn hosts_come_and_go() {
    let place = locked();
    let three = place.read("cluster.yaml");
    place.output(&["--quiet", "cloud-init", "cluster.yaml"]);
    let before = ["host1", "host2"].map(|host| place.read(&format!("cloud-init-out/{host}/user-data")));
    place.write("cluster.yaml", &(three.clone() + HOST4));
    let mut text = place.session(&["plan", "cluster.yaml"]);
    text += &place.session(&["--quiet", "plan", "--lock", "cluster.yaml"]);
    // A host less: of the files of the others, the lines of their links to it are gone.
    place.write(
        "cluster.yaml",
        &(three.replace("  - {name: host3, address: 192.0.2.3}\n", "") + HOST4),
    );
    text += &place.session(&["plan", "--lock", "cluster.yaml"]);
    text += &place.read("cluster.lock.yaml");
    assert_session("growth", text);
    // Back to three of other names: what never had to do with them is byte for byte as it was.
    place.output(&["--quiet", "cloud-init", "cluster.yaml"]);
    let after = place.read("cloud-init-out/host2/user-data");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let of_links = |line: &String| ["gre", "host3", "host4", "remote_ip"].iter().any(|word| line.contains(word));
    let (before, after) = (lines(&before[1]), lines(&after));
    assert!(
        before.symmetric_difference(&after).all(of_links),
        "{:#?}",
        before.symmetric_difference(&after)
    );
    assert!(before != after);
}

/// The lock, its line, and the line of the file; in JSON too. Nothing is written.
#[test]
fn contradictions() {
    let place = locked();
    let right = place.read("cluster.lock.yaml");
    let file = place.read("cluster.yaml");
    place.write(
        "cluster.yaml",
        &file.replace("192.0.2.3}", "192.0.2.3, containers: {slice: 172.17.192.0/20}}"),
    );
    let mut text = place.session(&["plan", "--lock", "cluster.yaml"]);
    text += &place.session(&["check", "--format", "json", "cluster.yaml"]);
    assert_eq!(place.read("cluster.lock.yaml"), right);
    place.write("cluster.yaml", &file);
    for broken in [
        "version: 1\n",
        "",
        "{",
        &right.replace("next-link: 4", "next-links: 4"),
        &right.replace("version: 1", "version: 2"),
    ] {
        place.write("cluster.lock.yaml", broken);
        text += &place.session(&["cloud-init", "cluster.yaml"]);
    }
    std::fs::remove_file(place.path("cluster.lock.yaml")).expect("it is there");
    std::fs::create_dir(place.path("cluster.lock.yaml")).expect("a folder");
    text += &place.session(&["plan", "cluster.yaml"]);
    assert_session("lock-refused", text);
    assert_eq!(place.tree("cloud-init-out"), [""; 0]);
}

#[test]
fn diff() {
    let place = locked();
    let three = place.read("cluster.yaml");
    place.write("old.yaml", &three);
    place.write("old.lock.yaml", &place.read("cluster.lock.yaml"));
    let mut text = place.session(&["diff", "cluster.lock.yaml", "cluster.yaml"]);
    text += &place.session(&["diff", "old.yaml", "cluster.yaml"]);
    place.write("cluster.yaml", &(three + HOST4));
    text += &place.session(&["diff", "cluster.lock.yaml", "cluster.yaml"]);
    text += &place.session(&["diff", "missing.lock.yaml", "cluster.yaml"]);
    text += &place.session(&["diff", "missing.yaml", "cluster.yaml"]);
    assert_session("diff", text);
    let from = |old: &str| parts(&place.output(&["diff", "--format", "json", old, "cluster.yaml"]));
    let (status, json, stderr) = from("cluster.lock.yaml");
    assert_eq!((status, stderr.as_str()), (Some(6), ""));
    assert_eq!(
        from("old.yaml"),
        (status, json.clone(), stderr),
        "from a file with its lock, and from the lock alone"
    );
    let difference: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(difference["version"], 1);
    assert_eq!(difference["hosts"][0]["cut-off"]["seconds"], serde_json::Value::Null);
    assert_eq!(difference["hosts"][1]["cut-off"]["seconds"], 0.0);
    assert_eq!(difference["hosts"][3]["kind"], "new");
}
