//! The script `mesh-rules` makes of a host's numbers the rules that are planned for it, byte for byte.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use meshimg::exec::find;
use meshimg::plan::{HostPlan, Plan, plan};
use meshimg::render::host_files;
use meshimg::render::rules::rules;
use meshimg::spec::{load_with_lock, lock_text};
use tempfile::TempDir;

/// What there may be as /bin/sh on a host: that of Debian, of NixOS, of a small system.
const SHELLS: [&[&str]; 4] = [&["sh"], &["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Bridge br0 is there.
const THERE: &str = "[ \"$*\" = '--timeout=10 br-exists br0' ]";

/// The scripts of a host in a folder, with programs that stand for Open vSwitch: what the bridge is given is the file `bundle`.
struct Host {
    folder: TempDir,
}

impl Host {
    fn new(plan: &Plan, host: &HostPlan) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let here = Self { folder };
        for file in host_files(plan, host).expect("files") {
            if let Some(name @ ("mesh-rules" | "host.conf")) = file.path.rsplit('/').next() {
                here.write(name, &file.text);
            }
        }
        here.program("ovs-vsctl", THERE);
        here.program(
            "ovs-ofctl",
            "[ \"$*\" = '--timeout=30 bundle br0 -' ] && exec cat >\"${0%/*}/bundle\"",
        );
        here
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    fn program(&self, name: &str, text: &str) {
        self.write(name, &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// Runs `mesh-rules`: what the bridge was given, if anything. `Err` is what was said, and then it was given nothing.
    fn run(&self, shell: &[&str]) -> Result<Option<String>, String> {
        let folders = std::env::var("PATH").expect("a PATH");
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .args(["mesh-rules", "host.conf"])
            .current_dir(&self.folder)
            .env("PATH", format!("{}:{folders}", self.folder.path().display()))
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", shell[0]));
        let given = std::fs::read_to_string(self.path("bundle")).ok();
        let _ = std::fs::remove_file(self.path("bundle"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            assert_eq!(said, "");
            return Ok(given);
        }
        assert_eq!(given, None, "it failed, and the bridge has something");
        Err(said)
    }
}

fn wanted(plan: &Plan, host: &HostPlan) -> String {
    rules(plan, host).expect("a direct fabric").bundle() + "\n"
}

fn shells() -> Vec<&'static [&'static str]> {
    let shells: Vec<&[&str]> = SHELLS.into_iter().filter(|shell| find(shell[0]).is_some()).collect();
    assert!(shells.contains(&SHELLS[0]), "every system has a shell");
    shells
}

/// The plan of these hosts, each named by its number, of whom all that the lock does not know are numbered in this order.
fn cluster(hosts: &[u16], mesh: &str, lock: Option<&str>) -> Plan {
    let line = |host: &u16| format!("  - {{name: h{host}, address: 198.51.{}.{}}}\n", host / 200, 1 + host % 200);
    let hosts: String = hosts.iter().map(line).collect();
    let text = format!("version: 1\nname: numbers\ncontainers: {{subnet: 10.0.0.0/8}}\nmesh: {{fabric: direct{mesh}}}\nhosts:\n{hosts}");
    let loaded = load_with_lock(text.as_bytes(), lock.map(str::as_bytes));
    let (spec, _) = loaded.unwrap_or_else(|problems| panic!("{mesh}: {problems:#?}"));
    plan(&spec).expect("a plan")
}

fn hosts(count: u16) -> Vec<u16> {
    (1..=count).collect()
}

/// These are left of `count` hosts, by what the lock says.
fn left(count: u16, left: &[u16], mesh: &str) -> Plan {
    let lock = lock_text(&cluster(&hosts(count), mesh, None).lock).expect("YAML");
    let plan = cluster(left, mesh, Some(&lock));
    let numbers = plan.hosts.iter().map(|host| host.number);
    assert!(numbers.eq(left.iter().map(|number| u32::from(*number))), "the lock's numbers count");
    plan
}

/// The hosts of `plan` with other numbers, the first that of the first.
fn renumbered(mut plan: Plan, numbers: &[u16]) -> Plan {
    let other = |number: u16| numbers[usize::from(number) - 1];
    for host in &mut plan.hosts {
        host.number = u32::from(other(u16::try_from(host.number).expect("a small number")));
        for path in &mut host.mesh_bridge.paths {
            path.to = other(path.to);
            path.relays.iter_mut().for_each(|relay| *relay = other(*relay));
        }
    }
    plan
}

/// Every kind of mesh that a direct fabric may have.
fn clusters() -> Vec<Plan> {
    let full = [2, 3, 4, 9, 16, 17, 130].map(|count| cluster(&hosts(count), "", None));
    let others = [
        (4, ", topology: ring"),
        (5, ", topology: ring"),
        (6, ", topology: sparse, survive: 0"),
        (10, ", topology: hub, hubs: [h1]"),
        (10, ", topology: hub, hubs: [h7, h2]"),
        (130, ", topology: hub, hubs: [h100, h2]"),
        (4, ", topology: {links: [[h1, h2], [h1, h3], [h4, h1], [h2, h3]]}, tunnel: geneve"),
    ];
    let others = others.map(|(count, mesh)| cluster(&hosts(count), mesh, None));
    let gaps = [
        left(60, &[7, 60, 3, 40], ""),
        left(30, &[17, 16, 2, 30], ", topology: hub, hubs: [h2]"),
        renumbered(cluster(&hosts(8), "", None), &[2047, 1, 1024, 15, 16, 17, 255, 256]),
    ];
    full.into_iter().chain(others).chain(gaps).collect()
}

#[test]
fn a_host_makes_the_rules_that_are_planned() {
    let shells = shells();
    for plan in clusters() {
        // All hosts of small clusters, some of large ones.
        for host in plan.hosts.iter().step_by(1 + plan.hosts.len() / 20) {
            let here = Host::new(&plan, host);
            for shell in &shells {
                let found = here.run(shell).unwrap_or_else(|said| panic!("{shell:?}: {said}"));
                let what = format!("{} of {} hosts, {}, {shell:?}", host.number, plan.hosts.len(), plan.topology.kind);
                assert!(found.as_ref() == Some(&wanted(&plan, host)), "{what}:\n{found:?}");
            }
        }
    }
}

/// The test of the test: each line of the script counts, and so does each digit in it.
#[test]
fn a_change_of_the_script_changes_the_rules() {
    let plan = cluster(&hosts(5), ", topology: ring", None);
    let here = Host::new(&plan, &plan.hosts[1]);
    let wanted = wanted(&plan, &plan.hosts[1]);
    let script = here.read("mesh-rules");
    let lines: Vec<&str> = script.lines().collect();
    let start = lines.iter().position(|line| *line == "bundle() {").expect("the function");
    let end = lines.iter().skip(start).position(|line| *line == "}").expect("its end") + start;
    let is_red = |number: usize, other: &str| {
        let changed = [&lines[..number], &[other], &lines[number + 1..]].concat().join("\n");
        here.write("mesh-rules", &changed);
        here.run(SHELLS[0]).ok().flatten().as_ref() != Some(&wanted)
    };
    assert!(!is_red(start, lines[start]), "as it is");
    let mut digits = 0;
    for number in (start + 1..end).filter(|number| !lines[*number].is_empty()) {
        let line = lines[number];
        assert!(is_red(number, ""), "this line is there for nothing: {line}");
        for (place, digit) in line.match_indices(|character: char| character.is_ascii_digit()) {
            let other = if digit == "1" { "2" } else { "1" };
            let other = format!("{}{other}{}", &line[..place], &line[place + 1..]);
            assert!(is_red(number, &other), "this is as good: {other}");
            digits += 1;
        }
    }
    assert!(digits > 100, "{digits} digits");
}

/// Half of its rules would be worse for a bridge than those that it had.
#[test]
fn wrong_numbers_give_no_rules() {
    let plan = cluster(&hosts(4), "", None);
    let here = Host::new(&plan, &plan.hosts[1]);
    let right = here.read("host.conf");
    let mistakes = [
        ("MESH_NUMBER='2'", "MESH_NUMBER='2 2'", "has not got its rules"),
        ("3: 3 4 1", "3;: 3 4 1", "has not got its rules"),
        ("MESH_MAC_AGE=", "MAC_AGE=", "MESH_MAC_AGE"),
        ("MESH_PATHS=", "PATHS=", "MESH_PATHS"),
    ];
    for (from, to, wanted) in mistakes {
        let wrong = right.replace(from, to);
        assert_ne!(wrong, right);
        here.write("host.conf", &wrong);
        for shell in shells() {
            let said = here.run(shell).expect_err(to);
            assert!(said.contains(wanted), "{shell:?}: {said}");
        }
    }
}

#[test]
fn a_bridge_that_is_not_there_gets_its_rules_when_it_is_made() {
    let plan = cluster(&hosts(2), "", None);
    let here = Host::new(&plan, &plan.hosts[0]);
    here.program("ovs-vsctl", "exit 2");
    assert_eq!(here.run(SHELLS[0]), Ok(None));
    // Open vSwitch does not answer.
    here.program("ovs-vsctl", "exit 1");
    let said = here.run(SHELLS[0]).expect_err("nobody knows whether it is there");
    assert_eq!(
        said,
        "<3>meshimg: br0 has not got its rules, and forwards nothing without: see the lines above and systemctl status ovs-vswitchd; then \
         systemctl reload-or-restart meshimg-mesh\n"
    );
    here.program("ovs-vsctl", THERE);
    here.program("ovs-ofctl", "cat >/dev/null; exit 1");
    let said = here.run(SHELLS[0]).expect_err("the bridge has refused");
    assert!(said.contains("br0 has not got its rules"), "{said}");
}
