//! Other choices than the defaults: IPv6, VXLAN, the classic spanning tree, Debian 12, and stock hosts, with netplan alone and with ifupdown beside it,
//! where cloud-init installs Open vSwitch and Docker at the first boot.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;

use super::probes::exactly;
use super::{long, on, remote, run, stock};
use crate::clusters::MIXED;

pub fn tests() -> Vec<Trial> {
    let mut tests = stock::tests();
    tests.extend([
        on(&MIXED, "stock_hosts_get_to_the_end", packages),
        on(&MIXED, "every_probe_is_green_but_for_the_resolver", |session| {
            stock::whole(session)?;
            exactly(&session.probe(), OF_THE_DISTRIBUTION)
        }),
        long(on(&MIXED, "a_bare_host_gets_packages_mesh_and_docker_by_ssh", |session| {
            stock::whole(session)?;
            remote::bare(session)
        })),
    ]);
    tests
}

/// systemd-resolved of the images with netplan answers for names of the link (LLMNR, RFC 4795), as on Debian's own cloud images. The report
/// says so; the resolver is the operator's.
const OF_THE_DISTRIBUTION: &[&str] = &[
    "exposure (alpha): TCP port 5355 takes connections",
    "exposure (gamma): TCP port 5355 takes connections",
];

fn packages(session: &mut Session<'static>) -> Result<(), Failed> {
    stock::whole(session)?;
    for host in &session.plan.hosts {
        let said = run(session, host.name.as_str(), "grep -h '^Install:' /var/log/apt/history.log")?;
        if !said.contains("docker.io") || !said.contains("openvswitch-switch") {
            return Err(format!("{}: {said}", host.name).into());
        }
        let network = run(
            session,
            host.name.as_str(),
            "docker network inspect bridge --format '{{range .IPAM.Config}}{{.Subnet}} {{.IPRange}}{{end}}'",
        )?;
        let planned = format!("{} {}", session.plan.containers.subnet, host.container_bridge.slice);
        if network.trim() != planned {
            return Err(format!("{}: Docker has {network}, planned is {planned}", host.name).into());
        }
        let status = run(session, host.name.as_str(), "cloud-init status --format json | tr -d ' \\n'")?;
        if !status.contains("\"status\":\"done\"") || !status.contains("\"errors\":[]") {
            return Err(format!("{}: {status}", host.name).into());
        }
    }
    Ok(())
}
