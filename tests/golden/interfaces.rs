//! /etc/network/interfaces.d/60-meshimg, read as interfaces(5) says and as ifupdown's Open vSwitch hook does.

use std::collections::BTreeMap;

use meshimg::plan::{HostPlan, Plan};
use meshimg::spec::Network;

use super::artifacts::{each_host, files};

/// The stanzas of a file. Options that occur more than once keep all their values, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Interfaces {
    /// What `auto` names.
    auto: Vec<String>,
    /// What `allow-<class>` names, by class.
    allowed: BTreeMap<String, Vec<String>>,
    /// By name: family and method, then options.
    stanzas: BTreeMap<String, (String, BTreeMap<String, Vec<String>>)>,
}

/// Reads the part of interfaces(5) that there is: `auto`, `allow-*`, `iface` with indented options, comments.
fn parse(text: &str) -> Result<Interfaces, String> {
    let mut interfaces = Interfaces::default();
    let mut current: Option<String> = None;
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (word, rest) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("a word alone: {line}"))?;
        let words = || rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        if word == "auto" {
            interfaces.auto.extend(words());
            current = None;
        } else if let Some(class) = word.strip_prefix("allow-") {
            interfaces.allowed.entry(class.to_owned()).or_default().extend(words());
            current = None;
        } else if word == "iface" {
            let [name, family, method] = <[String; 3]>::try_from(words()).map_err(|words| format!("iface {words:?}"))?;
            let stanza = (format!("{family} {method}"), BTreeMap::new());
            if interfaces.stanzas.insert(name.clone(), stanza).is_some() {
                return Err(format!("two stanzas of {name}"));
            }
            current = Some(name);
        } else {
            let stanza = current.as_ref().and_then(|name| interfaces.stanzas.get_mut(name));
            let options = &mut stanza.ok_or_else(|| format!("an option outside a stanza: {line}"))?.1;
            options.entry(word.to_owned()).or_default().push(rest.trim().to_owned());
        }
    }
    Ok(interfaces)
}

fn option<'a>(interfaces: &'a Interfaces, name: &str, key: &str) -> Vec<&'a str> {
    let options = &interfaces.stanzas[name].1;
    options
        .get(key)
        .map_or_else(Vec::new, |values| values.iter().map(String::as_str).collect())
}

fn check(example: &str, plan: &Plan, host: &HostPlan) {
    if host.network != Network::Ifupdown {
        return;
    }
    let text = &files(plan, host)["/etc/network/interfaces.d/60-meshimg"].content;
    let found = parse(text).unwrap_or_else(|error| panic!("{example}/{}: {error}", host.name));
    let (mesh, containers) = (&host.mesh_bridge, &host.container_bridge);
    let (br0, docker0) = (mesh.name.as_str(), containers.name.as_str());
    let ports: Vec<&str> = mesh.ports.iter().map(|port| port.name.as_str()).collect();

    // Exactly the planned interfaces, each in the class that brings it up.
    assert_eq!(found.auto, [format!("{br0}={br0}"), format!("{docker0}={docker0}")]);
    assert_eq!(found.allowed.keys().map(String::as_str).collect::<Vec<_>>(), sorted(&["ovs", br0]));
    assert_eq!(found.allowed["ovs"], [br0]);
    assert_eq!(found.allowed[br0], ports);
    let mut names = ports.clone();
    names.extend([br0, docker0]);
    assert_eq!(found.stanzas.keys().map(String::as_str).collect::<Vec<_>>(), sorted(&names));

    assert_eq!(found.stanzas[br0].0, "inet manual");
    assert_eq!(option(&found, br0, "ovs_type"), ["OVSBridge"]);
    assert_eq!(option(&found, br0, "ovs_ports"), [ports.join(" ")]);
    let extra = option(&found, br0, "ovs_extra").concat();
    assert!(extra.starts_with(&format!("set bridge {br0} ")), "{extra}");
    let end = format!(
        " -- set interface {br0} mtu_request={} -- set Open_vSwitch . other_config:max-revalidator={}",
        plan.mtu.mesh, mesh.max_revalidator_ms
    );
    assert!(extra.ends_with(&end), "{extra}");
    assert!(extra.contains(&format!("other_config:hwaddr={}", mesh.mac)), "{extra}");

    for port in &mesh.ports {
        let name = port.name.as_str();
        assert_eq!(found.stanzas[name].0, "inet manual");
        assert_eq!(option(&found, name, "ovs_type"), ["OVSTunnel"]);
        assert_eq!(option(&found, name, "ovs_bridge"), [br0]);
        assert_eq!(option(&found, name, "ovs_tunnel_type"), [port.kind]);
        assert_eq!(
            option(&found, name, "ovs_tunnel_options"),
            [format!(
                "options:remote_ip={}{}",
                port.remote,
                port.number.map_or("", |_| " options:key=flow")
            )]
        );
        let extra = option(&found, name, "ovs_extra").concat();
        assert!(
            extra.starts_with(&format!("set port {name} ")) && extra.contains(&format!(" -- set interface {name} ")),
            "{extra}"
        );
    }

    assert_eq!(found.stanzas[docker0].0, "inet static");
    let wanted = [
        ("address", containers.address.to_string()),
        ("netmask", plan.containers.subnet.netmask().to_string()),
        ("hwaddress", containers.mac.to_string()),
        ("mtu", plan.mtu.mesh.to_string()),
        ("bridge_ports", br0.to_owned()),
        ("bridge_stp", "off".to_owned()),
        ("bridge_fd", "0".to_owned()),
    ];
    for (key, value) in wanted {
        assert_eq!(option(&found, docker0, key), [value], "{key}");
    }
}

fn sorted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

#[test]
fn stanzas_list_exactly_the_planned_interfaces() {
    each_host(check);
}

/// The test of the test: what the parser must notice.
#[test]
fn the_parser_notices_faults() {
    assert_eq!(parse("    option 1\n").unwrap_err(), "an option outside a stanza: option 1");
    assert_eq!(parse("iface a inet manual\niface a inet manual\n").unwrap_err(), "two stanzas of a");
    assert_eq!(parse("auto\n").unwrap_err(), "a word alone: auto");
    assert_eq!(
        parse("auto a=a\niface a inet manual\n    x 1\n    x 2 3\n").unwrap().stanzas["a"].1["x"],
        ["1", "2 3"]
    );
}
