//! Docker and its default network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sections::Sections;

/// Docker on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DockerFacts {
    /// Of the daemon, `26.1.5`.
    pub version: String,
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
}

#[derive(Deserialize)]
struct RawNetwork {
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

pub fn parse(sections: &Sections) -> Result<DockerFacts, String> {
    let active = sections.get("docker-active")?;
    if active.status != 0 {
        let words = format!("{} {}", active.output.trim(), active.errors.trim());
        return Err(format!("docker.service is not active: {}", words.trim()));
    }
    Ok(DockerFacts {
        version: sections.text("docker-version")?.trim().to_owned(),
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
    })
}
