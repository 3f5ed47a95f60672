//! Tests of [`super`].

use super::*;
use crate::machine::Facts;
use crate::machine::facts::Found as Known;
use crate::machine::sample;

/// The first host of the sample, all as planned.
pub fn found(plan: &Plan) -> Found {
    let host = &plan.hosts[0];
    let files = host_files(plan, host).unwrap();
    Found {
        facts: sample::facts(plan)[&host.name].clone(),
        ours: files
            .iter()
            .map(|file| file.path.clone())
            .filter(|path| path.contains("meshimg"))
            .collect(),
        files: files.iter().map(|file| (file.path.clone(), FileFacts::from(file))).collect(),
        packages: host.packages.iter().map(|package| package.as_str().to_owned()).collect(),
        units: ["meshimg-mesh.service", "meshimg-setup.service"]
            .map(|unit| (unit.to_owned(), "enabled".to_owned()))
            .into(),
        claimed: Some("# What the scripts need to know about host1 of cluster demo. Written by meshimg.".to_owned()),
        os: "debian-13".to_owned(),
        pending: false,
        before: None,
        by_cloud_init: false,
    }
}

fn of(plan: &Plan, spoil: impl FnOnce(&mut Found)) -> HostChange {
    let mut found = found(plan);
    spoil(&mut found);
    change(plan, &plan.hosts[0], &found).unwrap()
}

fn bridge(found: &mut Found) -> &mut crate::machine::openvswitch::Bridge {
    let Known::Known(ovs) = &mut found.facts.ovs else { unreachable!() };
    ovs.bridges.get_mut("br0").unwrap()
}

fn actions(change: &HostChange) -> Vec<(&str, Action)> {
    change
        .services
        .iter()
        .map(|service| (service.unit.as_str(), service.action))
        .collect()
}

#[test]
fn a_host_as_planned_has_nothing_to_do() {
    for plan in [sample::plan(), sample::direct_plan()] {
        let change = of(&plan, |_| {});
        assert!(
            change.is_empty() && change.services.is_empty() && change.write.is_empty(),
            "{change:?}"
        );
        assert_eq!(change.cut_off.seconds, Some(0.0));
    }
}

#[test]
fn a_tunnel_that_is_gone_is_brought_back_and_cuts_nothing_off() {
    let change = of(&sample::plan(), |found| {
        bridge(found).ports.remove("gre1");
    });
    assert_eq!(change.running, ["tunnels: port gre1 to host2 is not there"]);
    assert_eq!(
        actions(&change),
        [
            ("meshimg-setup.service", Action::Restart),
            ("meshimg-mesh.service", Action::Restart)
        ]
    );
    assert_eq!((change.kind, change.cut_off.seconds), (Kind::Changed, Some(0.0)));
}

#[test]
fn dockers_file_that_was_edited_is_written_anew_and_docker_restarts() {
    let change = of(&sample::plan(), |found| {
        found.files.get_mut("/etc/docker/daemon.json").unwrap().hash = "00".to_owned();
        found.files.remove("/etc/sysctl.d/60-meshimg.conf");
        found.ours.push("/usr/local/lib/meshimg/mesh-rules".to_owned());
    });
    let files: Vec<(&str, Kind)> = change.files.iter().map(|file| (file.path.as_str(), file.kind)).collect();
    assert_eq!(
        files,
        [
            ("/etc/docker/daemon.json", Kind::Changed),
            ("/etc/sysctl.d/60-meshimg.conf", Kind::New),
            ("/usr/local/lib/meshimg/mesh-rules", Kind::Gone),
        ]
    );
    assert_eq!(change.write.len(), 2);
    assert!(change.restarts_docker() && change.cut_off.seconds.is_none(), "{change:?}");
    assert!(change.notes.is_empty());
}

#[test]
fn another_protocol_makes_the_bridge_anew_and_the_time_is_told() {
    let change = of(&sample::plan(), |found| {
        bridge(found).rstp_enable = false;
        bridge(found).stp_enable = true;
    });
    assert!(actions(&change).contains(&("br0", Action::RemakeMeshBridge)));
    assert_eq!(change.cut_off.seconds, Some(4.0));
}

