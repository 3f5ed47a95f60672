//! `meshimg up` and `down` on guests that a Digital Ocean of our own starts, from nothing to a report and back to nothing.

use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use meshimg::exec::interrupt;
use meshimg::wait::{Look, until};

use super::long;
use crate::clusters::end_others;
use crate::droplets::{Account, TOKEN};

pub fn tests() -> Vec<Trial> {
    let run = || {
        if interrupt::requested() {
            return Err("interrupted".into());
        }
        // Memory and cores are for one lab at a time.
        end_others(None);
        let started = Instant::now();
        let account = Account::new()?;
        let result = from_nothing_and_back(&account).inspect_err(|failed| {
            println!("{}\n{}", failed.message().unwrap_or("failed without a word"), account.consoles());
        });
        println!("({:.0} s)", started.elapsed().as_secs_f64());
        result
    };
    vec![long(Trial::test("droplets::up_from_nothing_killed_grown_and_down", run))]
}

/// A run with emulated hosts from their first boot to the report.
const UP: Duration = Duration::from_secs(3600);

/// One command on hosts that run.
const SOON: Duration = Duration::from_secs(600);

const UP_ARGUMENTS: &[&str] = &["up", "cluster.yaml", "--yes", "--ssh-config", "ssh.conf"];

/// The example's cluster with a key of ours; GRE as it is the default, which the switch passes.
fn text(account: &Account, hosts: u32) -> String {
    let hosts: String = (1..=hosts).map(|number| format!("  - {{name: host{number}}}\n")).collect();
    format!(
        "version: 1\nname: ocean\nhosts:\n{hosts}digital-ocean: {{region: ams3, size: s-1vcpu-1gb, ssh-keys: [289794], vpc: mesh-vpc, \
         vpc-range: 10.110.0.0/20}}\n\
         access: {{authorized-keys: [{}]}}\n",
        account.public_key
    )
}

/// What meshimg says to `arguments`, if its status is 0.
fn meshimg(account: &Account, arguments: &[&str], deadline: Duration) -> Result<String, Failed> {
    let finished = account.meshimg(arguments, deadline).run()?;
    let text = finished.stdout_text() + &String::from_utf8_lossy(&finished.stderr);
    match text.contains(TOKEN) {
        false => Ok(text),
        true => Err("the token was printed".into()),
    }
}

fn wants(text: &str, words: &[&str]) -> Result<(), Failed> {
    match words.iter().find(|words| !text.contains(**words)) {
        None => Ok(()),
        Some(missing) => Err(format!("no {missing:?} in\n{text}").into()),
    }
}

/// Starts `up`, and kills it with SIGKILL as soon as `is_there`.
fn killed(account: &Account, what: &str, is_there: impl Fn() -> bool) -> Result<(), Failed> {
    let log = account.path("killed.log");
    let mut running = account.meshimg(UP_ARGUMENTS, UP).log(&log).spawn()?;
    let seen = until(what, SOON, Duration::from_millis(200), || {
        if is_there() {
            return Look::Ready(());
        }
        match running.ended() {
            Some(status) => Look::Gone(format!("up has ended before, {status}")),
            None => Look::Pending("not yet".to_owned()),
        }
    });
    running.kill();
    Ok(seen.map_err(|error| format!("{error}\n{}", std::fs::read_to_string(&log).unwrap_or_default()))?)
}

fn from_nothing_and_back(account: &Account) -> Result<(), Failed> {
    const POST: &str = "POST /v2/droplets";
    account.write("cluster.yaml", &text(account, 3))?;
    // Once before anything is known of what was asked for, and once in the middle of the first connections.
    killed(account, "three droplets", || account.fake.count(POST) == 3)?;
    killed(account, "the first host key", || account.path("cluster.known_hosts").exists())?;
    let said = meshimg(account, UP_ARGUMENTS, UP)?;
    wants(
        &said,
        &[
            "host1 gets the mesh",
            "3 hosts on machines reached by ssh",
            "green    container-ping  9 of 9",
            "all green",
            "3 of 3 hosts are there; 18.00 USD a month",
        ],
    )?;
    if account.fake.count(POST) != 3 || account.fake.names() != ["host1", "host2", "host3"] {
        return Err(format!("{} were asked for: {:?}", account.fake.count(POST), account.fake.names()).into());
    }

    account.write("cluster.yaml", &text(account, 4))?;
    let said = meshimg(account, UP_ARGUMENTS, UP)?;
    wants(
        &said,
        &[
            "host4 gets the mesh",
            "host1 changes",
            "green    container-ping  16 of 16",
            "all green",
            "4 of 4 hosts are there; 24.00 USD a month",
        ],
    )?;
    // Every other verb finds them by the lock, and knows them by the kept keys.
    let said = meshimg(account, &["apply", "cluster.yaml", "--ssh-config", "ssh.conf"], SOON)?;
    wants(&said, &["4 hosts as planned; nothing to change"])?;
    account.fake.check();

    meshimg(account, &["down", "cluster.yaml", "--yes"], SOON)?;
    let left = account.fake.names();
    match left.is_empty() && account.fake.state().firewalls.is_empty() && account.fake.state().tags.is_empty() {
        true => Ok(()),
        false => Err(format!("still there: {left:?}").into()),
    }
}
