//! What the API says, as far as it matters here. Fields that may be missing are; unknown ones are no matter.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

/// A list of the API, one page of it.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    #[serde(flatten)]
    pub list: T,
    #[serde(default)]
    links: Links,
}

#[derive(Debug, Default, Deserialize)]
struct Links {
    pages: Option<Pages>,
}

#[derive(Debug, Deserialize)]
struct Pages {
    next: Option<String>,
}

impl<T> Page<T> {
    /// Whether another page follows. Where it is, we know ourselves: a token is sent to no place that an answer names.
    pub fn has_next(&self) -> bool {
        self.links.pages.as_ref().is_some_and(|pages| pages.next.is_some())
    }
}

/// A type that comes in pages, below one key.
pub trait Listed: Sized {
    /// What a page has.
    type List: serde::de::DeserializeOwned;
    /// Path of the list.
    const PATH: &'static str;
    /// The items.
    fn items(list: Self::List) -> Vec<Self>;
}

macro_rules! listed {
    ($($type:ty, $list:ident, $key:ident, $path:literal;)*) => {$(
        #[doc = "Items of a page."]
        #[derive(Debug, Deserialize)]
        pub struct $list {
            #[serde(default)]
            $key: Vec<$type>,
        }
        impl Listed for $type {
            type List = $list;
            const PATH: &'static str = $path;
            fn items(list: $list) -> Vec<Self> {
                list.$key
            }
        }
    )*};
}

listed! {
    Droplet, DropletList, droplets, "/v2/droplets";
    Firewall, FirewallList, firewalls, "/v2/firewalls";
    Image, ImageList, images, "/v2/images";
    Region, RegionList, regions, "/v2/regions";
    Size, SizeList, sizes, "/v2/sizes";
    SshKeyInfo, SshKeyList, ssh_keys, "/v2/account/keys";
    Vpc, VpcList, vpcs, "/v2/vpcs";
}

/// A droplet as it is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Droplet {
    pub id: u64,
    pub name: String,
    /// new, active, off or archive.
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub networks: Networks,
    pub region: Option<Slugged>,
    #[serde(default)]
    pub size_slug: String,
    pub vpc_uuid: Option<String>,
}

/// A thing that is told by its slug.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Slugged {
    pub slug: String,
}

/// Addresses of a droplet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Networks {
    #[serde(default)]
    v4: Vec<NetworkV4>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct NetworkV4 {
    ip_address: Ipv4Addr,
    #[serde(rename = "type")]
    kind: String,
}

impl Droplet {
    /// Its address in the VPC.
    pub fn private_address(&self) -> Option<IpAddr> {
        self.address("private")
    }

    /// Its address on the Internet.
    pub fn public_address(&self) -> Option<IpAddr> {
        self.address("public")
    }

    fn address(&self, kind: &str) -> Option<IpAddr> {
        let found = self.networks.v4.iter().find(|network| network.kind == kind);
        found.map(|network| network.ip_address.into())
    }

    /// Whether it has exactly this tag.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

/// `{"droplet": ..., "links": {"actions": ...}}`.
#[derive(Debug, Deserialize)]
pub struct DropletAnswer {
    pub droplet: Droplet,
    #[serde(default)]
    links: ActionLinks,
}

#[derive(Debug, Default, Deserialize)]
struct ActionLinks {
    #[serde(default)]
    actions: Vec<ActionLink>,
}

#[derive(Debug, Deserialize)]
struct ActionLink {
    id: u64,
    rel: String,
}

impl DropletAnswer {
    /// The action that makes the droplet.
    pub fn create_action(&self) -> Option<u64> {
        self.links
            .actions
            .iter()
            .find(|action| action.rel == "create")
            .map(|action| action.id)
    }
}

/// Something that takes its time.
#[derive(Debug, Clone, Deserialize)]
pub struct Action {
    /// in-progress, completed or errored.
    pub status: String,
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// `{"action": ...}`.
#[derive(Debug, Deserialize)]
pub struct ActionAnswer {
    pub action: Action,
}

/// A size, and what it costs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Size {
    pub slug: String,
    /// US dollars.
    pub price_monthly: f64,
    pub regions: Vec<String>,
    pub available: bool,
    /// GB.
    #[serde(default)]
    pub disk: u64,
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Region {
    pub slug: String,
    pub available: bool,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Vpc {
    pub id: String,
    pub name: String,
    pub region: String,
    pub ip_range: String,
    #[serde(default)]
    pub default: bool,
}

/// A key that Digital Ocean knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SshKeyInfo {
    pub id: u64,
    pub fingerprint: String,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image {
    pub id: u64,
    pub name: String,
    /// base, snapshot, backup, custom or admin.
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub regions: Vec<String>,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub error_message: String,
    /// GB.
    pub min_disk_size: Option<u64>,
}

/// `{"image": ...}`.
#[derive(Debug, Deserialize)]
pub struct ImageAnswer {
    pub image: Image,
}

/// `{"account": ...}`.
#[derive(Debug, Deserialize)]
pub struct AccountAnswer {
    pub account: AccountInfo,
}

/// What the account may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountInfo {
    pub droplet_limit: u64,
    /// active, warning or locked.
    pub status: String,
    #[serde(default)]
    pub status_message: String,
}

/// A cloud firewall.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Firewall {
    pub id: String,
    pub name: String,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Firewall {
    /// Whether it is before droplets with this tag.
    pub fn covers(&self, tag: &str) -> bool {
        self.tags.iter().flatten().any(|own| own == tag)
    }
}