#[test]
fn a_bare_host_gets_everything_and_its_own_docker_settings_are_spoken_of() {
    let plan = sample::plan();
    let change = of(&plan, |found| {
        found.files.retain(|path, _| path == "/etc/docker/daemon.json");
        found.files.get_mut("/etc/docker/daemon.json").unwrap().hash = "00".to_owned();
        found.facts = Facts::unknown("ovs-vsctl is not installed");
        found.units.values_mut().for_each(String::clear);
        found.ours.clear();
        found.claimed = None;
    });
    assert_eq!((change.kind, change.cut_off.seconds), (Kind::New, Some(0.0)));
    assert_eq!(change.write.len(), host_files(&plan, &plan.hosts[0]).unwrap().len());
    assert!(
        change
            .running
            .contains(&"meshimg-mesh.service: not there, planned enabled".to_owned())
    );
    assert!(change.notes[0].contains("daemon.json is replaced"), "{:?}", change.notes);
}

#[test]
fn a_machine_that_is_another_host_is_left_alone() {
    let plan = sample::plan();
    let refusal = |spoil: fn(&mut Found)| {
        let mut found = found(&plan);
        spoil(&mut found);
        change(&plan, &plan.hosts[0], &found).unwrap_err().to_string()
    };
    let said = refusal(|found| found.claimed = Some("# What ... about host2 of cluster demo. Written by meshimg.".to_owned()));
    assert_eq!(
        said,
        "the machine at 192.0.2.1 says that it is host2 of cluster demo: has it another address in cluster.yaml?"
    );
    let said = refusal(|found| found.os = "ubuntu-24.04".to_owned());
    assert_eq!(said, "it runs ubuntu-24.04, and `os` says debian-13");
    assert!(refusal(|found| found.pending = true).starts_with("a change is under way there"));
    // A bridge without a mesh, of a Docker that does not run.
    let said = refusal(|found| {
        found.claimed = None;
        found.facts.ovs = Known::Unknown("ovs-vsctl is not installed".to_owned());
        found.facts.docker = Known::Unknown("docker.service is not active".to_owned());
    });
    assert!(
        said.starts_with("there is a bridge docker0, which Docker does not say is its own"),
        "{said}"
    );
}

#[test]
fn a_bridge_that_docker_has_made_gives_way_and_its_containers_are_spoken_of() {
    let change = of(&sample::plan(), |found| {
        found.claimed = None;
        found.facts.ovs = Known::Unknown("ovs-vsctl is not installed".to_owned());
    });
    assert_eq!(change.kind, Kind::New);
    assert!(actions(&change).contains(&("docker0", Action::RemakeContainerBridge)));
    assert!(change.replaces_dockers_bridge() && change.restarts_docker());
    // For another is in its place for a while.
    assert_eq!(change.write.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), [DOCKERS]);
    assert!(change.cut_off.why.starts_with("Docker ends its containers"), "{:?}", change.cut_off);
}

/// What the user-data of a droplet leaves that does not know its peers: packages, and Docker held back by a file that is another one later.
#[test]
fn a_droplet_at_the_door_gets_its_mesh_and_docker_is_let_go() {
    const HOLD: &str = "/etc/systemd/system/docker.service.d/meshimg.conf";
    let plan = sample::plan();
    let change = of(&plan, |found| {
        found.claimed = None;
        found.units = [
            ("meshimg-mesh.service".to_owned(), String::new()),
            ("meshimg-setup.service".to_owned(), String::new()),
        ]
        .into();
        found.files.retain(|path, _| path == HOLD);
        found.files.get_mut(HOLD).unwrap().hash = "00".to_owned();
        found.ours = vec![HOLD.to_owned()];
        found.facts.docker = Known::Unknown("docker.service is inactive".to_owned());
        let Known::Known(ovs) = &mut found.facts.ovs else { unreachable!() };
        ovs.bridges.clear();
        let Known::Known(links) = &mut found.facts.links else {
            unreachable!()
        };
        links.retain(|name, _| name != "docker0" && name != "br0");
    });
    assert_eq!((change.kind, change.cut_off.seconds), (Kind::New, Some(0.0)));
    let hold = change.files.iter().find(|file| file.path == HOLD).unwrap();
    assert_eq!(hold.kind, Kind::Changed);
    let written: Vec<&str> = change.write.iter().map(|file| file.path.as_str()).collect();
    assert!(
        written.contains(&HOLD) && written.contains(&"/etc/meshimg/host.conf"),
        "{written:?}"
    );
    let condition = change.write.iter().find(|file| file.path == HOLD).unwrap();
    assert!(
        !condition.text.contains("ConditionPathExists=/etc/meshimg/host.conf"),
        "{}",
        condition.text
    );
    assert!(change.restarts_docker());
}
