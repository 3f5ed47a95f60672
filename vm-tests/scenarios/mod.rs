//! What is proved on running hosts. A test's name is the promise.

mod api;
mod boot;
mod bootable;
mod bundle;
mod direct;
mod droplets;
mod faults;
mod host_faults;
mod images;
mod isolation;
mod mesh;
mod mixed;
mod order;
mod probes;
mod remote;
mod stock;
mod systemd;
mod underlay;

use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;
use meshimg::machine::{Machine, probe};
use meshimg::spec::HostName;
use meshimg::wait::{Look, until};

use crate::clusters::{Cluster, THREE_HOSTS, reds};

/// One command on a host, emulated or not.
pub const SOON: Duration = Duration::from_secs(120);

/// The kind of tests that do not always run.
pub const LONG: &str = "long";

/// All tests, in the order in which they run: what disturbs a host comes after what only looks at it.
pub fn all() -> Vec<Trial> {
    [
        images::tests(),
        mesh::tests(),
        isolation::tests(),
        probes::tests(),
        remote::tests(),
        underlay::tests(),
        order::tests(),
        api::tests(),
        bundle::tests(),
        faults::tests(),
        host_faults::tests(),
        boot::tests(),
        direct::tests(),
        mixed::tests(),
        faults::of_five_hosts(),
        systemd::tests(),
        bootable::tests(),
        bootable::last(),
        droplets::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A test on the lab of `cluster`. Why it failed is said at once, and not only at the end of all: who reads a log that is cut, or watches,
/// has it then. How long it took is said too.
fn on(cluster: &'static Cluster, name: &str, test: impl FnOnce(&mut Session<'static>) -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(format!("{}::{name}", cluster.name.replace('-', "_")), move || {
        let started = Instant::now();
        let result = cluster
            .with(test)
            .inspect_err(|failed| println!("{}", failed.message().unwrap_or("failed without a word")));
        println!("({:.0} s)", started.elapsed().as_secs_f64());
        result
    })
}

/// One that takes long and looks closer at what others look at too. It runs where `long` is among the tiers of `MESHIMG_REQUIRE`.
fn long(test: Trial) -> Trial {
    test.with_kind(LONG)
}

/// A test on three hosts with every default.
fn three(name: &str, test: impl FnOnce(&mut Session<'static>) -> Result<(), Failed> + Send + 'static) -> Trial {
    on(&THREE_HOSTS, name, test)
}

/// Runs `script` on `host` and gives what it printed.
fn run(session: &Session<'_>, host: &str, script: &str) -> Result<String, Failed> {
    let host: HostName = host.parse()?;
    let machine = session.machine(&host).ok_or("no such host")?;
    Ok(machine.run(script, SOON)?.stdout_text())
}

/// Waits until all active probes are green: a restarted daemon needs some seconds.
fn containers_reach_each_other(session: &Session<'_>) -> Result<(), Failed> {
    until("containers on all hosts", SOON, Duration::from_secs(1), || {
        let machines = session.all();
        let containers = probe::container::start(session.plan, &machines);
        let reds = reds(&probe::container_ping(session.plan, &machines, &containers));
        if reds.is_empty() {
            Look::Ready(())
        } else {
            Look::Pending(reds.join("\n"))
        }
    })?;
    Ok(())
}
