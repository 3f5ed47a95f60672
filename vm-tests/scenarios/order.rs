//! Docker never makes its own docker0, and what was taken down by hand comes back. Restarts of services: host_faults.rs.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;
use meshimg::wait::{Look, until};

use super::{SOON, containers_reach_each_other, long, run, three};

pub fn tests() -> Vec<Trial> {
    vec![
        three("a_new_bridge_gets_its_containers_back", |session| {
            containers_stay(session, "ifdown docker0 && ifup docker0")
        }),
        three("a_mesh_taken_down_by_hand_comes_back", |session| {
            containers_stay(
                session,
                "ifdown --force br0; ovs-vsctl --if-exists del-br br0; systemctl restart meshimg-mesh",
            )?;
            containers_stay(session, "ovs-vsctl del-port gre1; systemctl restart meshimg-mesh")
        }),
        long(three("docker_without_its_bridge_says_what_is_missing", docker_without_its_bridge)),
        three("a_broken_open_vswitch_locks_nobody_out", broken_open_vswitch),
    ]
}

/// docker0 with the planned address and no other, and br0 as its port.
const BRIDGE_IS_OURS: &str = "ip -4 -oneline address show dev docker0 | awk '{print $4}'; ls /sys/class/net/docker0/brif | grep -x br0";

fn bridge_is_ours(session: &Session<'_>) -> Result<(), Failed> {
    let said = run(session, "host2", BRIDGE_IS_OURS)?;
    if said == "172.17.42.2/16\nbr0\n" {
        Ok(())
    } else {
        Err(format!("docker0 is not ours: {said}").into())
    }
}

/// Whatever `script` does to the network of host2, the same containers answer afterwards, not new ones.
fn containers_stay(session: &mut Session<'static>, script: &str) -> Result<(), Failed> {
    containers_reach_each_other(session)?;
    let ask = "docker ps --quiet --no-trunc --filter label=meshimg=probe";
    let before = run(session, "host2", ask)?;
    run(session, "host2", script)?;
    bridge_is_ours(session)?;
    let after = run(session, "host2", ask)?;
    if before != after || before.trim().is_empty() {
        return Err(format!("other containers run: {before} before, {after} after").into());
    }
    containers_reach_each_other(session)
}

fn docker_without_its_bridge(session: &mut Session<'static>) -> Result<(), Failed> {
    run(
        session,
        "host2",
        "systemctl stop docker.socket docker; ifdown docker0; systemctl start --no-block docker",
    )?;
    let said = until("Docker's complaint", SOON, Duration::from_secs(1), || {
        let journal = run(
            session,
            "host2",
            "journalctl --boot --unit docker --output cat --no-pager | grep 'must not make' || true",
        );
        match journal {
            Ok(text) if text.contains("docker0 has not got 172.17.42.2/16") => Look::Ready(text),
            Ok(text) => Look::Pending(text),
            Err(error) => Look::Pending(format!("{error:?}")),
        }
    })?;
    let bridges = run(session, "host2", "ip -brief link show type bridge | cut -d ' ' -f 1")?;
    if bridges.contains("docker0") {
        return Err(format!("Docker has made a docker0: {bridges}").into());
    }
    if !said.contains("systemctl reload-or-restart meshimg-mesh") {
        return Err(format!("the message does not say what to do: {said}").into());
    }
    run(session, "host2", "ifup docker0; systemctl start docker")?;
    bridge_is_ours(session)?;
    containers_reach_each_other(session)
}

/// Open vSwitch that can't start must not hold up the boot, the underlay or ssh.
fn broken_open_vswitch(session: &mut Session<'static>) -> Result<(), Failed> {
    let boot = run(session, "host3", "cat /proc/sys/kernel/random/boot_id")?;
    run(session, "host3", "mv /usr/sbin/ovs-vswitchd /usr/sbin/ovs-vswitchd.gone; sync")?;
    session.lab.reset("host3")?;
    let host3 = "host3".parse()?;
    let machine = session.machine(&host3).ok_or("host3 is not there")?;
    meshimg::machine::ssh::wait_for_reboot(machine, &boot, Duration::from_secs(300), || session.lab.ended("host3"))?;
    let underlay = run(
        session,
        "host3",
        "ping -c 3 -W 5 192.0.2.1 >&2; systemctl show --property ActiveState --value ssh",
    )?;
    if underlay.trim() != "active" {
        return Err(format!("ssh is {underlay}").into());
    }
    run(
        session,
        "host3",
        "mv /usr/sbin/ovs-vswitchd.gone /usr/sbin/ovs-vswitchd; systemctl restart openvswitch-switch meshimg-setup; systemctl reset-failed",
    )?;
    containers_reach_each_other(session)
}
