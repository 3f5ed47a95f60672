//! Probe `docker`: the daemon runs on the planned bridge, slice and MTU, by its own account.

use std::collections::BTreeMap;

use super::check::Check;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, for_each_host, on};
use crate::plan::{HostPlan, Plan};
use crate::spec::HostName;

const HELP: &str = "on the host: `docker network inspect bridge`, /etc/docker/daemon.json, `journalctl -u docker`; Docker reads the file only \
                    when it starts";

/// Bridge, subnet, slice and MTU of Docker's default network, read back from the daemon; per host.
pub fn docker(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    for_each_host(Probe::Docker, plan, facts, |host, facts| judge(plan, host, facts))
}

fn judge(plan: &Plan, host: &HostPlan, facts: &Facts) -> Verdict {
    let docker = match facts.docker.known() {
        Ok(docker) => docker,
        Err(why) => {
            return Verdict::red(
                Probe::Docker,
                on(&host.name),
                format!("Docker: {why}"),
                if why.starts_with("not reached") { UNKNOWN_HELP } else { HELP },
            );
        }
    };
    let planned = &host.container_bridge;
    let network = &docker.network;
    let option = |name: &str| network.options.get(name);
    let mut check = Check::default();
    check.equal("bridge", option("com.docker.network.bridge.name"), &planned.name);
    check.equal("subnet", network.subnet.as_ref(), plan.containers.subnet);
    check.equal("range of addresses", network.ip_range.as_ref(), planned.slice);
    check.equal("gateway", network.gateway.as_ref(), planned.address);
    check.equal("MTU", option("com.docker.network.driver.mtu"), plan.mtu.mesh);
    let summary = format!(
        "Docker{} on {}, slice {}, MTU {}",
        docker
            .version
            .known()
            .map_or_else(|_| String::new(), |version| format!(" {version}")),
        planned.name,
        planned.slice,
        plan.mtu.mesh
    );
    check.verdict(Probe::Docker, on(&host.name), summary, HELP)
}
