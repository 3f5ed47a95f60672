//! Docker and its default network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Found;
use super::sections::Sections;

/// Docker on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DockerFacts {
    /// Of the daemon, `26.1.5`; nobody asks for it in [`super::Scope::Mesh`].
    pub version: Found<String>,
    pub network: DockerNetwork,
}

/// The network `bridge` as `docker network inspect` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DockerNetwork {
    /// CIDR notation.
    pub subnet: Option<String>,
    /// The addresses handed out, CIDR notation; `None` is the whole subnet.
    pub ip_range: Option<String>,
    pub gateway: Option<String>,
    /// `com.docker.network.bridge.name`, `com.docker.network.driver.mtu` and others.
    pub options: BTreeMap<String, String>,
    /// Those that run on it, by name.
    #[serde(default)]
    pub containers: BTreeMap<String, DockerContainer>,
}

/// A container's place on the network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DockerContainer {
    /// Lower case with colons.
    pub mac: Option<String>,
    pub addresses: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct RawNetwork {
    #[serde(rename = "Containers", default)]
    containers: Option<BTreeMap<String, RawContainer>>,
    #[serde(rename = "IPAM", default)]
    ipam: RawIpam,
    #[serde(rename = "Options", default)]
    options: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct RawIpam {
    #[serde(rename = "Config", default)]
    config: Option<Vec<RawConfig>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    subnet: Option<String>,
    #[serde(rename = "IPRange")]
    ip_range: Option<String>,
    gateway: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawContainer {
    name: String,
    mac_address: String,
    /// With their prefix lengths; empty where there is none.
    #[serde(rename = "IPv4Address")]
    ipv4_address: String,
    #[serde(rename = "IPv6Address")]
    ipv6_address: String,
}

impl RawContainer {
    fn convert(self) -> (String, DockerContainer) {
        let address = |text: &String| text.split('/').next()?.parse().ok();
        let container = DockerContainer {
            mac: (!self.mac_address.is_empty()).then(|| self.mac_address.to_ascii_lowercase()),
            addresses: [&self.ipv4_address, &self.ipv6_address].into_iter().filter_map(address).collect(),
        };
        (self.name, container)
    }
}

pub fn parse(sections: &Sections) -> Result<DockerFacts, String> {
    let active = sections.get("docker-active")?;
    if active.status != 0 {
        let words = format!("{} {}", active.output.trim(), active.errors.trim());
        return Err(format!("docker.service is not active: {}", words.trim()));
    }
    Ok(DockerFacts {
        version: sections.text("docker-version").map(|text| text.trim().to_owned()).into(),
        network: parse_network(sections.text("docker-network")?)?,
    })
}

fn parse_network(text: &str) -> Result<DockerNetwork, String> {
    let networks: Vec<RawNetwork> = serde_json::from_str(text).map_err(|error| format!("docker network inspect: {error}"))?;
    let network = networks.into_iter().next().ok_or("docker network inspect: no network")?;
    let configs = network.ipam.config.unwrap_or_default();
    let is_ipv4 = |config: &&RawConfig| config.subnet.as_ref().is_some_and(|subnet| !subnet.contains(':'));
    let config = configs.iter().find(is_ipv4).cloned().unwrap_or_default();
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(DockerNetwork {
        subnet: given(config.subnet),
        ip_range: given(config.ip_range),
        gateway: given(config.gateway),
        options: network.options.unwrap_or_default(),
        containers: network
            .containers
            .unwrap_or_default()
            .into_values()
            .map(RawContainer::convert)
            .collect(),
    })
}
