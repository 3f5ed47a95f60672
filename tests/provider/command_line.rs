//! `up --dry-run` and `down` as people see them; and where the token is not.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::fake::{Fake, Fault};
use super::http::Answer;
use super::{TOKEN, bring_up, wanted};

/// meshimg in a folder of its own with the example as cluster.yaml, and nothing of the user's environment.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digital-ocean/cluster.yaml");
        std::fs::copy(example, folder.path().join("cluster.yaml")).expect("the example can be copied");
        Self(folder)
    }

    fn output(&self, fake: &Fake, token: Option<&str>, arguments: &[&str]) -> Output {
        self.output_with(fake, token, arguments, &[])
    }

    /// The same with these variables.
    pub fn output_with(&self, fake: &Fake, token: Option<&str>, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshimg"));
        command.args(arguments).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        command
            .env("DIGITALOCEAN_API_URL", fake.address())
            .envs(token.map(|token| ("DIGITALOCEAN_TOKEN", token)))
            .envs(variables.iter().copied());
        let output = command.output().expect("meshimg starts");
        for stream in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(stream).contains(TOKEN), "the token was printed");
        }
        // Nor does it come to be in any file.
        for entry in std::fs::read_dir(self.0.path()).expect("the folder") {
            let text = std::fs::read(entry.expect("an entry").path()).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(TOKEN), "the token was written");
        }
        output
    }

    fn session(&self, fake: &Fake, arguments: &[&str]) -> String {
        transcript(arguments, &self.output(fake, Some(TOKEN), arguments))
    }
}

fn transcript(arguments: &[&str], output: &Output) -> String {
    let mut text = format!("$ meshimg {}\n", arguments.join(" "));
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !stream.is_empty() {
            text += &format!("--- {name}\n{}", String::from_utf8_lossy(stream));
        }
    }
    text + &format!("--- exit {}\n", output.status.code().unwrap_or(-1))
}

/// `text` with `(N bytes)` for whatever number of bytes: user-data names our version.
fn without_sizes(text: &str) -> String {
    let mut result = String::new();
    for (index, part) in text.split(" bytes)").enumerate() {
        if index > 0 {
            result = result.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned() + "N bytes)";
        }
        result += part;
    }
    result
}

/// Snapshots in tests/snapshots/provider/.
fn assert_session(name: &str, text: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/provider"));
    let _guard = settings.bind_to_scope();
    insta::assert_snapshot!(name, without_sizes(&text));
}

fn only_reads(fake: &Fake) -> bool {
    fake.lines().iter().all(|line| line.starts_with("GET "))
}

#[test]
fn a_dry_run_shows_calls_and_price_and_writes_nothing() {
    let (place, fake) = (Place::new(), Fake::start());
    fake.add("host2", &["meshimg:ocean"]);
    fake.add("host9", &["meshimg:ocean"]);
    assert_session("dry-run", place.session(&fake, &["up", "cluster.yaml", "--dry-run"]));
    assert!(only_reads(&fake), "{:?}", fake.lines());
    fake.check();
}

/// The calls of the dry run are those that are sent then.
#[test]
fn a_dry_run_as_json_has_the_calls_as_they_are_sent() {
    let (place, fake) = (Place::new(), Fake::start());
    let output = place.output(&fake, Some(TOKEN), &["up", "cluster.yaml", "--dry-run", "--format", "json"]);
    assert!(output.status.success() && only_reads(&fake), "{output:?}");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (shown["price-monthly"].as_f64(), shown["price-monthly-new"].as_f64()),
        (Some(36.0), Some(36.0))
    );
    let mut shown: Vec<_> = shown["calls"]
        .as_array()
        .expect("calls")
        .iter()
        .map(|call| call["body"].to_string())
        .collect();
    bring_up(&fake, &wanted());
    let state = fake.state();
    let posts = state.log.iter().filter(|exchange| exchange.request.method == "POST");
    let mut sent: Vec<_> = posts
        .map(|exchange| exchange.request.body.clone().expect("a body").to_string())
        .collect();
    // Droplets are asked for at once, in any order.
    sent.sort();
    shown.sort();
    assert_eq!(shown, sent);
}

