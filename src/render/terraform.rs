//! The droplets as configuration of Terraform and OpenTofu, in its JSON syntax.
//!
//! Written for the provider `digitalocean/digitalocean` 2: <https://registry.terraform.io/providers/digitalocean/digitalocean/latest/docs>.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{RenderError, droplet_user_data};
use crate::plan::{DropletPlan, Droplets, FirewallPlan};
use crate::spec::{DropletImage, HostName, SshKey, VpcName};

/// Text that is meant as it stands: `${` and `%{` would begin an expression of a template (JSON configuration syntax, "Expression Mapping").
struct Literal(String);

impl Literal {
    fn new(text: impl ToString) -> Self {
        Self(text.to_string())
    }
}

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.replace("${", "$${").replace("%{", "%%{"))
    }
}

/// A reference to something else of the configuration.
struct Reference(String);

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("${{{}}}", self.0))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Text {
    Literal(Literal),
    Reference(Reference),
}

#[derive(Serialize)]
struct Configuration {
    #[serde(rename = "//")]
    comment: Literal,
    terraform: Terraform,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
    resource: Resources,
    output: BTreeMap<&'static str, Output>,
}

#[derive(Serialize)]
struct Terraform {
    required_providers: BTreeMap<&'static str, Provider>,
}

#[derive(Serialize)]
struct Provider {
    source: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Data {
    digitalocean_vpc: BTreeMap<&'static str, Named>,
}

#[derive(Serialize)]
struct Named {
    name: Literal,
}

#[derive(Serialize)]
struct Resources {
    digitalocean_tag: BTreeMap<&'static str, Named>,
    digitalocean_droplet: BTreeMap<String, Droplet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digitalocean_firewall: Option<BTreeMap<&'static str, Firewall>>,
}

#[derive(Serialize)]
struct Droplet {
    name: Literal,
    region: Literal,
    size: Literal,
    image: Literal,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_uuid: Option<Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_keys: Vec<Literal>,
    tags: Vec<Text>,
    ipv6: bool,
    monitoring: bool,
    user_data: Literal,
    lifecycle: Lifecycle,
}

#[derive(Serialize)]
struct Lifecycle {
    ignore_changes: [&'static str; 1],
}

#[derive(Serialize)]
struct Firewall {
    name: Literal,
    tags: [Reference; 1],
    inbound_rule: Vec<Inbound>,
    outbound_rule: Vec<Outbound>,
}

#[derive(Serialize)]
struct Inbound {
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_addresses: Vec<Literal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_tags: Vec<Reference>,
}

#[derive(Serialize)]
struct Outbound {
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range: Option<&'static str>,
    destination_addresses: [&'static str; 2],
}

#[derive(Serialize)]
struct Output {
    description: &'static str,
    value: BTreeMap<String, Reference>,
}

/// What the own things that are there once are called in the configuration.
const OWN: &str = "meshimg";

/// Everywhere.
const ANY: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// The content of a file `NAME.tf.json`, indented, with a final newline.
///
/// # Errors
/// [`RenderError::TooLarge`] when the user-data of a droplet is more than Digital Ocean takes.
pub fn terraform(droplets: &Droplets) -> Result<String, RenderError> {
    let vpc_name = droplets.vpc.as_ref().filter(|vpc| !is_uuid(vpc));
    let each = droplets
        .droplets
        .iter()
        .map(|droplet| Ok((label(&droplet.name), resource(droplets, droplet)?)));
    let each: BTreeMap<String, Droplet> = each.collect::<Result<_, RenderError>>()?;
    let address = |droplet: &DropletPlan| {
        let reference = format!("digitalocean_droplet.{}.ipv4_address_private", label(&droplet.name));
        (droplet.name.to_string(), Reference(reference))
    };
    let configuration = Configuration {
        comment: Literal(format!(
            "The droplets of cluster {}. Written by meshimg {}.",
            droplets.cluster,
            env!("CARGO_PKG_VERSION")
        )),
        terraform: Terraform {
            required_providers: BTreeMap::from([(
                "digitalocean",
                Provider {
                    source: "digitalocean/digitalocean",
                    version: "~> 2.0",
                },
            )]),
        },
        data: vpc_name.map(|name| Data {
            digitalocean_vpc: BTreeMap::from([(OWN, Named { name: Literal::new(name) })]),
        }),
        resource: Resources {
            digitalocean_tag: BTreeMap::from([(
                OWN,
                Named {
                    name: Literal::new(&droplets.tag),
                },
            )]),
            digitalocean_droplet: each,
            digitalocean_firewall: droplets.firewall.as_ref().map(|plan| BTreeMap::from([(OWN, firewall(plan))])),
        },
        output: BTreeMap::from([(
            "addresses",
            Output {
                description: "The address of each host in the VPC",
                value: droplets.droplets.iter().map(address).collect(),
            },
        )]),
    };
    Ok(serde_json::to_string_pretty(&configuration)? + "\n")
}

fn resource(droplets: &Droplets, droplet: &DropletPlan) -> Result<Droplet, RenderError> {
    let vpc = droplets.vpc.as_ref().map(|vpc| match is_uuid(vpc) {
        true => Text::Literal(Literal::new(vpc)),
        false => Text::Reference(Reference(format!("data.digitalocean_vpc.{OWN}.id"))),
    });
    let tags = droplet.tags.iter().map(|tag| match *tag == droplets.tag {
        true => Text::Reference(own_tag()),
        false => Text::Literal(Literal::new(tag)),
    });
    Ok(Droplet {
        name: Literal::new(&droplet.name),
        region: Literal::new(&droplets.region),
        size: Literal::new(&droplet.size),
        image: match &droplet.image {
            DropletImage::Slug(slug) => Literal::new(slug),
            DropletImage::Id(id) => Literal::new(id),
        },
        vpc_uuid: vpc,
        ssh_keys: droplet.ssh_keys.iter().map(ssh_key).collect(),
        tags: tags.collect(),
        ipv6: droplet.ipv6,
        monitoring: droplet.monitoring,
        user_data: Literal(droplet_user_data(droplets, droplet)?),
        // It is read at the first boot alone, and the provider would make a new droplet for each change of it.
        lifecycle: Lifecycle {
            ignore_changes: ["user_data"],
        },
    })
}

fn ssh_key(key: &SshKey) -> Literal {
    match key {
        SshKey::Id(id) => Literal::new(id),
        SshKey::Fingerprint(fingerprint) => Literal::new(fingerprint),
    }
}

fn own_tag() -> Reference {
    Reference(format!("digitalocean_tag.{OWN}.id"))
}

fn firewall(plan: &FirewallPlan) -> Firewall {
    let outbound = |protocol, port_range| Outbound {
        protocol,
        port_range,
        destination_addresses: ANY,
    };
    Firewall {
        name: Literal::new(&plan.name),
        tags: [own_tag()],
        inbound_rule: vec![
            Inbound {
                protocol: "tcp",
                port_range: Some("22".to_owned()),
                source_addresses: plan.ssh_from.iter().map(Literal::new).collect(),
                source_tags: Vec::new(),
            },
            Inbound {
                protocol: "icmp",
                port_range: None,
                source_addresses: ANY.iter().map(Literal::new).collect(),
                source_tags: Vec::new(),
            },
            Inbound {
                protocol: "udp",
                port_range: Some(plan.tunnel_port.to_string()),
                source_addresses: Vec::new(),
                source_tags: vec![own_tag()],
            },
        ],
        outbound_rule: vec![
            outbound("tcp", Some("1-65535")),
            outbound("udp", Some("1-65535")),
            outbound("icmp", None),
        ],
    }
}

/// What a host's droplet is called in the configuration: an identifier starts with a letter or `_`, a host's name may start with a digit.
fn label(name: &HostName) -> String {
    match name.as_str().starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name.to_string(),
    }
}

/// Whether it is a UUID (RFC 9562 section 4) rather than a name.
pub fn is_uuid(vpc: &VpcName) -> bool {
    let parts: Vec<&str> = vpc.as_str().split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_not_begun_by_what_a_file_says() {
        let json = |text: &str| serde_json::to_string(&Literal(text.to_owned())).unwrap();
        assert_eq!(json("${a} %{b} $ % $${c}"), r#""$${a} %%{b} $ % $$${c}""#);
        assert_eq!(serde_json::to_string(&Reference("a.b".to_owned())).unwrap(), r#""${a.b}""#);
    }

    #[test]
    fn labels_are_identifiers() {
        let label = |name: &str| label(&name.parse().unwrap());
        assert_eq!((label("host-1"), label("1host")), ("host-1".to_owned(), "_1host".to_owned()));
    }

    #[test]
    fn a_uuid_is_told_from_a_name() {
        let uuid = |text: &str| is_uuid(&text.parse().unwrap());
        assert!(uuid("760e09ef-dc84-11e8-981e-3cfdfeaae000"));
        assert!(!uuid("mesh-vpc") && !uuid("760e09eg-dc84-11e8-981e-3cfdfeaae000") && !uuid("760e09ef-dc84-11e8-981e"));
    }
}
