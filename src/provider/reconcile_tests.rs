use super::digital_ocean::Droplet;
use super::reconcile::{Reconciliation, reconcile};
use crate::plan::{Droplets, droplets};
use crate::spec;

fn wanted() -> Droplets {
    let text = include_bytes!("../../examples/digital-ocean/cluster.yaml");
    let (spec, _) = spec::load(text).unwrap();
    droplets(&spec).unwrap().unwrap()
}

/// A droplet as the API tells of it.
fn droplet(id: u64, name: &str, tags: &[&str]) -> Droplet {
    serde_json::from_value(serde_json::json!({
        "id": id, "name": name, "status": "active", "tags": tags, "region": {"slug": "ams3"}, "size_slug": "s-1vcpu-1gb",
    }))
    .unwrap()
}

fn names(result: &Reconciliation<'_>) -> (Vec<String>, Vec<String>, Vec<u64>) {
    let there = result
        .there
        .iter()
        .map(|(name, droplet)| format!("{name} {}", droplet.id))
        .collect();
    let missing = result.missing.iter().map(|plan| plan.name.to_string()).collect();
    (there, missing, result.left_over.iter().map(|droplet| droplet.id).collect())
}

#[test]
fn own_droplets_are_found_by_tag_and_name() {
    let wanted = wanted();
    let found = [
        droplet(1, "host1", &["env:production", "meshimg:ocean"]),
        // Somebody else's of the same name, and those of another cluster whose name begins alike.
        droplet(2, "host2", &["env:production"]),
        droplet(3, "host2", &["meshimg:ocean2"]),
        droplet(4, "host9", &["meshimg:ocean"]),
    ];
    let result = reconcile(&wanted, None, &found);
    let (there, missing, left_over) = names(&result);
    assert_eq!(
        (there, missing, left_over),
        (vec!["host1 1".to_owned()], vec!["host2".to_owned(), "host3".to_owned()], vec![4])
    );
    assert_eq!((result.conflicts, result.notes), (vec![], vec![]));
}

#[test]
fn all_there_is_nothing_to_do() {
    let wanted = wanted();
    let found = [1, 2, 3].map(|number| droplet(number, &format!("HOST{number}"), &["meshimg:ocean"]));
    let result = reconcile(&wanted, None, &found);
    assert!(result.missing.is_empty() && result.there.len() == 3 && result.left_over.is_empty());
    let notes: Vec<String> = result.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["host3 (droplet 3) has the size s-1vcpu-1gb, and the file says s-2vcpu-4gb; it stays as it is"]
    );
}

#[test]
fn what_cannot_be_is_told() {
    let wanted = wanted();
    let mut elsewhere = droplet(3, "host2", &["meshimg:ocean"]);
    elsewhere.region = Some(serde_json::from_str(r#"{"slug": "fra1"}"#).unwrap());
    elsewhere.status = "off".to_owned();
    elsewhere.vpc_uuid = Some("b".to_owned());
    let found = [
        droplet(1, "host1", &["meshimg:ocean"]),
        droplet(2, "host1", &["meshimg:ocean"]),
        elsewhere,
    ];
    let result = reconcile(&wanted, Some("a"), &found);
    let told: Vec<String> = result.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "meshimg:ocean has 2 droplets with the name host1 (1, 2); destroy all but one of them",
            "host2 (droplet 3) is in fra1, and the file says ams3; destroy it, or put `region: fra1` back",
            "host2 (droplet 3) is in the VPC b, and the file says a; destroy it, or put its VPC back",
            "host2 (droplet 3) is off; switch it on",
        ]
    );
    assert_eq!(result.missing.len(), 1, "a host that is there twice is not made a third time");
}