#[test]
fn all_that_is_in_the_way_is_told_at_once() {
    let (place, fake) = (Place::new(), Fake::start());
    let example = std::fs::read_to_string(place.0.path().join("cluster.yaml")).expect("the example");
    let text = example
        .replace("region: ams3", "region: ams9")
        .replace("size: s-1vcpu-1gb", "size: s-1vcpu-1kb")
        .replace("vpc-range: 10.110.0.0/20", "vpc-range: 10.110.0.0/24")
        .replace("ssh-keys: [289794,", "ssh-keys: [1, 289794,");
    std::fs::write(place.0.path().join("cluster.yaml"), text).expect("the file can be written");
    fake.state().limit = 2;
    assert_session("impossible", place.session(&fake, &["up", "cluster.yaml", "--dry-run"]));
    fake.check();
}

/// Image 7 is in the fake as a custom one; Digital Ocean's limits of these are held against the file.
#[test]
fn what_custom_images_cannot_is_told() {
    let (place, fake) = (Place::new(), Fake::start());
    let path = place.0.path().join("cluster.yaml");
    let example = std::fs::read_to_string(&path).expect("the example");
    let keys = example
        .lines()
        .find(|line| line.contains("ssh-keys:"))
        .expect("keys of the example");
    std::fs::write(&path, example.replace(keys, "  image: 7\n  ipv6: true")).expect("the file can be written");
    let image = serde_json::json!({"name": "mesh", "region": "ams3", "distribution": "Debian", "description": "", "tags": []});
    fake.state().images.there.insert(7, super::images::Import::available(image));
    assert_session(
        "custom-image",
        place.session(&fake, &["--quiet", "up", "cluster.yaml", "--dry-run"]),
    );
    fake.check();
}

#[test]
fn a_firewall_of_others_before_gre_is_found() {
    let (place, fake) = (Place::new(), Fake::start());
    let example = std::fs::read_to_string(place.0.path().join("cluster.yaml")).expect("the example");
    let text = example
        .replace("  firewall: {ssh-from: [198.51.100.0/24]}\n", "")
        .replace("tunnel: vxlan", "tunnel: gre");
    std::fs::write(place.0.path().join("cluster.yaml"), text).expect("the file can be written");
    fake.state().firewalls.push(serde_json::json!({
        "id": "fb6045f1-cf1d-4ca3-bfac-18832663025b", "name": "production", "status": "succeeded", "tags": ["env:production"],
        "created_at": "2026-11-01T12:00:00Z", "droplet_ids": [], "pending_changes": [], "inbound_rules": [], "outbound_rules": [],
    }));
    assert_session(
        "foreign-firewall",
        place.session(&fake, &["--quiet", "up", "cluster.yaml", "--dry-run"]),
    );
}

#[test]
fn down_shows_asks_and_destroys() {
    let (place, fake) = (Place::new(), Fake::start());
    bring_up(&fake, &wanted());
    // In the order in which they were asked for, which is any.
    let numbers = |text: String| -> String {
        let ids: Vec<String> = fake.state().droplets.keys().map(ToString::to_string).collect();
        let named = ids.iter().fold(text, |text, id| {
            text.replace(&format!("203.0.113.{id}"), "ADDRESS").replace(id, "ID ")
        });
        let (mut lines, mut rows): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for line in named.lines() {
            if line.starts_with(" host") {
                rows.push(line)
            } else {
                lines.push(line)
            }
        }
        rows.sort_unstable();
        [lines, rows].concat().join("\n")
    };
    let shown = numbers(place.session(&fake, &["down", "cluster.yaml", "--dry-run"]));
    let refused = numbers(place.session(&fake, &["down", "cluster.yaml"]));
    assert_eq!(fake.names().len(), 3, "nothing was destroyed");
    assert_session("down", format!("{shown}\n{refused}\n"));
    let output = place.output(&fake, Some(TOKEN), &["down", "cluster.yaml", "--yes"]);
    assert!(output.status.success(), "{output:?}");
    assert!(fake.names().is_empty() && fake.state().firewalls.is_empty());
    assert_session("down-nothing", place.session(&fake, &["down", "cluster.yaml", "--yes"]));
    fake.check();
}

#[test]
fn who_has_no_token_or_a_wrong_one_is_told() {
    let (place, fake) = (Place::new(), Fake::start());
    let arguments = ["up", "cluster.yaml", "--dry-run"];
    let mut text = transcript(&arguments, &place.output(&fake, None, &arguments));
    assert!(fake.lines().is_empty());
    fake.fail(
        "GET ",
        9,
        Fault::Instead(Answer::error(401, "unauthorized", "Unable to authenticate you.")),
    );
    text += &place.session(&fake, &arguments);
    assert_session("token", text);
}
