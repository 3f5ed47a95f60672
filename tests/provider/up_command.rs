//! `meshimg up` as it is called, with an ssh that is a script: what ssh is told of host keys, what is kept beside the file, and what is said in the end.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use super::TOKEN;
use super::command_line::Place;
use super::fake::Fake;

/// Takes a key as the real one does, notes what it was told of host keys, and answers for the host that `$host` names; in `$HOME/failed` is whose
/// cloud-init has failed. To what `apply` asks it says nothing.
const SSH: &str = r#"#!/bin/sh
case $* in *'-O exit'*) exit 0 ;; esac
host=$(printf '%s\n' "$@" | sed -n 's/^ControlPath=//p')
address=$(printf '%s\n' "$@" | grep -x '203\.0\.113\.[0-9]*')
keys=$(printf '%s\n' "$@" | sed -n 's/^UserKnownHostsFile="\([^"]*\)".*/\1/p')
strict=$(printf '%s\n' "$@" | sed -n 's/^StrictHostKeyChecking=//p')
script=$(cat)
echo "$strict ${keys##*/}" >>"$HOME/keys.$host"
case $strict in
accept-new) [ -s "$keys" ] || echo "$address ssh-ed25519 AAAA$host" >"$keys" ;;
yes) grep -q "^$address ssh-ed25519 AAAA$host " "$keys" || { echo 'Host key verification failed.' >&2; exit 255; } ;;
esac
case $script in
*result.json*)
  errors=
  [ "$(cat "$HOME/failed" 2>/dev/null)" != "$host" ] || errors='"(package_update_upgrade_install, failed)"'
  printf 'done\n{"v1": {"errors": [%s]}}\n' "$errors" ;;
*cloud-init-output.log*) echo 'E: Unable to locate package docker.io' ;;
esac
"#;

fn place() -> Place {
    let place = Place::new();
    let (folder, program) = (place.0.path().join("bin"), place.0.path().join("bin/ssh"));
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(&program, SSH).expect("a script");
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    place
}

fn run(place: &Place, fake: &Fake, arguments: &[&str]) -> (Output, String) {
    let home = place.0.path().to_str().expect("a path");
    let path = format!("{home}/bin:/usr/bin:/bin");
    let output = place.output_with(fake, Some(TOKEN), arguments, &[("HOME", home), ("PATH", &path), ("TMPDIR", home)]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr)
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.0.path().join(name)).unwrap_or_default()
}

#[test]
fn nothing_is_bought_without_a_yes() {
    let (place, fake) = (place(), Fake::start());
    let (output, stderr) = run(&place, &fake, &["up", "cluster.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(
        stderr,
        "error: nothing was made: nobody can be asked about 3 droplets for 36.00 USD a month, as standard input is no terminal; --yes goes without \
         asking\n"
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout.ends_with("\nPrice       36.00 USD a month for 3 droplets to be made, 36.00 for all 3\n") && !stdout.contains("POST"),
        "{stdout}"
    );
    assert!(fake.names().is_empty());
    // What ssh could not use is told before, too.
    let (output, stderr) = run(&place, &fake, &["up", "cluster.yaml", "--yes", "--ssh-config", "nowhere"]);
    assert_eq!((output.status.code(), fake.names().len()), (Some(2), 0), "{stderr}");
}

/// The first connection to each droplet takes its key, and none after that.
#[test]
fn keys_and_addresses_are_kept_and_what_is_left_has_its_price() {
    let (place, fake) = (place(), Fake::start());
    std::fs::write(place.0.path().join("failed"), "host2").expect("a file");
    let (output, stderr) = run(&place, &fake, &["up", "cluster.yaml", "--yes"]);
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    for words in [
        "host1: asked for after ",
        "host3: waiting for ssh after ",
        "host1: ready after ",
        "wrote cluster.lock.yaml\n",
        "host2 is not up: cloud-init has failed there: (package_update_upgrade_install, failed); the end of its output:\n    E: Unable to locate",
        "host1: it cannot be asked: ",
        "error: 3 hosts of 3 not up:\n",
        "\nno mesh was made or changed\n",
        "\nDroplets    3 of 3 hosts are there; 36.00 USD a month as long as they are, used or not\n            to go on: meshimg up cluster.yaml; to \
         destroy them: meshimg down cluster.yaml\n",
    ] {
        assert!(stderr.contains(words), "no {words:?} in\n{stderr}");
    }
    let (lock, keys) = (read(&place, "cluster.lock.yaml"), read(&place, "cluster.known_hosts"));
    for (id, droplet) in &fake.state().droplets {
        let name = droplet["name"].as_str().expect("a name");
        let addresses = format!("underlay: \"10.110.0.{id}\", public: \"203.0.113.{id}\", ");
        assert!(lock.contains(&addresses), "{lock}");
        let line = format!("203.0.113.{id} ssh-ed25519 AAAA{name} droplet-{id}\n");
        assert!(keys.contains(&line), "{keys}");
    }
    let told = read(&place, "keys.host1");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[..2], ["accept-new host1.key"; 2], "ssh, and cloud-init");
    assert!(
        lines.len() > 2 && lines[2..].iter().all(|line| *line == "yes cluster.known_hosts"),
        "{told}"
    );
    // From now on: another run, and every other verb.
    for arguments in [&["up", "cluster.yaml"][..], &["status", "cluster.yaml"]] {
        std::fs::remove_file(place.0.path().join("keys.host1")).expect("it was called");
        run(&place, &fake, arguments);
        let told = read(&place, "keys.host1");
        assert!(
            !told.is_empty() && told.lines().all(|line| line == "yes cluster.known_hosts"),
            "{arguments:?}: {told}"
        );
    }
    assert_eq!(fake.count("POST /v2/droplets"), 3);
    // A droplet that shows another key is not reached, and nothing is learned of it.
    let id = *fake.state().droplets.keys().next().expect("a droplet");
    let other = keys.replace(
        &format!("203.0.113.{id} ssh-ed25519 AAAA"),
        &format!("203.0.113.{id} ssh-ed25519 BBBB"),
    );
    std::fs::write(place.0.path().join("cluster.known_hosts"), &other).expect("a file");
    let (_, stderr) = run(&place, &fake, &["up", "cluster.yaml"]);
    assert!(
        stderr.contains(&format!(
            "if it was made anew on purpose, remove the line of 203.0.113.{id} from cluster.known_hosts"
        )),
        "{stderr}"
    );
    assert_eq!(read(&place, "cluster.known_hosts"), other);
    fake.check();
}
