//! Each probe that looks for a fault of its own turns red when a real host has it, and green when it is undone.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;
use meshimg::lab::stranger;
use meshimg::machine::facts::{self, Scope};
use meshimg::machine::probe::{self, Asked, Verdict, container};

use super::{SOON, run, three};
use crate::clusters::{all_green, reds};

pub fn tests() -> Vec<Trial> {
    vec![
        three("what_no_file_has_and_what_is_there_twice_turn_red", hidden_changes),
        three("whatever_answers_a_stranger_turns_exposure_red", exposed),
        three("a_doubled_packet_turns_duplicates_red", doubled),
        three("a_black_hole_turns_bulk_red", black_hole),
    ]
}

/// Verdicts of the probes that need nothing but facts: unique, quiet, persistence.
fn looked_at(session: &Session<'_>) -> Vec<Verdict> {
    let facts = facts::gather(session.plan, &session.all(), Scope::All, SOON);
    let unique = probe::unique(session.plan, &facts);
    let quiet = probe::quiet(session.plan, &facts);
    [unique, quiet, probe::persistence(session.plan, &facts)].concat()
}

/// What a stranger finds.
pub fn exposure(session: &Session<'_>) -> Vec<Verdict> {
    let machines = session.all();
    let facts = facts::gather(session.plan, &machines, Scope::All, SOON);
    let containers = container::start(session.plan, &machines);
    let questions = probe::exposure::questions(session.plan, &facts, &containers);
    probe::exposure::exposure(session.plan, &stranger::ask(&session.lab, questions))
}

/// Exactly these are red: each line has the words of one of `wanted`, in this order.
pub fn exactly(verdicts: &[Verdict], wanted: &[&str]) -> Result<(), Failed> {
    let reds = reds(verdicts);
    if reds.len() == wanted.len() && reds.iter().zip(wanted).all(|(red, words)| red.contains(words)) {
        Ok(())
    } else {
        Err(format!("red are {reds:#?}, should be {wanted:#?}").into())
    }
}

const TWIN: &str = "docker run --detach --pull never --name twin --mac-address 02:00:5e:00:53:01 --label meshimg=twin \
                    meshimg/probe:latest sleep 600 >/dev/null";

/// One look at several faults: a port that only the database knows and a flood on host1, a file edited on host3, one MAC on two containers.
fn hidden_changes(session: &mut Session<'static>) -> Result<(), Failed> {
    let containers = container::start(session.plan, &session.all());
    let (from, to) = match (&containers[&"host1".parse()?], &containers[&"host2".parse()?]) {
        (Ok(from), Ok(to)) => (*from, *to),
        other => return Err(format!("{other:?}").into()),
    };
    run(session, "host2", TWIN)?;
    run(session, "host3", &format!("{TWIN}; echo '# by hand' >>/etc/meshimg/host.conf"))?;
    let flood = format!(
        "ovs-vsctl add-port br0 extra -- set interface extra type=internal -- set port extra other_config:rstp-enable=false\n\
         setsid nsenter -t {} -n ping -q -i 0.005 -w 120 {} >/dev/null 2>&1 </dev/null & echo $!",
        from.pid, to.address
    );
    let ping = run(session, "host1", &flood)?;
    let found = looked_at(session);
    run(session, "host1", &format!("kill {}; ovs-vsctl del-port extra", ping.trim()))?;
    run(session, "host2", "docker rm --force twin >/dev/null")?;
    run(
        session,
        "host3",
        "docker rm --force twin >/dev/null; sed -i '$d' /etc/meshimg/host.conf",
    )?;
    exactly(
        &found,
        &[
            "unique (cluster): MAC 02:00:5e:00:53:01 is that of container twin on host2 and container twin on host3",
            "frames/s where nothing was offered",
            "persistence (host1): port extra of br0 is in no file",
            "persistence (host3): /etc/meshimg/host.conf has been changed",
        ],
    )?;
    all_green(&looked_at(session))
}

/// A web server and an echo server on host2, and on host1 a tunnel to whoever has the stranger's address.
fn exposed(session: &mut Session<'static>) -> Result<(), Failed> {
    let address = session.lab.stranger().1.ok_or("the lab has no stranger")?;
    let servers = r#"
setsid python3 -m http.server 8080 --bind 0.0.0.0 --directory /tmp >/dev/null 2>&1 </dev/null & echo $!
setsid python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5300))
while True:
    s.sendto(*s.recvfrom(2000))' >/dev/null 2>&1 </dev/null & echo $!
until ss -Hltun | grep -q ':8080 ' && ss -Hltun | grep -q ':5300 '; do sleep 0.2; done
"#;
    let processes = run(session, "host2", servers)?;
    let tunnel = format!(
        "ovs-vsctl add-port br0 stranger -- set interface stranger type=gre options:remote_ip={address} \
         -- set port stranger other_config:rstp-enable=false"
    );
    run(session, "host1", &tunnel)?;
    let found = exposure(session);
    run(session, "host1", "ovs-vsctl del-port stranger")?;
    run(session, "host2", &format!("kill {}", processes.trim().replace('\n', " ")))?;
    exactly(
        &found,
        &[
            "exposure (host1): a frame came back by GRE",
            "exposure (host2): TCP port 8080 takes connections; UDP port 5300 answers",
        ],
    )?;
    all_green(&exposure(session))
}

/// Every packet that host1 sends on the underlay is sent twice.
fn doubled(session: &mut Session<'static>) -> Result<(), Failed> {
    let machines = session.all();
    let containers = container::start(session.plan, &machines);
    run(session, "host1", "tc qdisc add dev eth1 root netem duplicate 100%")?;
    let found = probe::duplicates(session.plan, &Asked::ask(session.plan, &machines, &containers));
    run(session, "host1", "tc qdisc del dev eth1 root")?;
    let reds = reds(&found);
    if reds.len() < 4 || !reds.iter().all(|red| red.contains("replies more than")) {
        return Err(format!("with every packet of host1 doubled, red are {reds:#?}").into());
    }
    all_green(&probe::duplicates(session.plan, &Asked::ask(session.plan, &machines, &containers)))
}

/// The underlay of host2 carries less than was planned: pings pass, full packets vanish.
fn black_hole(session: &mut Session<'static>) -> Result<(), Failed> {
    let machines = session.all();
    let containers = container::start(session.plan, &machines);
    run(session, "host2", "ip link set dev eth1 mtu 1300")?;
    let small = probe::container_ping(session.plan, &machines, &containers);
    let found = probe::bulk(session.plan, &machines, &containers);
    run(session, "host2", "ip link set dev eth1 mtu 1500")?;
    all_green(&small)?;
    let reds = reds(&found);
    if !reds
        .iter()
        .any(|red| red.starts_with("bulk (host2 -> host3)") && red.contains("of 67108864 bytes arrived"))
    {
        return Err(format!("with an underlay of 1300 bytes on host2, red are {reds:#?}").into());
    }
    let whole = meshimg::wait::until("bulk after the black hole", SOON, Duration::from_secs(1), || {
        let verdicts = probe::bulk(session.plan, &machines, &containers);
        match crate::clusters::reds(&verdicts) {
            none if none.is_empty() => meshimg::wait::Look::Ready(verdicts),
            reds => meshimg::wait::Look::Pending(reds.join("\n")),
        }
    })?;
    for verdict in whole {
        println!("{}: {}", verdict.subject, verdict.summary);
    }
    Ok(())
}
