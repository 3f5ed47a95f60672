//! What a fault costs two containers that were to stay connected.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::ground::{Ground, on};
use crate::exec::ExecError;
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::Machine;
use crate::machine::outage::{self, INTERVAL};
use crate::machine::probe::container::{Containers, ProbeContainer};
use crate::machine::report::Scenario;
use crate::machine::ssh::SshMachine;
use crate::plan::Plan;
use crate::spec::HostName;
use crate::wait::{Look, until};

/// How long pings may fail after a fault: spanning tree without BFD takes up to max age and twice the forward delay, 50 s.
const LONGEST_OUTAGE: Duration = Duration::from_secs(180);

/// When the ping ends by itself: a fault may take as long as a host takes to boot.
const LONGEST_PING: Duration = Duration::from_secs(900);

/// What a look at the hosts may take while time goes by.
const PASS_SLACK: Duration = Duration::from_secs(1);

/// One command on a host.
pub(super) const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// A running probe container on each host.
pub(super) fn containers<'a>(ground: &impl Ground<'a>) -> Containers {
    ground.containers()
}

/// The hosts that are not among `victims`, in the order of the file.
pub(super) fn survivors<'p>(plan: &'p Plan, victims: &[&HostName]) -> Vec<&'p HostName> {
    let names = plan.hosts.iter().map(|host| &host.name);
    names.filter(|name| !victims.contains(name)).collect()
}

/// Pings from the container on the first host of `between` to that on the second while `fault` is caused, until they are answered
/// again. Before it they have to be answered for two seconds: a bridge that went back to its old place in the tree may still send what it
/// has learnt to another (802.1D-2004 17.11: until it is flushed or forgotten). What was lost is noted in the scenario, also when they never are.
///
/// # Errors
/// Those of `fault`; [`LabError::Wait`] when pings are not answered again; what else kept it from being measured.
pub(super) fn outage_of<'a, G: Ground<'a>>(
    ground: &mut G,
    scenario: &mut Scenario,
    containers: &Containers,
    between: [&HostName; 2],
    fault: impl FnOnce(&mut G) -> Result<(), LabError>,
) -> Result<(), LabError> {
    let [from, to] = between;
    let (source, target) = (container(containers, from)?, container(containers, to)?);
    wait_until_steady(ground, from, &source, target.address)?;
    let clock = Clock::of(on(ground, from)?)?;
    let ping = outage::start(on(ground, from)?, &source, target.address, LONGEST_PING)?;
    let caused_at = clock.now();
    let caused = fault(ground);
    let recovered = match caused {
        Ok(()) => wait_until_steady(ground, from, &source, target.address),
        Err(error) => Err(error),
    };
    let log = outage::stop(on(ground, from)?, &ping)?;
    let mut outage = outage::outage(&log, INTERVAL);
    outage.timeline.fault_at_seconds = outage::began_at(&log, INTERVAL).map(|began| (caused_at - began).max(0.0));
    scenario.between = Some(between.map(HostName::clone));
    scenario.outage = Some(outage);
    recovered
}

/// Waits until two seconds of pings lose nothing.
pub(super) fn wait_until_steady<'a>(
    ground: &impl Ground<'a>,
    from: &HostName,
    source: &ProbeContainer,
    target: Ipv4Addr,
) -> Result<(), LabError> {
    let machine = on(ground, from)?;
    let what = format!("pings from the container on {from} to {target}");
    until(&what, LONGEST_OUTAGE, Duration::from_millis(500), || {
        match machine.run(&steady(source, target), COMMAND_DEADLINE) {
            Ok(_) => Look::Ready(()),
            Err(error) => Look::Pending(error.to_string()),
        }
    })?;
    Ok(())
}

/// Two seconds of pings without a loss: longer than any timer that could still cut the path.
fn steady(from: &ProbeContainer, to: Ipv4Addr) -> String {
    format!(
        "nsenter --net=/proc/{}/ns/net ping -n -q -c 20 -i 0.1 -W 2 {to} | grep -F ' 0% packet loss' >&2",
        from.pid
    )
}

/// Lets time go by until `then`, unless a host ends.
pub(super) fn pass<'a>(ground: &impl Ground<'a>, then: Instant) -> Result<(), LabError> {
    let left = then.saturating_duration_since(Instant::now());
    // The last look may begin a moment too early.
    until("its time", left + PASS_SLACK, left.max(PASS_SLACK / 100), || {
        match ground.any_ended() {
            Some(why) => Look::Gone(why),
            None if Instant::now() >= then => Look::Ready(()),
            None => Look::Pending("not yet".to_owned()),
        }
    })?;
    Ok(())
}

/// The machine of `host`.
pub(super) fn machine<'s>(session: &'s Session<'_>, host: &HostName) -> Result<&'s SshMachine, LabError> {
    session.machine(host).ok_or_else(|| LabError::NoHost {
        cluster: session.plan.cluster.to_string(),
        host: host.to_string(),
    })
}

/// The container on `host`.
pub(super) fn container(containers: &Containers, host: &HostName) -> Result<ProbeContainer, LabError> {
    match containers.get(host) {
        Some(Ok(container)) => Ok(*container),
        Some(Err(why)) => Err(LabError::NoContainer {
            host: host.clone(),
            why: why.clone(),
        }),
        None => Err(LabError::NoContainer {
            host: host.clone(),
            why: "no such machine is running".to_owned(),
        }),
    }
}

/// Another machine's clock, as far as ours tells it: to ask for the time at the moment of a fault would take longer than the fault.
struct Clock {
    /// Its seconds since 1970 less ours at `asked`.
    seconds: f64,
    asked: Instant,
}

impl Clock {
    /// Asks `machine` three times and keeps the quickest answer, which is right to half the time it took.
    fn of(machine: &dyn Machine) -> Result<Self, ExecError> {
        let mut best = Self::ask(machine)?;
        for _ in 0..2 {
            let next = Self::ask(machine)?;
            if next.0 < best.0 {
                best = next;
            }
        }
        Ok(best.1)
    }

    fn ask(machine: &dyn Machine) -> Result<(Duration, Self), ExecError> {
        let before = Instant::now();
        let said = machine.run("date +%s.%N", COMMAND_DEADLINE)?.stdout_text();
        let took = before.elapsed();
        let seconds = said.trim().parse().map_err(|_| ExecError::Failed {
            command_line: "date +%s.%N".to_owned(),
            status: "no time".to_owned(),
            stderr_tail: said,
        })?;
        let asked = before + took / 2;
        Ok((took, Self { seconds, asked }))
    }

    /// Its time now, seconds since 1970.
    fn now(&self) -> f64 {
        self.seconds + self.asked.elapsed().as_secs_f64()
    }
}
