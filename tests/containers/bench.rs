//! `meshimg lab bench` with real Open vSwitch: four hosts in one container, and nothing is left afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use super::container::{Container, Ended};
use super::host::{self, Release};

/// Daemons of four hosts start on a processor that others use too.
const SECONDS: &str = "500";

/// Daemons, namespaces and folders of a bench.
const LEFT: &str =
    "left() { cat /proc/[0-9]*/comm 2>/dev/null | grep -e '^ovs' -e meshimg; ls /run/netns /run/meshimg-bench 2>/dev/null; true; }\n";

pub fn tests() -> Vec<Trial> {
    let whole = |name: &'static str, release: Release| Trial::test(name, move || gets_whole(release));
    vec![
        whole("bench::debian-12", Release::Debian12),
        whole("bench::debian-13", Release::Debian13),
        Trial::test("bench::cut-off", a_mesh_that_is_cut_off_is_found),
        Trial::test("bench::interrupted", || leaves_nothing("INT")),
        Trial::test("bench::interrupted-later", what_was_measured_is_printed),
        Trial::test("bench::killed", || leaves_nothing("KILL")),
    ]
}

fn ran(release: Release, script: &str) -> Result<Ended, Failed> {
    let host = host::all()?
        .into_iter()
        .find(|host| host.release() == release)
        .ok_or("no example has this release")?;
    let program = std::fs::read(Path::new(env!("CARGO_BIN_EXE_meshimg")))?;
    let container = Container::with_bridges(&host, BTreeMap::from([("/in/meshimg".to_owned(), program)]))?;
    let ended = container.script_within(SECONDS, &format!("{LEFT}chmod 755 /in/meshimg\n{script}"))?;
    container.end()?;
    Ok(ended)
}

/// The runs in what `--format json` prints, one for each case.
fn runs(ended: &Ended) -> Result<Vec<Value>, Failed> {
    let json = ended.stdout.split("\nleft: ").next().unwrap_or_default();
    let found: Value = serde_json::from_str(json).map_err(|error| format!("{error}: {} {}", ended.stdout, ended.stderr))?;
    let cases = found["cases"].as_array().ok_or("there are no cases")?;
    Ok(cases.iter().map(|case| case["runs"][0].clone()).collect())
}

fn gets_whole(release: Release) -> Result<(), Failed> {
    let ended = ran(
        release,
        "/in/meshimg lab bench --hosts 4 --fabric rstp,direct --within 100 --format json; printf '\\nleft: %s' \"$(left)\"",
    )?;
    if ended.status != 0 || !ended.stdout.ends_with("\nleft: ") {
        return Err(format!("status {}: {} {}", ended.status, ended.stdout, ended.stderr).into());
    }
    let runs = runs(&ended)?;
    let number = |run: &Value, name: &str| run["outages"][name].as_u64().unwrap_or(u64::MAX);
    for run in &runs {
        // Three survivors: six pairs; at a datagram in 50 ms for seconds.
        if number(run, "pairs") != 6 || number(run, "pairs-never-whole") != 0 || !(100..100_000).contains(&number(run, "sent")) {
            return Err(format!("{run}").into());
        }
    }
    // Whatever the processor does: nothing comes twice without a tree to be found anew.
    match &runs[..] {
        [_, direct] if number(direct, "duplicates") == 0 => Ok(()),
        _ => Err(format!("{runs:?}").into()),
    }
}

/// Turns it red: without an underlay nobody reaches anybody.
fn a_mesh_that_is_cut_off_is_found() -> Result<(), Failed> {
    let ended = ran(
        Release::Debian13,
        "/in/meshimg lab bench --hosts 4 --fabric direct --fault underlay-down --within 10 --format json || s=$?
        printf '\\nleft: %s' \"$(left)\"
        exit \"${s-0}\"",
    )?;
    let runs = runs(&ended)?;
    let all_lost = runs
        .iter()
        .all(|run| run["outages"]["pairs-never-whole"] == 12 && run["outages"]["whole-after-ms"].is_null());
    let said = ended.stderr.contains("the mesh was not whole again within 10 s in 1 run");
    match ended.status == 6 && runs.len() == 1 && all_lost && said && ended.stdout.ends_with("\nleft: ") {
        true => Ok(()),
        false => Err(format!("status {}: {} {}", ended.status, ended.stdout, ended.stderr).into()),
    }
}

/// Whatever ends it, when its daemons run.
fn leaves_nothing(signal: &str) -> Result<(), Failed> {
    // A job of a shell without job control ignores SIGINT; setsid(1) does not give it back, env(1) does.
    let ended = ran(
        Release::Debian13,
        &format!(
            "env --default-signal=INT /in/meshimg lab bench --hosts 4 --fabric rstp >/dev/null 2>/tmp/said & bench=$!
            until left | grep -q ovs-vswitchd; do kill -0 $bench; done
            kill -{signal} $bench
            wait $bench && s=0 || s=$?
            until [ -z \"$(left)\" ]; do :; done
            echo \"ended $s\""
        ),
    )?;
    let wanted = if signal == "INT" { "ended 130\n" } else { "ended 137\n" };
    match ended.stdout.as_str() == wanted {
        true => Ok(()),
        false => Err(format!("status {}: {} {}", ended.status, ended.stdout, ended.stderr).into()),
    }
}

/// An interruption takes the case that it comes upon, and nothing from those before.
fn what_was_measured_is_printed() -> Result<(), Failed> {
    let ended = ran(
        Release::Debian13,
        "env --default-signal=INT /in/meshimg lab bench --hosts 2,16 --fabric direct --format json 2>/tmp/said & bench=$!
        until grep -q '^16 hosts' /tmp/said; do kill -0 $bench; done
        kill -INT $bench
        wait $bench && s=0 || s=$?
        printf '\nleft: %s' \"$s\"",
    )?;
    let runs = runs(&ended)?;
    match ended.stdout.ends_with("\nleft: 130") && runs.len() == 1 && runs[0]["outages"]["pairs"].is_u64() {
        true => Ok(()),
        false => Err(format!("status {}: {} {}", ended.status, ended.stdout, ended.stderr).into()),
    }
}
