//! `ip -j -d addr show` (ip-address(8)).

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IpLink {
    /// `UP` is in it when the interface is switched on.
    pub flags: Vec<String>,
    /// Bytes.
    pub mtu: u32,
    /// Lower case with colons; `None` where the interface has none.
    pub mac: Option<String>,
    /// The bridge it is a port of.
    pub master: Option<String>,
    /// `bridge`, `openvswitch`, `veth`, ...; `None` for a NIC.
    pub kind: Option<String>,
    /// Of a bridge: 0 when its spanning tree protocol is off.
    pub stp_state: Option<u32>,
    pub addresses: Vec<Address>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Address {
    pub address: IpAddr,
    pub prefix_length: u8,
}

#[derive(Deserialize)]
struct RawLink {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    mtu: u32,
    address: Option<String>,
    master: Option<String>,
    linkinfo: Option<RawInfo>,
    #[serde(default)]
    addr_info: Vec<RawAddress>,
}

#[derive(Default, Deserialize)]
struct RawInfo {
    info_kind: Option<String>,
    info_data: Option<RawData>,
}

#[derive(Deserialize)]
struct RawData {
    stp_state: Option<u32>,
}

#[derive(Deserialize)]
struct RawAddress {
    local: Option<IpAddr>,
    #[serde(default)]
    prefixlen: u8,
}

/// Interfaces by name.
pub fn parse(text: &str) -> Result<BTreeMap<String, IpLink>, String> {
    let links: Vec<RawLink> = serde_json::from_str(text).map_err(|error| format!("ip: {error}"))?;
    Ok(links.into_iter().map(|link| (link.ifname.clone(), convert(link))).collect())
}

fn convert(link: RawLink) -> IpLink {
    let info = link.linkinfo.unwrap_or_default();
    let address = |raw: RawAddress| {
        Some(Address {
            address: raw.local?,
            prefix_length: raw.prefixlen,
        })
    };
    IpLink {
        flags: link.flags,
        mtu: link.mtu,
        mac: link.address,
        master: link.master,
        kind: info.info_kind,
        stp_state: info.info_data.and_then(|data| data.stp_state),
        addresses: link.addr_info.into_iter().filter_map(address).collect(),
    }
}
