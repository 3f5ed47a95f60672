//! Another mesh on hosts that run: what an operator does who changes `mesh` in cluster.yaml.

use std::time::Duration;

use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::on_each;
use crate::plan::{HostPlan, Plan};
use crate::render::{HostFile, host_files};
use crate::spec::{HostName, Network};

/// Bridges and tunnels go and come; each command of ifupdown takes an emulated host a second.
const DEADLINE: Duration = Duration::from_secs(180);

/// Ends the text of the file in the script; neither file has such a line.
const END: &str = "MESHIMG_END_OF_FILE";

/// What changes on a host.
#[derive(Debug, PartialEq, Eq)]
struct Changes {
    write: Vec<HostFile>,
    remove: Vec<String>,
}

/// Gives the hosts of `session` the mesh of `plan`, which must have the same hosts and differ in nothing else. The bridges are made anew:
/// Open vSwitch would keep what the old spanning tree has blocked.
///
/// # Errors
/// [`LabError::NotRemade`] with the host and what differs; then no host has been changed. What ssh says, if that fails.
pub fn remake<'a>(session: &mut Session<'a>, plan: &'a Plan) -> Result<(), LabError> {
    let mut scripts = Vec::new();
    for host in &plan.hosts {
        let changes = changes(session.plan, plan, host).map_err(|why| LabError::NotRemade {
            host: host.name.clone(),
            why,
        })?;
        scripts.push((&host.name, script(host, &changes)));
    }
    let results = on_each(&session.all(), |machine| {
        match scripts.iter().find(|(host, _)| *host == machine.name()) {
            Some((_, script)) => machine.run(script, DEADLINE).map(|_| ()),
            None => Ok(()),
        }
    });
    results.into_values().collect::<Result<(), _>>()?;
    session.plan = plan;
    Ok(())
}

/// The files of `host` that are others than before, if its mesh is all that differs.
fn changes(old: &Plan, new: &Plan, host: &HostPlan) -> Result<Changes, String> {
    let names = |plan: &Plan| plan.hosts.iter().map(|host| host.name.clone()).collect::<Vec<HostName>>();
    if old.cluster != new.cluster || names(old) != names(new) {
        return Err("the clusters have not got the same name and hosts".to_owned());
    }
    let before = old.hosts.iter().find(|old| old.name == host.name).ok_or("it is not there")?;
    if before.address != host.address {
        return Err(format!("its address is {}, not {}", before.address, host.address));
    }
    let mut same = before.clone();
    same.mesh_bridge = host.mesh_bridge.clone();
    // Docker knows the MTU of the mesh.
    same.docker.daemon = host.docker.daemon.clone();
    if same != *host || before.mesh_bridge.name != host.mesh_bridge.name {
        return Err("it differs in more than its mesh, which only a new boot brings about".to_owned());
    }
    let files = |plan, host| host_files(plan, host).map_err(|error| error.to_string());
    let (before, after) = (files(old, before)?, files(new, host)?);
    let gone = before.iter().filter(|file| !after.iter().any(|kept| kept.path == file.path));
    Ok(Changes {
        remove: gone.map(|file| file.path.clone()).collect(),
        write: after.into_iter().filter(|file| !before.contains(file)).collect(),
    })
}

fn script(host: &HostPlan, changes: &Changes) -> String {
    let bridge = &host.mesh_bridge.name;
    let mut lines = vec![
        "set -eu".to_owned(),
        // A unit of systemd takes its bridges away when it stops.
        match host.network {
            Network::Ifupdown => format!("ifdown --force {bridge} >&2\novs-vsctl --if-exists del-br {bridge}"),
            Network::Systemd => "systemctl stop meshimg-mesh".to_owned(),
        },
    ];
    for file in &changes.write {
        let HostFile { path, mode, text } = file;
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        lines.push(format!(
            "mkdir -p {folder}\ncat >{path} <<'{END}'\n{}\n{END}\nchmod {mode:o} {path}",
            text.trim_end()
        ));
    }
    lines.extend(changes.remove.iter().map(|path| format!("rm -f {path}")));
    lines.push("systemctl daemon-reload\nsystemctl restart meshimg-mesh".to_owned());
    if changes.write.iter().any(|file| file.path.starts_with("/etc/docker/")) {
        lines.push("systemctl restart docker".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(mesh: &str) -> Plan {
        let text = format!("{}mesh: {mesh}\n", include_str!("../../../examples/three-hosts/cluster.yaml"));
        let (spec, _) = crate::spec::load(text.as_bytes()).unwrap();
        crate::plan::plan(&spec).unwrap()
    }

    fn differ(old: &str, new: &str) -> Result<Changes, String> {
        let new = plan(new);
        changes(&plan(old), &new, &new.hosts[0])
    }

    fn written(changes: &Changes) -> Vec<&str> {
        changes.write.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn another_spanning_tree_needs_one_other_file() {
        let found = differ("{}", "{loop-protection: stp}").unwrap();
        assert_eq!(written(&found), ["/etc/network/interfaces.d/60-meshimg"]);
        let ours = script(&plan("{}").hosts[0], &found);
        assert!(
            found.remove.is_empty() && ours.contains("stp_enable=true") && ours.contains("ifdown") && !ours.contains("restart docker"),
            "{ours}"
        );
        let found = differ("{loop-protection: stp}", "{bfd: none}").unwrap();
        assert!(found.write[0].text.contains("bfd:enable=false"));
    }

    #[test]
    fn a_direct_fabric_brings_its_rules_and_takes_them_away() {
        let (tree, direct) = ("{}\nnetwork: systemd", "{fabric: direct}\nnetwork: systemd");
        let there = differ(tree, direct).unwrap();
        let back = differ(direct, tree).unwrap();
        let rules = [
            "/etc/systemd/system/ovs-vswitchd.service.d/meshimg-rules.conf",
            "/usr/local/lib/meshimg/mesh-rules",
        ];
        assert!(
            rules.iter().all(|path| written(&there).contains(path)) && there.remove.is_empty(),
            "{there:?}"
        );
        assert_eq!(back.remove, rules);
        let ours = script(&plan(direct).hosts[0], &there);
        // Its MTU is another one.
        assert!(
            ours.contains("chmod 755 /usr/local/lib/meshimg/mesh-rules") && ours.contains("restart docker"),
            "{ours}"
        );
        assert!(ours.contains("cat >/etc/meshimg/host.conf") && !ours.contains("ifdown"), "{ours}");
    }

    #[test]
    fn what_only_a_new_boot_brings_about_is_refused() {
        for other in ["{}\nnetwork: systemd", "{bridge: br1}", "{}\ncontainers: {subnet: 10.1.0.0/16}"] {
            let said = differ("{}", other).unwrap_err();
            assert!(said.contains("differs in more than its mesh"), "{said}");
        }
        let (old, mut new) = (plan("{}"), plan("{}"));
        new.hosts[0].address = "192.0.2.9".parse().unwrap();
        let said = changes(&old, &new, &new.hosts[0]).unwrap_err();
        assert_eq!(said, "its address is 192.0.2.1, not 192.0.2.9");
        new.hosts.pop();
        changes(&old, &new, &new.hosts[1]).unwrap_err();
    }
}
