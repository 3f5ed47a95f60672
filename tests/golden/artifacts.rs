//! The artifacts of every example, read back by parsers that know nothing of meshimg.

use std::collections::BTreeMap;

use meshimg::plan::{FabricPlan, HostPlan, Path, Plan, TunnelPort};
use meshimg::spec::{Bfd, LoopProtection, Network};
use serde_json::{Value, json};

use super::{artifacts_of, example, examples};

/// A file of user-data's write_files.
pub struct File {
    pub mode: String,
    pub content: String,
}

/// `host`'s artifact `name`, read as YAML.
fn yaml(plan: &Plan, host: &HostPlan, name: &str) -> Value {
    let bytes = &artifacts_of(plan).0[&format!("{}/{name}", host.name)].bytes;
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    if name == "user-data" {
        assert_eq!(text.lines().next(), Some("#cloud-config"));
        // The C1 controls, tabs and carriage returns are where YAML parsers differ.
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{}: control characters",
            host.name
        );
    }
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{}/{name}: {error}", host.name))
}

/// write_files of a host by path.
pub fn files(plan: &Plan, host: &HostPlan) -> BTreeMap<String, File> {
    let user_data = yaml(plan, host, "user-data");
    let items = user_data["write_files"].as_array().expect("write_files is a list");
    let file = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap_or_else(|| panic!("{key} of {item}")).to_owned();
        assert_eq!(item.as_object().map(|keys| keys.len()), Some(3), "{item}");
        let file = File {
            mode: text("permissions"),
            content: text("content"),
        };
        (text("path"), file)
    };
    let files: BTreeMap<String, File> = items.iter().map(file).collect();
    assert_eq!(files.len(), items.len(), "{}: a path twice", host.name);
    files
}

/// Calls `check` with every host of every example.
pub fn each_host(mut check: impl FnMut(&str, &Plan, &HostPlan)) {
    for name in examples() {
        let plan = example(&name);
        for host in &plan.hosts {
            check(&name, &plan, host);
        }
    }
}

#[test]
fn user_data_has_the_keys_that_cloud_init_knows() {
    let known = [
        "apt",
        "bootcmd",
        "disable_root",
        "hostname",
        "runcmd",
        "ssh_authorized_keys",
        "users",
        "write_files",
    ];
    each_host(|example, plan, host| {
        let user_data = yaml(plan, host, "user-data");
        let keys = user_data.as_object().expect("a map");
        for key in keys.keys() {
            assert!(known.contains(&key.as_str()), "{example}/{}: {key}", host.name);
        }
        assert_eq!(user_data["hostname"], host.name.as_str());
        let wanted: Vec<&str> = host.authorized_keys.iter().map(|key| key.as_str()).collect();
        if host.user.as_str() == "root" {
            assert_eq!(user_data["disable_root"], false);
            assert_eq!(user_data.get("ssh_authorized_keys").cloned().unwrap_or(json!([])), json!(wanted));
        } else {
            assert_eq!(user_data["users"][0], "default");
            assert_eq!(user_data["users"][1]["name"], host.user.as_str());
            // cloud-init's schema takes no empty list of keys.
            let keys = user_data["users"][1].get("ssh_authorized_keys").cloned();
            assert_eq!(keys, (!wanted.is_empty()).then(|| json!(wanted)));
        }
        assert_eq!(
            user_data["apt"]["primary"][0]["uri"].as_str(),
            host.archive.as_ref().map(|archive| archive.as_str())
        );
    });
}

#[test]
fn files_have_absolute_paths_and_fitting_modes() {
    each_host(|example, plan, host| {
        for (path, file) in files(plan, host) {
            let where_ = format!("{example}/{}: {path}", host.name);
            assert!(path.starts_with('/') && !path.contains("/../") && !path.ends_with('/'), "{where_}");
            let is_script = file.content.starts_with("#!");
            assert_eq!(file.mode, if is_script { "0755" } else { "0644" }, "{where_}");
            assert_eq!(is_script, path.starts_with("/usr/local/lib/meshimg/"), "{where_}");
            assert!(file.content.ends_with('\n'), "{where_}: no newline at the end");
            assert!(
                !file.content.contains("{{") && !file.content.contains("{%"),
                "{where_}: a template's own words"
            );
        }
    });
}

