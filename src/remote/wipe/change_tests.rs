//! Tests of [`super`].

use super::*;
use crate::machine::Facts;
use crate::machine::facts::Found as Known;
use crate::machine::sample;
use crate::remote::apply::change::tests::found;

fn of(spoil: impl FnOnce(&mut Found)) -> HostChange {
    let plan = sample::plan();
    let mut found = found(&plan);
    spoil(&mut found);
    wipe_of(&plan, &plan.hosts[0], &found).unwrap()
}

/// What a host without a mesh says, with a Docker that has made its bridge.
fn bare(found: &mut Found) {
    let Known::Known(ovs) = &mut found.facts.ovs else { unreachable!() };
    ovs.bridges.clear();
    found.ours.clear();
    found.files.clear();
    found.units.values_mut().for_each(String::clear);
    found.claimed = None;
}

#[test]
fn all_that_is_of_the_mesh_goes_and_packages_stay() {
    let change = of(|found| {
        found.packages.insert("openvswitch-switch".to_owned());
    });
    assert_eq!(change.kind, Kind::Gone);
    assert!(change.files.iter().all(|file| file.kind == Kind::Gone), "{change:?}");
    let planned = host_files(&sample::plan(), &sample::plan().hosts[0]).unwrap();
    let paths: Vec<&str> = change.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, planned.iter().map(|file| file.path.as_str()).collect::<Vec<_>>());
    assert_eq!(
        change.running,
        [
            "br0: an Open vSwitch bridge with 2 tunnels",
            "docker0: the bridge of Docker that the mesh is a port of",
            "meshimg-mesh.service: enabled",
            "meshimg-setup.service: enabled"
        ]
    );
    assert!(change.restarts_docker());
    assert_eq!(
        change.notes,
        [
            "packages stay: openvswitch-switch",
            "/etc/docker/daemon.json goes, as nothing was there before, or nothing is known of it"
        ]
    );
    assert_eq!(change.cut_off.seconds, None);
}

#[test]
fn what_was_replaced_comes_back_and_the_mark_is_spoken_of() {
    let change = of(|found| {
        found.before = Some(vec![DOCKERS.to_owned()]);
        found.by_cloud_init = true;
    });
    let docker = change.files.iter().find(|file| file.path == DOCKERS).unwrap();
    assert_eq!(docker.kind, Kind::Changed);
    assert!(
        change.notes.len() == 1 && change.notes[0].starts_with("/var/lib/meshimg/done stays"),
        "{:?}",
        change.notes
    );
}

#[test]
fn a_host_without_a_mesh_has_nothing_that_could_go() {
    let change = of(bare);
    assert!(
        change.is_empty() && change.services.is_empty() && change.notes.is_empty(),
        "{change:?}"
    );
    // Somebody's own file stays, also where a copy of an older one is left.
    let change = of(|found| {
        bare(found);
        let hash = "00".to_owned();
        found.files.insert(
            DOCKERS.to_owned(),
            FileFacts {
                hash,
                mode: "644".to_owned(),
            },
        );
        found.before = Some(vec![DOCKERS.to_owned()]);
    });
    assert!(change.is_empty(), "{change:?}");
}

#[test]
fn a_wipe_has_come_to_its_end_when_docker_has_a_bridge_of_its_own() {
    let plan = sample::plan();
    let wiped = of(|_| {});
    let still = |spoil: fn(&mut Found)| {
        let mut found = found(&plan);
        bare(&mut found);
        spoil(&mut found);
        still_there(&plan, &plan.hosts[0], &found, &wiped).unwrap()
    };
    assert_eq!(still(|_| {}), [""; 0]);
    assert_eq!(
        still(|found| found.facts.docker = Known::Unknown("no".to_owned())),
        ["Docker does not answer: no"]
    );
    assert_eq!(
        still(|found| {
            let Known::Known(links) = &mut found.facts.links else {
                unreachable!()
            };
            links.remove("docker0");
        }),
        ["Docker has not made its bridge docker0"]
    );
    assert_eq!(
        still(|found| found.ours.push("/etc/meshimg/host.conf".to_owned())),
        ["/etc/meshimg/host.conf is still there"]
    );
    // Where Docker did not run, nobody has started it.
    let without = of(|found| found.facts.docker = Known::Unknown("docker.service is not active".to_owned()));
    assert!(without.services.is_empty());
    let mut found = found(&plan);
    bare(&mut found);
    found.facts = Facts::unknown("");
    assert_eq!(still_there(&plan, &plan.hosts[0], &found, &without).unwrap(), [""; 0]);
}

#[test]
fn a_machine_that_is_another_host_is_left_alone() {
    let plan = sample::plan();
    let refusal = |spoil: fn(&mut Found)| {
        let mut found = found(&plan);
        spoil(&mut found);
        wipe_of(&plan, &plan.hosts[0], &found).unwrap_err().to_string()
    };
    let said = refusal(|found| found.claimed = Some("# What ... about host2 of cluster demo. Written by meshimg.".to_owned()));
    assert!(said.contains("says that it is host2 of cluster demo"), "{said}");
    assert!(refusal(|found| found.pending = true).starts_with("a change is under way there"));
    assert!(refusal(|found| found.os = "nixos-25.11".to_owned()).starts_with("it runs NixOS"));
    // Another release is no reason to keep the mesh.
    assert!(!of(|found| found.os = "debian-14".to_owned()).is_empty());
}
