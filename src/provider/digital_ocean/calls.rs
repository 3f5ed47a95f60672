//! The calls that are made, as data: shown by a dry run as they would be sent. Pure.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::plan::{DropletPlan, Droplets, FirewallPlan};
use crate::render::{RenderError, droplet_user_data};
use crate::spec::Tag;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Delete,
}

/// One call of the API.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    pub method: Method,
    /// With its query.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What it is about, where the path does not say it: `host1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Whether making it twice is the same as making it once.
    #[serde(skip)]
    pub repeatable: bool,
}

impl Call {
    /// Reads something.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            path: path.into(),
            body: None,
            about: None,
            repeatable: true,
        }
    }

    /// Destroys something, and nothing else when it is gone already.
    pub fn delete(path: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            method: Method::Delete,
            about: Some(about.into()),
            ..Self::get(path)
        }
    }
}

/// `POST /v2/droplets for host1`.
impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        write!(formatter, "{method} {}", self.path)?;
        match &self.about {
            Some(about) => write!(formatter, " for {about}"),
            None => Ok(()),
        }
    }
}

pub(super) fn post(path: &str, body: Value, about: &str, repeatable: bool) -> Call {
    Call {
        method: Method::Post,
        path: path.to_owned(),
        body: Some(body),
        about: Some(about.to_owned()),
        repeatable,
    }
}

/// Makes the tag; it may be there already.
pub fn create_tag(tag: &Tag) -> Call {
    post("/v2/tags", json!({ "name": tag }), tag.as_str(), true)
}

/// Makes the cloud firewall, whose tag must be there.
pub fn create_firewall(firewall: &FirewallPlan, tag: &Tag) -> Call {
    let any = json!({ "addresses": ["0.0.0.0/0", "::/0"] });
    let inbound = |protocol: &str, ports: &str, sources: &Value| json!({ "protocol": protocol, "ports": ports, "sources": sources });
    let outbound = |protocol: &str| json!({ "protocol": protocol, "ports": "0", "destinations": any });
    let body = json!({
        "name": firewall.name,
        "tags": [tag],
        "inbound_rules": [
            inbound("tcp", "22", &json!({ "addresses": firewall.ssh_from })),
            inbound("icmp", "0", &any),
            inbound("udp", &firewall.tunnel_port.to_string(), &json!({ "tags": [tag] })),
        ],
        "outbound_rules": [outbound("tcp"), outbound("udp"), outbound("icmp")],
    });
    // Two of one name are possible.
    post("/v2/firewalls", body, &firewall.name, false)
}

/// The body of a request for a droplet.
#[derive(Serialize)]
struct DropletBody<'a> {
    name: &'a str,
    region: &'a str,
    size: &'a str,
    image: &'a crate::spec::DropletImage,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ssh_keys: &'a [crate::spec::SshKey],
    tags: &'a [Tag],
    ipv6: bool,
    monitoring: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_uuid: Option<&'a str>,
    user_data: String,
}

/// Makes one droplet, in the VPC with this UUID, or in the region's default VPC.
///
/// # Errors
/// [`RenderError`], when its user-data is too large.
pub fn create_droplet(droplets: &Droplets, droplet: &DropletPlan, vpc: Option<&str>) -> Result<Call, RenderError> {
    let body = DropletBody {
        name: droplet.name.as_str(),
        region: droplets.region.as_str(),
        size: droplet.size.as_str(),
        image: &droplet.image,
        ssh_keys: &droplet.ssh_keys,
        tags: &droplet.tags,
        ipv6: droplet.ipv6,
        monitoring: droplet.monitoring,
        vpc_uuid: vpc,
        user_data: droplet_user_data(droplets, droplet)?,
    };
    Ok(post("/v2/droplets", serde_json::to_value(body)?, droplet.name.as_str(), false))
}