#[test]
fn daemon_json_is_what_was_planned() {
    each_host(|example, plan, host| {
        let file = &files(plan, host)["/etc/docker/daemon.json"];
        let daemon: Value = serde_json::from_str(&file.content).unwrap_or_else(|error| panic!("{example}: {error}"));
        assert_eq!(daemon["bridge"], host.container_bridge.name.as_str());
        assert_eq!(daemon["fixed-cidr"], host.container_bridge.slice.to_string());
        assert_eq!(daemon["mtu"], plan.mtu.mesh);
        assert_eq!(daemon, serde_json::to_value(&host.docker.daemon).expect("JSON"));
        // dockerd refuses to start when a listener is in daemon.json and on its command line.
        assert!(daemon.get("hosts").is_none());
    });
}

/// A line for each tunnel, written down once more.
fn tunnels(plan: &Plan, host: &HostPlan) -> Vec<String> {
    let tree = match plan.tree().map(|tree| tree.protocol) {
        Some(LoopProtection::Rstp) => Some("rstp"),
        Some(LoopProtection::Stp) => Some("stp"),
        None => None,
    };
    let tunnel = |port: &TunnelPort| {
        let bfd = match port.bfd {
            Some(Bfd { interval_ms, multiplier }) => {
                format!("bfd:enable=true bfd:min_tx={interval_ms} bfd:min_rx={interval_ms} bfd:mult={multiplier}")
            }
            None => "bfd:enable=false".to_owned(),
        };
        match (tree, port.path_cost, port.number) {
            (Some(tree), Some(cost), None) => format!(
                "{} other_config:{tree}-path-cost={cost} -- type={} options:remote_ip={} {bfd}",
                port.name, port.kind, port.remote
            ),
            (None, None, Some(number)) => format!(
                "{} external_ids:meshimg-peer={} -- type={} options:remote_ip={} options:key=flow ofport_request={number} {bfd}",
                port.name, port.peer, port.kind, port.remote
            ),
            other => panic!("half of a tree: {other:?}"),
        }
    };
    host.mesh_bridge.ports.iter().map(tunnel).collect()
}

/// A line for each other host of the example: all are linked.
fn paths(host: &HostPlan) -> Vec<String> {
    let line = |path: &Path| match (path.linked, path.relays.as_slice()) {
        (true, [first, second]) => format!("{to}: {to} {first} {second}", to = path.to),
        other => panic!("the example has changed: {other:?}"),
    };
    host.mesh_bridge.paths.iter().map(line).collect()
}

/// What the scripts read is what the plan says, and is nothing but assignments.
#[test]
fn host_conf_is_assignments() {
    each_host(|example, plan, host| {
        let content = &files(plan, host)["/etc/meshimg/host.conf"].content;
        let (_, content) = content.split_once('\n').expect("a comment");
        let content = content.strip_suffix("'\n").expect("a value");
        // A value may have more than one line.
        let assignments: BTreeMap<&str, &str> = content
            .split("'\n")
            .map(|line| line.split_once("='").unwrap_or_else(|| panic!("{example}: {line}")))
            .collect();
        let bridge = &host.container_bridge;
        let packages: Vec<&str> = host.packages.iter().map(|package| package.as_str()).collect();
        let ports: Vec<&str> = host.mesh_bridge.ports.iter().map(|port| port.name.as_str()).collect();
        let mut wanted = BTreeMap::from([
            ("CONTAINER_ADDRESS", format!("{}/{}", bridge.address, bridge.prefix_length)),
            ("CONTAINER_BRIDGE", bridge.name.to_string()),
            ("MESH_BRIDGE", host.mesh_bridge.name.to_string()),
            ("PACKAGES", packages.join(" ")),
        ]);
        match host.network {
            Network::Ifupdown => wanted.extend([("MESH_PORTS", ports.join(" ")), ("PROGRAMS", "ifup brctl".to_owned())]),
            Network::Systemd => wanted.extend([
                ("CONTAINER_MAC", bridge.mac.to_string()),
                ("MESH_MAX_REVALIDATOR", host.mesh_bridge.max_revalidator_ms.to_string()),
                ("MESH_MTU", plan.mtu.mesh.to_string()),
                ("MESH_TUNNELS", tunnels(plan, host).join("\n")),
                ("PROGRAMS", "ip ovs-vsctl".to_owned()),
            ]),
        }
        if let FabricPlan::Direct(fabric) = &plan.fabric {
            wanted.extend([
                ("MESH_NUMBER", host.number.to_string()),
                ("MESH_PATHS", paths(host).join("\n")),
                ("MESH_MAC_AGE", fabric.mac_age.to_string()),
                ("MESH_MAC_LIMIT", fabric.mac_limit.to_string()),
            ]);
        }
        let mut found: BTreeMap<&str, String> = assignments.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        if host.network == Network::Systemd {
            // As the stanza of ifupdown has them; the snapshots show all of them.
            let settings = found.remove("MESH_BRIDGE_SETTINGS").expect("settings of the bridge");
            assert!(
                format!("{settings} ").contains(&format!(" other_config:hwaddr={} ", host.mesh_bridge.mac)),
                "{settings}"
            );
            assert_eq!(settings.contains("stp_enable=true"), plan.tree().is_some(), "{settings}");
            assert_eq!(settings.contains(" fail_mode=secure "), plan.tree().is_none(), "{settings}");
        }
        assert_eq!(found, wanted);
    });
}

