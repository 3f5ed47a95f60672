//! `network: systemd`: the mesh without ifupdown, on two of five hosts.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::scenario::Fault;
use meshimg::lab::session::Session;

use super::host_faults::cause;
use super::{containers_reach_each_other, long, on, run};
use crate::clusters::SPARSE;

pub fn tests() -> Vec<Trial> {
    vec![
        on(&SPARSE, "ifupdown_has_no_part_in_it", without_ifupdown),
        on(&SPARSE, "a_reload_sets_right_what_was_changed_by_hand", reload),
        on(&SPARSE, "a_stop_takes_all_away_and_a_start_gives_containers_their_place_back", stop),
        on(&SPARSE, "open_vswitch_that_was_killed_comes_back", |session| {
            cause(session, Fault::OvsKill)
        }),
        long(on(&SPARSE, "a_restart_of_networking_keeps_bridges_and_containers", |session| {
            cause(session, Fault::NetworkingRestart)
        })),
    ]
}

/// The image has it for the underlay.
fn without_ifupdown(session: &mut Session<'static>) -> Result<(), Failed> {
    let knows = run(session, "host3", "ifquery --list; ifquery --state")?;
    if knows.contains("br0") || knows.contains("docker0") || !knows.contains("eth1") {
        return Err(format!("ifupdown knows {knows}").into());
    }
    Ok(())
}

/// What tells a bridge, its tunnels and the probe container from those made anew.
const IDENTITY: &str = "cat /sys/class/net/br0/ifindex /sys/class/net/docker0/ifindex
ovs-vsctl --bare --columns=_uuid find Interface type=gre | sort
docker inspect --format '{{.State.Pid}}' meshimg-probe";

fn reload(session: &mut Session<'static>) -> Result<(), Failed> {
    let before = run(session, "host4", IDENTITY)?;
    let spoil =
        "ovs-vsctl add-port br0 stray -- set interface stray type=gre options:remote_ip=192.0.2.99 -- set interface gre7 options:key=7
ip address add 172.17.99.1/18 dev docker0
ip link set dev br0 nomaster";
    run(session, "host4", spoil)?;
    run(session, "host4", "systemctl reload meshimg-mesh")?;
    containers_reach_each_other(session)?;
    let after = run(session, "host4", IDENTITY)?;
    if before != after {
        return Err(format!("made anew: {before}\n{after}").into());
    }
    let left = run(
        session,
        "host4",
        "ovs-vsctl get interface gre7 options; ip -oneline address show dev docker0",
    )?;
    if left.contains("key") || left.contains("172.17.99.1") {
        return Err(left.into());
    }
    Ok(())
}

fn stop(session: &mut Session<'static>) -> Result<(), Failed> {
    const CONTAINER: &str = "docker inspect --format '{{.State.Pid}} {{.State.Running}}' meshimg-probe";
    let before = run(session, "host3", CONTAINER)?;
    run(session, "host3", "systemctl stop meshimg-mesh")?;
    let left = run(session, "host3", "ovs-vsctl show; ls /sys/class/net")?;
    run(session, "host3", "systemctl start meshimg-mesh")?;
    if left.contains("br0") || left.contains("docker0") || left.contains("remote_ip") {
        return Err(format!("after the stop: {left}").into());
    }
    containers_reach_each_other(session)?;
    let after = run(session, "host3", CONTAINER)?;
    if before == after && after.contains("true") {
        Ok(())
    } else {
        Err(format!("{before}{after}").into())
    }
}
