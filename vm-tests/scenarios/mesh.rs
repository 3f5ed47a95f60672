//! The mesh carries what it should, and the probes that say so turn red when it does not.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;
use meshimg::machine::facts::{Scope, gather};
use meshimg::machine::probe;

use super::{SOON, containers_reach_each_other, run, three};
use crate::clusters::{all_green, reds};

pub fn tests() -> Vec<Trial> {
    vec![
        three("every_probe_is_green", every_probe_is_green),
        three("links_cut_turn_container_ping_red", links_cut_turn_container_ping_red),
        three("a_wrong_mtu_turns_mtu_red", a_wrong_mtu_turns_mtu_red),
        three("busy_processors_take_no_link_down", busy_processors),
        three("bridged_frames_pass_whatever_br_netfilter_says", bridged_frames_pass),
    ]
}

fn every_probe_is_green(session: &mut Session<'static>) -> Result<(), Failed> {
    all_green(&session.probe())
}

fn links_cut_turn_container_ping_red(session: &mut Session<'static>) -> Result<(), Failed> {
    let machines = session.all();
    let containers = probe::container::start(session.plan, &machines);
    session.lab.cut_all()?;
    let cut = probe::container_ping(session.plan, &machines, &containers);
    session.lab.heal()?;
    if reds(&cut).len() != 6 {
        return Err(format!("with all links cut, these pairs alone are red: {:?}", reds(&cut)).into());
    }
    containers_reach_each_other(session)
}

fn a_wrong_mtu_turns_mtu_red(session: &mut Session<'static>) -> Result<(), Failed> {
    run(session, "host2", "ovs-vsctl set interface br0 mtu_request=1400")?;
    let machines = session.all();
    let containers = probe::container::start(session.plan, &machines);
    let small = reds(&probe::mtu(session.plan, &machines, &containers));
    run(session, "host2", "ovs-vsctl set interface br0 mtu_request=1462")?;
    let small_pairs = small.len();
    // Too large a plan is as wrong: one byte more than the mesh carries.
    let mut wrong = session.plan.clone();
    wrong.mtu.mesh += 1;
    let large = reds(&probe::mtu(&wrong, &machines, &containers)).len();
    if small_pairs != 4 || large != 6 {
        return Err(format!("red with 1400 bytes on host2: {small:?}; with a plan of 1463: {large}").into());
    }
    all_green(&probe::mtu(session.plan, &machines, &containers))
}

/// A service with the greatest weight there is wants all of host1's processors for ten seconds. Without the priority that ovs-vswitchd
/// has, links would go down, and the probe would say so.
fn busy_processors(session: &mut Session<'static>) -> Result<(), Failed> {
    const COUNT: &str = "ovs-vsctl --bare --columns=bfd_status find interface bfd:enable=true | grep -o 'flap_count=[0-9]*' | cut -d= -f2";
    const BUSY: &str = "systemd-run --quiet --wait --collect --property=CPUWeight=10000 timeout 10 \
                        sh -c 'for i in $(seq \"$(nproc)\"); do while :; do :; done & done; wait' || [ $? -eq 124 ]";
    let flaps = |session: &Session<'static>| -> Result<u64, Failed> {
        let counts = run(session, "host1", COUNT)?;
        Ok(counts.lines().map(str::parse::<u64>).sum::<Result<_, _>>()?)
    };
    let while_busy = |session: &Session<'static>| -> Result<u64, Failed> {
        let before = flaps(session)?;
        run(session, "host1", BUSY)?;
        Ok(flaps(session)? - before)
    };
    let with = while_busy(session)?;
    run(
        session,
        "host1",
        "for process in $(pidof ovs-vswitchd); do chrt --all-tasks --other --pid 0 \"$process\"; done",
    )?;
    let without = while_busy(session);
    let red = reds(&probe::ovs(session.plan, &gather(session.plan, &session.all(), Scope::Mesh, SOON)));
    run(session, "host1", "/usr/local/lib/meshimg/mesh-up")?;
    let without = without?;
    if with != 0 || without == 0 || red.len() != 1 {
        return Err(format!("links went down {with} times, without the priority {without} times, and that is red: {red:?}").into());
    }
    all_green(&probe::ovs(session.plan, &gather(session.plan, &session.all(), Scope::Mesh, SOON)))?;
    containers_reach_each_other(session)
}

/// Kubernetes and others load br_netfilter and have bridged frames pass iptables.
fn bridged_frames_pass(session: &mut Session<'static>) -> Result<(), Failed> {
    for host in ["host1", "host2", "host3"] {
        let value = run(
            session,
            host,
            "modprobe br_netfilter; udevadm settle; cat /proc/sys/net/bridge/bridge-nf-call-iptables",
        )?;
        if value.trim() != "0" {
            return Err(format!("{host}: loading br_netfilter leaves bridge-nf-call-iptables={value}").into());
        }
    }
    containers_reach_each_other(session)?;
    for host in ["host1", "host2", "host3"] {
        run(session, host, "sysctl -w net.bridge.bridge-nf-call-iptables=1")?;
    }
    let result = containers_reach_each_other(session);
    for host in ["host1", "host2", "host3"] {
        run(session, host, "sysctl -w net.bridge.bridge-nf-call-iptables=0")?;
    }
    result
}
