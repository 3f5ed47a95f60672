//! What meshimg says about itself.

use super::{Place, assert_session};

const VERBS: &[&[&str]] = &[
    &["init"],
    &["check"],
    &["plan"],
    &["diff"],
    &["cloud-init"],
    &["nixos"],
    &["image"],
    &["image", "base"],
    &["openvswitch"],
    &["openvswitch", "build"],
    &["image", "build"],
    &["image", "check"],
    &["image", "push"],
    &["lab"],
    &["lab", "up"],
    &["lab", "status"],
    &["lab", "ssh"],
    &["lab", "ssh-config"],
    &["lab", "logs"],
    &["lab", "kill"],
    &["lab", "start"],
    &["lab", "cut"],
    &["lab", "heal"],
    &["lab", "impair"],
    &["lab", "capture"],
    &["lab", "down"],
    &["lab", "outages"],
    &["lab", "probe"],
    &["lab", "test"],
    &["lab", "bench"],
    &["verify"],
    &["status"],
    &["apply"],
    &["remove"],
    &["wipe"],
    &["terraform"],
    &["inventory"],
    &["up"],
    &["down"],
    &["schema"],
    &["completions"],
];

#[test]
fn help() {
    let place = Place::new();
    assert_session("help", place.session(&["--help"]));
    for verb in VERBS {
        let arguments = [verb, &["--help"][..]].concat();
        assert_session(&format!("help-{}", verb.join("-")), place.session(&arguments));
    }
}

/// Every verb that the help names is in the list above, so that none goes without a snapshot.
#[test]
fn every_verb_has_its_help_here() {
    let place = Place::new();
    for parent in [&[][..], &["lab"], &["image"]] {
        let output = place.output(&[parent, &["--help"][..]].concat());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let commands = text
            .split("Commands:\n")
            .nth(1)
            .expect("commands")
            .split("\n\n")
            .next()
            .expect("a list");
        let named: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(named.len() > 1, "{text}");
        for name in named.into_iter().filter(|name| *name != "help") {
            let verb = [parent, &[name][..]].concat();
            assert!(VERBS.contains(&verb.as_slice()), "{verb:?}");
        }
    }
}

/// On a narrow terminal as in a wide pipe: nothing that is ours wraps at 80 columns but descriptions of options.
#[test]
fn examples_fit_eighty_columns() {
    let place = Place::new();
    for verb in [&[][..]].iter().chain(VERBS) {
        let output = place.output(&[verb, &["--help"][..]].concat());
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let after = text.split("Options of every command:").nth(1).expect("the last options");
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{verb:?}: {line}");
        }
        for line in after.lines() {
            assert!(line.chars().count() <= 80, "{verb:?}: {line}");
        }
    }
}

#[test]
fn version() {
    let place = Place::new();
    let wanted = format!("meshimg {}\n", env!("CARGO_PKG_VERSION"));
    for argument in ["--version", "-V"] {
        let output = place.output(&[argument]);
        assert_eq!(super::parts(&output), (Some(0), wanted.clone(), String::new()));
    }
}

/// Without arguments, with half of them, and with typing errors.
#[test]
fn usage_errors() {
    let place = Place::new();
    let sessions: Vec<String> = [
        &[][..],
        &["chek", "cluster.yaml"],
        &["check"],
        &["plan", "cluster.yaml", "--formt", "json"],
        &["plan", "cluster.yaml", "--format", "yaml"],
        &["--quiet", "--verbose", "schema"],
        &["cloud-init", "cluster.yaml", "--host", "No Host"],
        &["init", "--name", "Not a name"],
        &["image", "base", "--os", "ubuntu-24.04"],
        &["image", "base", "--archive", "gopher://archive.example"],
        &["openvswitch"],
        &["openvswitch", "build"],
        &["image", "check"],
        &["image", "check", "disk.raw", "--boot", "none,bios"],
        &["image", "check", "disk.raw", "--size-limit", "100 apples"],
        &["image", "push", "disk.raw", "--region", "ams3"],
        &["image", "push", "disk.raw", "--region", "Amsterdam 3", "--bucket", "my-images"],
        &[
            "image",
            "push",
            "disk.raw",
            "--region",
            "ams3",
            "--bucket",
            "my-images",
            "--distribution",
            "Linux",
        ],
        &["lab"],
        &["lab", "tst", "cluster.yaml"],
        &["lab", "up", "cluster.yaml", "--memory", "1"],
        &["lab", "cut", "cluster.yaml"],
        &["lab", "cut", "cluster.yaml", "host1", "host2", "--in"],
        &["lab", "cut", "cluster.yaml", "host1", "--in", "--out"],
        &["lab", "cut", "cluster.yaml", "host1", "--one-way"],
        &["lab", "heal", "cluster.yaml", "--out"],
        &["lab", "impair", "cluster.yaml", "host1", "host2", "--loss", "101%"],
        &["lab", "impair", "cluster.yaml", "host1", "host2", "--delay", "20"],
        &["lab", "impair", "cluster.yaml", "host1", "host2", "--jitter", "2min"],
        &["lab", "impair", "cluster.yaml", "host1", "host2", "--max-frame", "13"],
        &["lab", "impair", "cluster.yaml", "host1", "host2", "--seed", "-1"],
        &["lab", "capture", "cluster.yaml", "host1", "-o", "link.pcap"],
        &["lab", "capture", "cluster.yaml", "host1", "host2", "-o", "-", "--for", "2d"],
        &["completions", "cmd"],
    ]
    .iter()
    .map(|arguments| {
        let output = place.output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        super::transcript(arguments, &output)
    })
    .collect();
    assert_session("usage-errors", sessions.join("\n"));
}

#[test]
fn schema_and_completions() {
    let place = Place::new();
    let (status, schema, stderr) = super::parts(&place.output(&["schema"]));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert_eq!(schema, meshimg::spec::schema_json());
    let value: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(value["required"], serde_json::json!(["version", "name", "hosts"]));
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, stderr) = super::parts(&place.output(&["completions", shell]));
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        assert!(script.contains("cloud-init") && !script.contains("\u{1b}"), "{shell}");
    }
    // A shell can read it, and knows the verbs by it.
    let script = String::from_utf8(place.output(&["completions", "bash"]).stdout).expect("UTF-8");
    place.write("completions", &script);
    let test = "source ./completions; COMP_WORDS=(meshimg cl); COMP_CWORD=1; _meshimg meshimg cl meshimg; echo \"${COMPREPLY[@]}\"";
    let output = place.command("bash").args(["-c", test]).output().expect("bash starts");
    assert_eq!(super::parts(&output), (Some(0), "cloud-init\n".to_owned(), String::new()));
}
