//! Droplets in the languages of others: user-data, Terraform, Ansible.

use std::collections::BTreeMap;
use std::process::Command;

use meshimg::plan::{Droplets, Plan, droplets, plan};
use meshimg::render::{droplet_user_data, inventory, terraform};
use meshimg::spec::Spec;
use serde_json::{Value, json};

use super::{example, example_file, project};

fn spec(text: &str) -> Spec {
    let (spec, warnings) = meshimg::spec::load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(warnings, []);
    spec
}

fn of(text: &str) -> Droplets {
    droplets(&spec(text)).expect("droplets").expect("a section digital-ocean")
}

fn the_example() -> Droplets {
    of(&std::fs::read_to_string(example_file("digital-ocean")).expect("the example can be read"))
}

/// What the example does not show: images by number, a VPC by UUID, no firewall, a user, addresses that are known beforehand, names that are
/// something else in YAML or Terraform.
const OTHERS: &str = "\
version: 1
name: other-ocean
mesh: {tunnel: gre}
access:
  user: admin
  authorized-keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA operator@example]
packages: [htop]
digital-ocean: {region: fra1, size: s-1vcpu-1gb, image: 123456789, vpc: 760e09ef-dc84-11e8-981e-3cfdfeaae000, ipv6: true}
hosts:
  - {name: \"no\", address: 10.110.0.2}
  - {name: \"null\", address: 10.110.0.3}
  - {name: \"0\", address: 10.110.0.4, digital-ocean: {image: debian-13-x64, ipv6: false}}
  - {name: \"1e3\", address: 10.110.0.5}
";

fn assert_snapshot(name: &str, text: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(project("tests/snapshots/droplets"));
    let _guard = settings.bind_to_scope();
    insta::assert_snapshot!(name, text);
}

fn configuration(droplets: &Droplets) -> String {
    terraform(droplets).expect("a configuration")
}

#[test]
fn terraform_of_the_example() {
    assert_snapshot("terraform", configuration(&the_example()));
}

/// Where the file has all addresses, user-data is the same as without a provider; else it has no peers.
#[test]
fn user_data_is_complete_where_it_can_be() {
    let others = of(OTHERS);
    let complete: Plan = plan(&spec(OTHERS)).expect("a plan");
    let artifacts = meshimg::render::cloud_init(&complete, None).expect("user-data");
    for droplet in &others.droplets {
        let data = droplet_user_data(&others, droplet).expect("user-data");
        assert_eq!(data.as_bytes(), artifacts.0[&format!("{}/user-data", droplet.name)].bytes);
    }
    let example = the_example();
    let data = droplet_user_data(&example, &example.droplets[0]).expect("user-data");
    assert_snapshot("user-data", data.clone());
    let document: Value = serde_yaml::from_str(&data).expect("YAML");
    let keys: Vec<&str> = document.as_object().expect("a map").keys().map(String::as_str).collect();
    let known = [
        "bootcmd",
        "disable_root",
        "hostname",
        "package_update",
        "packages",
        "ssh_authorized_keys",
    ];
    assert!(keys.iter().all(|key| known.contains(key)), "{keys:?}");
}

/// Arguments as docs/resources and the schema of the provider have them (version 2.99.1), those that it requires first; without what is deprecated
/// (`private_networking`), and with `lifecycle`, which is Terraform's own.
const ATTRIBUTES: &[(&str, &[&str], &[&str])] = &[
    ("digitalocean_tag", &["name"], &[]),
    (
        "digitalocean_droplet",
        &["image", "name", "size"],
        &[
            "region",
            "backups",
            "backup_policy",
            "monitoring",
            "ipv6",
            "ipv6_address",
            "vpc_uuid",
            "ssh_keys",
            "resize_disk",
            "tags",
            "user_data",
            "volume_ids",
            "droplet_agent",
            "graceful_shutdown",
            "public_networking",
            "gpu_partition_mode",
            "lifecycle",
        ],
    ),
    (
        "digitalocean_firewall",
        &["name"],
        &["droplet_ids", "tags", "inbound_rule", "outbound_rule"],
    ),
];

const RULE_ATTRIBUTES: &[(&str, &[&str])] = &[
    (
        "inbound_rule",
        &[
            "protocol",
            "port_range",
            "source_addresses",
            "source_droplet_ids",
            "source_tags",
            "source_load_balancer_uids",
            "source_kubernetes_ids",
        ],
    ),
    (
        "outbound_rule",
        &[
            "protocol",
            "port_range",
            "destination_addresses",
            "destination_droplet_ids",
            "destination_tags",
            "destination_load_balancer_uids",
            "destination_kubernetes_ids",
        ],
    ),
];

#[test]
fn terraform_has_the_attributes_that_the_provider_documents() {
    for droplets in [the_example(), of(OTHERS)] {
        let configuration: Value = serde_json::from_str(&configuration(&droplets)).expect("JSON");
        let resources = configuration["resource"].as_object().expect("resources");
        for (kind, of_kind) in resources {
            let (_, required, optional) = ATTRIBUTES.iter().find(|(known, ..)| known == kind).expect("a documented resource");
            for (label, resource) in of_kind.as_object().expect("a map") {
                assert!(label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'), "{label}");
                let keys: Vec<&str> = resource.as_object().expect("a map").keys().map(String::as_str).collect();
                assert!(required.iter().all(|key| keys.contains(key)), "{kind} {label}: {keys:?}");
                assert!(
                    keys.iter().all(|key| required.contains(key) || optional.contains(key)),
                    "{kind} {label}: {keys:?}"
                );
                for (rule, known) in RULE_ATTRIBUTES {
                    for rule in resource[rule].as_array().into_iter().flatten() {
                        let rule = rule.as_object().expect("a map");
                        assert!(rule.keys().all(|key| known.contains(&key.as_str())), "{rule:?}");
                        // Needed unless it is icmp.
                        assert_eq!(rule.contains_key("port_range"), rule["protocol"] != "icmp");
                    }
                }
            }
        }
    }
}

/// Nothing of a file begins an expression.
#[test]
fn terraform_has_no_expressions_but_ours() {
    for droplets in [the_example(), of(OTHERS)] {
        let text = configuration(&droplets).replace("$${", "").replace("%%{", "");
        let expressions: Vec<&str> = text.split("${").skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let ours = ["digitalocean_tag.meshimg.id", "data.digitalocean_vpc.meshimg.id"];
        let is_address = |text: &str| text.starts_with("digitalocean_droplet.") && text.ends_with(".ipv4_address_private");
        assert!(
            expressions.iter().all(|text| ours.contains(text) || is_address(text)),
            "{expressions:?}"
        );
        assert!(!text.contains("%{"));
    }
}

/// The first of these programs that is there.
fn program(names: &[&'static str]) -> Option<&'static str> {
    let found = names.iter().copied().find(|name| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: none of {names:?} is here");
    }
    found
}

/// Without the provider's plugin, which is not to be had everywhere, it parses the whole and resolves the modules.
#[test]
fn terraform_reads_it() {
    let Some(program) = program(&["tofu", "terraform"]) else { return };
    for droplets in [the_example(), of(OTHERS)] {
        let folder = tempfile::tempdir().expect("a folder");
        let run = |text: &str| {
            std::fs::write(folder.path().join("droplets.tf.json"), text).expect("the file can be written");
            let mut command = Command::new(program);
            command.args(["providers", "-no-color"]).current_dir(folder.path());
            command.output().expect("it starts")
        };
        let text = configuration(&droplets);
        let output = run(&text);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains("digitalocean/digitalocean] ~> 2.0"),
            "{output:?}"
        );
        // The test of the test.
        assert!(!run(&text.replace("\"resource\"", "\"recource\"")).status.success());
    }
}

#[test]
fn the_inventory() {
    assert_snapshot("inventory", inventory(&example("three-hosts")).expect("an inventory"));
}

#[test]
fn ansible_reads_the_inventory() {
    let Some(program) = program(&["ansible-inventory"]) else { return };
    let plan = plan(&spec(OTHERS)).expect("a plan");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hosts.yaml");
    std::fs::write(&file, inventory(&plan).expect("an inventory")).expect("the file can be written");
    let output = Command::new(program)
        .arg("-i")
        .arg(&file)
        .arg("--list")
        .env("HOME", folder.path())
        .output()
        .expect("it starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let variables = &read["_meta"]["hostvars"];
    let found: BTreeMap<&str, &Value> = variables
        .as_object()
        .expect("hosts")
        .iter()
        .map(|(name, of)| (name.as_str(), of))
        .collect();
    assert_eq!(found.len(), plan.hosts.len());
    for host in &plan.hosts {
        let wanted = json!({
            "ansible_host": host.address, "ansible_user": "admin", "meshimg_number": host.number,
            "meshimg_address": host.container_bridge.address, "meshimg_slice": host.container_bridge.slice,
            "meshimg_peers": host.mesh_bridge.ports.iter().map(|port| port.peer.as_str()).collect::<Vec<_>>(),
            "meshimg_cluster": "other-ocean", "meshimg_mtu": 1462, "meshimg_subnet": "172.17.0.0/16",
        });
        assert_eq!(*found[host.name.as_str()], wanted, "{}", host.name);
    }
    assert_eq!(read["meshimg_other_ocean"]["hosts"].as_array().map(Vec::len), Some(4), "{read}");
}

/// What user-data does at every boot: Docker is held back until the host knows its mesh, and not again where that was taken off.
#[test]
fn docker_is_held_back_until_a_host_has_had_its_mesh() {
    let droplets = the_example();
    let text = droplet_user_data(&droplets, &droplets.droplets[0]).expect("user-data");
    let data: Value = serde_yaml::from_str(&text).expect("YAML");
    let script = data["bootcmd"][0][2].as_str().expect("a script");
    for (there, is_held) in [
        (None, true),
        (Some("etc/meshimg/host.conf"), false),
        (Some("var/lib/meshimg/done"), false),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        if let Some(path) = there.map(|path| root.join(path)) {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, "").expect("a file");
        }
        let places = ["/etc/meshimg", "/etc/systemd", "/var/lib"];
        let local = places.iter().fold(script.to_owned(), |text, place| {
            text.replace(place, &format!("{}{place}", root.display()))
        });
        let ended = Command::new("sh")
            .args(["-euc", &format!("systemctl() {{ :; }}\n{local}")])
            .status()
            .expect("sh");
        assert!(ended.success(), "{there:?}");
        let held = root.join("etc/systemd/system/docker.service.d/meshimg.conf").exists();
        assert_eq!(held, is_held, "{there:?}");
    }
}
