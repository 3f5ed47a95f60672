//! Another mesh on hosts that run: what an operator does who changes `mesh` in cluster.yaml.

use std::time::Duration;

use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::on_each;
use crate::plan::{HostPlan, Plan};
use crate::render::{HostFile, host_files};
use crate::spec::{HostName, Network};

/// The one file that may differ.
fn description(network: Network) -> &'static str {
    match network {
        Network::Ifupdown => "/etc/network/interfaces.d/60-meshimg",
        Network::Systemd => "/etc/meshimg/host.conf",
    }
}

/// Bridges and tunnels go and come; each command of ifupdown takes an emulated host a second.
const DEADLINE: Duration = Duration::from_secs(180);

/// Ends the text of the file in the script; neither file has such a line.
const END: &str = "MESHIMG_END_OF_FILE";

/// Gives the hosts of `session` the mesh of `plan`, which must have the same hosts and differ in nothing else. The bridges are made anew:
/// Open vSwitch would keep what the old spanning tree has blocked.
///
/// # Errors
/// [`LabError::NotRemade`] with the host and what differs; then no host has been changed. What ssh says, if that fails.
pub(super) fn remake<'a>(session: &mut Session<'a>, plan: &'a Plan) -> Result<(), LabError> {
    let mut scripts = Vec::new();
    for host in &plan.hosts {
        let text = changed(session.plan, plan, host).map_err(|why| LabError::NotRemade {
            host: host.name.clone(),
            why,
        })?;
        scripts.push((&host.name, script(host.network, &text)));
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

/// The new text of the one file of `host`, if that is all that differs.
fn changed(old: &Plan, new: &Plan, host: &HostPlan) -> Result<String, String> {
    let names = |plan: &Plan| plan.hosts.iter().map(|host| host.name.clone()).collect::<Vec<HostName>>();
    if old.cluster != new.cluster || names(old) != names(new) {
        return Err("the clusters have not got the same name and hosts".to_owned());
    }
    let before = old.hosts.iter().find(|old| old.name == host.name).ok_or("it is not there")?;
    if before.address != host.address {
        return Err(format!("its address is {}, not {}", before.address, host.address));
    }
    let path = description(host.network);
    let files = |plan, host| host_files(plan, host).map_err(|error| error.to_string());
    let (before, after) = (files(old, before)?, files(new, host)?);
    let others = |files: &[HostFile]| files.iter().filter(|file| file.path != path).cloned().collect::<Vec<_>>();
    let (before_others, after_others) = (others(&before), others(&after));
    let differs = after_others.iter().find(|file| !before_others.contains(file));
    if let Some(file) = differs.or_else(|| before_others.iter().find(|file| !after_others.contains(file))) {
        return Err(format!("{} differs too, which only a new boot brings about", file.path));
    }
    let text = after.into_iter().find(|file| file.path == path).map(|file| file.text);
    text.ok_or_else(|| format!("it has no {path}"))
}

fn script(network: Network, text: &str) -> String {
    // A unit of systemd takes its bridges away when it stops.
    let away = match network {
        Network::Ifupdown => "ifdown --force br0 >&2\novs-vsctl --if-exists del-br br0",
        Network::Systemd => "systemctl stop meshimg-mesh",
    };
    format!(
        "{away}
cat >{path} <<'{END}'
{text}
{END}
systemctl restart meshimg-mesh
",
        path = description(network),
        text = text.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(mesh: &str) -> Plan {
        let text = format!("{}mesh: {mesh}\n", include_str!("../../../examples/three-hosts/cluster.yaml"));
        let (spec, _) = crate::spec::load(text.as_bytes()).unwrap();
        crate::plan::plan(&spec).unwrap()
    }

    fn differ(old: &str, new: &str) -> Result<String, String> {
        let new = plan(new);
        changed(&plan(old), &new, &new.hosts[0])
    }

    #[test]
    fn another_spanning_tree_needs_no_other_file() {
        let text = differ("{}", "{loop-protection: stp}").unwrap();
        let ours = script(Network::Ifupdown, &text);
        assert!(
            text.contains("stp_enable=true") && ours.contains(&text) && ours.contains("ifdown"),
            "{ours}"
        );
        assert!(
            differ("{loop-protection: stp}", "{bfd: none}")
                .unwrap()
                .contains("bfd:enable=false")
        );
    }

    #[test]
    fn what_only_a_new_boot_brings_about_is_refused() {
        let said = differ("{}", "{tunnel: vxlan}").unwrap_err();
        assert!(said.contains("differs too"), "{said}");
        let (old, mut new) = (plan("{}"), plan("{}"));
        new.hosts[0].address = "192.0.2.9".parse().unwrap();
        let said = changed(&old, &new, &new.hosts[0]).unwrap_err();
        assert_eq!(said, "its address is 192.0.2.1, not 192.0.2.9");
        new.hosts.pop();
        changed(&old, &new, &new.hosts[1]).unwrap_err();
    }

    #[test]
    fn a_unit_of_systemd_reads_another_file() {
        let text = differ("{}\nnetwork: systemd", "{loop-protection: stp}\nnetwork: systemd").unwrap();
        let ours = script(Network::Systemd, &text);
        assert!(
            text.contains("stp_enable=true") && ours.contains(&text) && !ours.contains("ifdown"),
            "{ours}"
        );
        assert!(ours.contains("cat >/etc/meshimg/host.conf"), "{ours}");
        let said = differ("{}", "{}\nnetwork: systemd").unwrap_err();
        assert!(said.contains("differs too"), "{said}");
    }
}
