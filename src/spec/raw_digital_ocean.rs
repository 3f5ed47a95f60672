//! The keys below `digital-ocean`.

use std::borrow::Cow;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostic::Diagnostic;
use super::digital_ocean::{DropletImage, Fingerprint, Slug, SshKey, Tag, VpcName};
use super::field::{Field, FromNode, raw_maps, wrong_type};
use super::node::{Node, Value};
use super::scalar::{OrNone, Subnet};

raw_maps! {
    /// The hosts as droplets of Digital Ocean. A host may have no `address` then: it gets one in the VPC when its droplet is made.
    #[schemars(rename = "DigitalOcean")]
    RawDigitalOcean
    required ["region", "size"]
    cluster_wide []
    {
        /// Slug of the region, the same for all droplets, as a VPC is in one region.
        #[schemars(extend("examples" = ["ams3"]))]
        region: Slug,
        /// Slug of the size of droplets.
        #[schemars(extend("examples" = ["s-1vcpu-1gb", "s-2vcpu-4gb"]))]
        size: Slug,
        /// Slug of one of Digital Ocean's images, or the number of a custom image or snapshot. Default: the stock image of the host's `os`, such as
        /// `debian-13-x64`.
        #[schemars(extend("examples" = ["debian-13-x64", 123456789]))]
        image: ImageName,
        /// Name or UUID of the VPC whose addresses are the underlay. It must exist. Default: the default VPC of the region.
        #[schemars(extend("examples" = ["mesh-vpc"]))]
        vpc: VpcName,
        /// Range of that VPC, /16 to /28. With it `check` finds a VPC that overlaps the containers' subnet, or is too small, before anything is
        /// bought. Without it that is found when droplets are to be made.
        #[schemars(extend("examples" = ["10.110.0.0/20"]))]
        vpc_range: Subnet,
        /// Keys known to Digital Ocean that root gets, each by its number or its MD5 fingerprint. `access.authorized-keys` is there besides; one of
        /// the two is needed.
        #[schemars(extend("default" = [], "examples" = [[289794, "3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45"]]))]
        ssh_keys: Vec<Field<KeyName>>,
        /// Tags of the droplets, besides `meshimg:` and the name of the cluster.
        #[schemars(extend("default" = [], "examples" = [["env:production"]]))]
        tags: Vec<Field<Tag>>,
        /// Whether droplets also get a public IPv6 address.
        #[schemars(extend("default" = false, "examples" = [true]))]
        ipv6: bool,
        /// Whether Digital Ocean's monitoring agent is installed.
        #[schemars(extend("default" = false, "examples" = [true]))]
        monitoring: bool,
        /// A cloud firewall of our own before all droplets, or `none`. It lets in ssh, ICMP, and the tunnels between the droplets. Its rules know
        /// tcp, udp and icmp alone, so it goes with `mesh.tunnel: vxlan` and `geneve`, and not with `gre`.
        #[schemars(extend("default" = "none", "examples" = [{"ssh-from": ["198.51.100.0/24"]}]))]
        firewall: OrNone<RawFirewall>,
    }

    /// One host as a droplet. Region, VPC and firewall are cluster-wide.
    #[schemars(rename = "HostDigitalOcean")]
    RawHostDigitalOcean
    required []
    cluster_wide ["region", "vpc", "vpc-range", "firewall"]
    {
        /// As the cluster's `digital-ocean.size`, for this host.
        #[schemars(extend("examples" = ["s-2vcpu-4gb"]))]
        size: Slug,
        /// As the cluster's `digital-ocean.image`, for this host.
        #[schemars(extend("examples" = ["debian-12-x64"]))]
        image: ImageName,
        /// Keys besides the cluster's.
        #[schemars(extend("default" = [], "examples" = [[289795]]))]
        ssh_keys: Vec<Field<KeyName>>,
        /// Tags besides the cluster's.
        #[schemars(extend("default" = [], "examples" = [["role:gateway"]]))]
        tags: Vec<Field<Tag>>,
        /// As the cluster's `digital-ocean.ipv6`, for this host.
        #[schemars(extend("examples" = [true]))]
        ipv6: bool,
        /// As the cluster's `digital-ocean.monitoring`, for this host.
        #[schemars(extend("examples" = [true]))]
        monitoring: bool,
    }

    /// A cloud firewall before all droplets of the cluster.
    #[schemars(rename = "Firewall")]
    RawFirewall
    required []
    cluster_wide []
    {
        /// Networks from which ssh is let in.
        #[schemars(extend("default" = ["0.0.0.0/0", "::/0"], "examples" = [["198.51.100.0/24", "2001:db8::/32"]]))]
        ssh_from: Vec<Field<Network>>,
    }
}

/// A number, or text of another type.
fn number_or<T: FromNode, U>(
    node: &Node,
    path: &str,
    problems: &mut Vec<Diagnostic>,
    number: impl FnOnce(u64) -> U,
    text: impl FnOnce(T) -> U,
) -> Option<U> {
    let Value::Integer(value) = node.value else {
        return T::from_node(node, path, problems).map(text);
    };
    match u64::try_from(value).ok().filter(|value| *value > 0) {
        Some(value) => Some(number(value)),
        None => {
            problems.push(wrong_type(
                node,
                path,
                "the number of something at Digital Ocean",
                "numbers start at 1",
            ));
            None
        }
    }
}

macro_rules! number_or_text {
    ($($(#[$meta:meta])* $name:ident($inner:ty), $title:literal, $number:path, $text:path: $text_type:ty;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(pub $inner);

        impl FromNode for $name {
            fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
                number_or(node, path, problems, $number, $text).map(Self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let text = <$text_type>::json_schema(generator);
                json_schema!({ "oneOf": [text, { "type": "integer", "minimum": 1 }] })
            }
        }
    )*};
}

number_or_text! {
    /// An image by slug or number.
    ImageName(DropletImage), "ImageName", DropletImage::Id, DropletImage::Slug: Slug;
    /// An ssh key by number or fingerprint.
    KeyName(SshKey), "KeyName", SshKey::Id, SshKey::Fingerprint: Fingerprint;
}

/// A network of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl FromNode for Network {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        IpNet::from_node(node, path, problems).map(Self)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$" })
    }
}