/// What either way needs is there, and nothing of the other.
#[test]
fn a_host_gets_the_files_of_its_network() {
    const IFUPDOWN: [&str; 6] = [
        "/etc/network/interfaces.d/60-meshimg",
        "/etc/systemd/system/networking.service.d/meshimg.conf",
        "/etc/systemd/system/openvswitch-switch.service.d/meshimg.conf",
        "/usr/local/lib/meshimg/container-ports",
        "/usr/local/lib/meshimg/mesh-up",
        "/usr/local/lib/meshimg/wait-for-open-vswitch",
    ];
    let mut counts = BTreeMap::new();
    each_host(|example, plan, host| {
        let files = files(plan, host);
        let ifupdown = host.network == Network::Ifupdown;
        for path in IFUPDOWN {
            assert_eq!(files.contains_key(path), ifupdown, "{example}/{}: {path}", host.name);
        }
        assert_eq!(
            files.contains_key("/usr/local/lib/meshimg/mesh"),
            !ifupdown,
            "{example}/{}",
            host.name
        );
        let unit = &files["/etc/systemd/system/meshimg-mesh.service"].content;
        assert_eq!(unit.contains("/usr/local/lib/meshimg/mesh up /etc/meshimg/host.conf"), !ifupdown);
        for package in ["ifupdown", "bridge-utils"] {
            let has = host.packages.iter().any(|planned| planned.as_str() == package);
            assert_eq!(has, ifupdown, "{example}/{}: {package}", host.name);
        }
        *counts.entry(host.network).or_insert(0) += 1;
    });
    assert!(counts.len() == 2 && counts.values().all(|count| *count >= 3), "{counts:?}");
}

#[test]
fn instance_ids_are_unique_and_stay() {
    for name in examples() {
        let plan = example(&name);
        let mut ids = Vec::new();
        for host in &plan.hosts {
            let meta_data = yaml(&plan, host, "meta-data");
            assert_eq!(meta_data["local-hostname"], host.name.as_str());
            ids.push(meta_data["instance-id"].as_str().expect("text").to_owned());
        }
        let wanted: Vec<String> = plan
            .hosts
            .iter()
            .map(|host| format!("meshimg-{}-{}", plan.cluster, host.name))
            .collect();
        assert_eq!(ids, wanted);
    }
}

/// network-config is there exactly where an interface is named, and configures that one and the management interface only.
#[test]
fn network_config_is_for_named_interfaces() {
    let mut configured = 0;
    each_host(|example, plan, host| {
        let has_file = artifacts_of(plan).0.contains_key(&format!("{}/network-config", host.name));
        let Some(interface) = &host.underlay_interface else {
            assert!(!has_file, "{example}/{}", host.name);
            return;
        };
        configured += 1;
        let mut ethernets = BTreeMap::new();
        let mut underlay = json!({
            "addresses": [format!("{}/{}", host.address, interface.prefix_length)],
            "mtu": plan.mtu.underlay,
        });
        if let Some(gateway) = interface.gateway {
            underlay["routes"] = json!([{ "to": "0.0.0.0/0", "via": gateway }]);
        }
        ethernets.insert(interface.name.as_str(), underlay);
        if let Some(management) = &interface.management {
            ethernets.insert(management.as_str(), json!({ "dhcp4": true }));
        }
        assert_eq!(
            yaml(plan, host, "network-config"),
            json!({ "version": 2, "ethernets": ethernets }),
            "{example}"
        );
    });
    assert!(configured >= 2, "{configured}");
}
