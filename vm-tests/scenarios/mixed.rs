//! Other choices than the defaults: IPv6, VXLAN, the classic spanning tree, Debian 12, and hosts whose image has neither Open vSwitch
//! nor Docker, so that cloud-init installs them at the first boot.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;

use super::{on, run};
use crate::clusters::{MIXED, all_green};

pub fn tests() -> Vec<Trial> {
    vec![
        on(&MIXED, "packages_come_at_the_first_boot", packages),
        on(&MIXED, "every_probe_is_green", |session| all_green(&session.probe())),
    ]
}

fn packages(session: &mut Session<'static>) -> Result<(), Failed> {
    for host in &session.plan.hosts {
        let said = run(
            session,
            host.name.as_str(),
            "journalctl --boot --unit meshimg-setup --output cat --no-pager | grep '^meshimg: installing'",
        )?;
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
    }
    Ok(())
}
