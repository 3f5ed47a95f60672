//! The types of single values: how each is read, and its JSON Schema.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;

use super::diagnostic::{Code, Diagnostic};
use super::digital_ocean::{Fingerprint, Slug, Tag, VpcName};
use super::field::{FromNode, shown, wrong_type};
use super::lock::LockedTopology;
use super::names;
use super::nearest::nearest;
use super::node::{Node, Value};
use super::raw_open_vswitch::SourceKind;
use super::types::{
    ArchiveUrl, AuthorizedKey, ClusterName, Fabric, HostName, HostPath, InterfaceName, LoopProtection, Network, OpenVSwitchVersion, Os,
    PackageName, Sha256Hash, SigningKey, SiteName, TopologyWord, Tunnel, UserName,
};

/// The text of a scalar; anything else is a problem.
fn text<'a>(node: &'a Node, path: &str, expected: &str, problems: &mut Vec<Diagnostic>) -> Option<&'a str> {
    let help = match &node.value {
        Value::Text(text) => return Some(text),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) => "put the value in quotes",
        _ => "write one value here",
    };
    problems.push(wrong_type(node, path, expected, help));
    None
}

/// An integer of any size; what is beyond 64 bits becomes the nearest that is not, and breaks every range just the same.
impl FromNode for i64 {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let help = match &node.value {
            Value::Integer(value) => return Some((*value).clamp(i64::MIN.into(), i64::MAX.into()) as i64),
            // What has more than 64 bits arrives as a float; the cast saturates.
            Value::Float(value) if value.fract() == 0.0 && value.abs() >= i64::MAX as f64 => return Some(*value as i64),
            Value::Text(text) if text.parse::<i64>().is_ok() => "remove the quotes and leading zeros",
            _ => "write a whole number without quotes and units",
        };
        problems.push(wrong_type(node, path, "a whole number", help));
        None
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        problems.push(wrong_type(node, path, "true or false", "write `true` or `false`, without quotes"));
        None
    }
}

/// Reads text with `FromStr`.
macro_rules! from_text {
    ($($type:ty: $expected:literal, $code:ident, $help:literal;)*) => {$(
        impl FromNode for $type {
            fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
                let text = text(node, path, $expected, problems)?;
                text.parse().map_err(|_| {
                    let message = format!("'{}' is not {}", shown(text), $expected);
                    problems.push(Diagnostic::error(Code::$code, path, node.place, message, $help));
                }).ok()
            }
        }
    )*};
}

from_text! {
    IpAddr: "an IP address", NotAnAddress, "give an IPv4 or IPv6 address without prefix length and zone, such as 192.0.2.1 or 2001:db8::1";
    Ipv4Addr: "an IPv4 address", NotAnAddress, "give an IPv4 address without prefix length, such as 172.17.42.1";
    IpNet: "a network", NotASubnet, "give an address and a prefix length, such as 198.51.100.0/24 or 2001:db8::/32";
    Subnet: "an IPv4 network", NotASubnet, "give an address and a prefix length, such as 172.17.0.0/16";
}

/// Reads text with a rule of [`names`], whose own words are the help, and derives a schema of that text.
macro_rules! names {
    ($($type:ty: $title:literal, $what:literal, $code:ident, $pattern:literal;)*) => {$(
        impl FromNode for $type {
            fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
                let text = text(node, path, $what, problems)?;
                text.parse::<$type>().map_err(|rule| {
                    let message = format!("'{}' is not {}", shown(text), $what);
                    problems.push(Diagnostic::error(Code::$code, path, node.place, message, rule.to_string()));
                }).ok()
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

names! {
    ClusterName: "ClusterName", "a name for a cluster", NameCluster, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    HostName: "HostName", "a host name", NameHost, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    SiteName: "SiteName", "the name of a site", NameSite, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    InterfaceName: "InterfaceName", "a name for an interface", NameInterface, "^[A-Za-z][A-Za-z0-9_.-]{0,14}$";
    BridgeName: "BridgeName", "a name for a bridge", NameBridge, "^[A-Za-z][A-Za-z0-9_.-]{0,14}$";
    PackageName: "PackageName", "the name of a package", NamePackage, "^[a-z0-9][a-z0-9+.-]{1,127}$";
    UserName: "UserName", "a user name", NameUser, "^[a-z_][a-z0-9_-]{0,31}$";
    AuthorizedKey: "AuthorizedKey", "a public ssh key", NameAuthorizedKey, "^(ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-)[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]{32,}";
    HostPath: "HostPath", "an absolute path", NamePath, "^/[A-Za-z0-9/._+-]*$";
    ArchiveUrl: "ArchiveUrl", "the URL of a package archive", NameArchive, "^(https?://|file:///)";
    Sha256Hash: "Sha256", "a SHA-256", NameSha256, "^[0-9a-f]{64}$";
    OpenVSwitchVersion: "OpenVSwitchVersion", "a version of Open vSwitch", NameOpenVSwitchVersion, "^[0-9]+(\\.[0-9]+){1,3}$";
    Slug: "Slug", "a slug of Digital Ocean", NameSlug, "^[a-z0-9][a-z0-9._-]{0,127}$";
    VpcName: "VpcName", "the name or UUID of a VPC", NameVpc, "^[A-Za-z0-9.-]{1,255}$";
    Tag: "Tag", "a tag", NameTag, "^[A-Za-z0-9_:-]{1,255}$";
    Fingerprint: "Fingerprint", "the fingerprint of an ssh key", NameFingerprint, "^[0-9a-f]{2}(:[0-9a-f]{2}){15}$";
    SigningKey: "SigningKey", "a signing key", NameSigningKey, "^-----BEGIN PGP PUBLIC KEY BLOCK-----\\n";
}

/// Reads one of the words of an enum.
macro_rules! words {
    ($($type:ty),*) => {$(
        impl FromNode for $type {
            fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
                word(node, path, problems)
            }
        }
    )*};
}

words!(
    Os,
    Network,
    Tunnel,
    TopologyWord,
    LockedTopology,
    Fabric,
    LoopProtection,
    SourceKind
);

fn word<T: DeserializeOwned + JsonSchema>(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<T> {
    let accepted = accepted_words::<T>();
    let list = accepted.join(", ");
    let text = match &node.value {
        Value::Text(text) => text,
        _ => {
            problems.push(wrong_type(node, path, "a word", format!("accepted here: {list}")));
            return None;
        }
    };
    if let Ok(value) = serde_json::from_value(serde_json::Value::String(text.clone())) {
        return Some(value);
    }
    let help = match nearest(text, accepted.iter().map(String::as_str)) {
        Some(near) => format!("did you mean '{near}'? Accepted here: {list}"),
        None => format!("accepted here: {list}"),
    };
    let message = format!("'{}' is not known here", shown(text));
    problems.push(Diagnostic::error(Code::UnknownValue, path, node.place, message, help));
    None
}

/// The words of an enum, from its schema.
fn accepted_words<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T);
    let variants = schema.get("oneOf").and_then(|value| value.as_array()).into_iter().flatten();
    let constants = variants.filter_map(|variant| variant.get("const"));
    let plain = schema.get("enum").and_then(|value| value.as_array()).into_iter().flatten();
    constants
        .chain(plain)
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

/// An IPv4 network; bits of the host part may be set, which a rule reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet(pub Ipv4Net);

impl FromStr for Subnet {
    type Err = ipnet::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl JsonSchema for Subnet {
    fn schema_name() -> Cow<'static, str> {
        "Subnet".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}$" })
    }
}

/// The name of a bridge that meshimg makes: not one that a NIC or a tunnel could have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeName(pub InterfaceName);

impl FromStr for BridgeName {
    type Err = super::types::InvalidName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        names::check_bridge(text).map_err(super::types::InvalidName)?;
        text.parse().map(Self)
    }
}

/// `none` or the name of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Management {
    None,
    Interface(InterfaceName),
}

impl FromNode for Management {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "none" => Some(Self::None),
            _ => InterfaceName::from_node(node, path, problems).map(Self::Interface),
        }
    }
}

impl JsonSchema for Management {
    fn schema_name() -> Cow<'static, str> {
        "Management".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        InterfaceName::json_schema(generator)
    }
}

/// A length of time of whole milliseconds, written `100ms` or `1s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub u32);

/// Longest interval: the BFD session of a link that is down for minutes protects nothing.
const INTERVAL_MAX_MS: u32 = 60_000;

impl FromStr for Interval {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (digits, factor) = match text.strip_suffix("ms") {
            Some(digits) => (digits, 1),
            None => (text.strip_suffix('s').ok_or(())?, 1000),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        let milliseconds = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(factor)).ok_or(())?;
        if (1..=INTERVAL_MAX_MS).contains(&milliseconds) {
            Ok(Self(milliseconds))
        } else {
            Err(())
        }
    }
}

impl FromNode for Interval {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let help = "give whole milliseconds or seconds with their unit, from 1ms to 60s, such as 100ms";
        let written = match &node.value {
            Value::Text(text) => shown(text),
            Value::Integer(number) => number.to_string(),
            _ => {
                problems.push(wrong_type(node, path, "a length of time", help));
                return None;
            }
        };
        let parsed = match &node.value {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        if parsed.is_none() {
            let message = format!("'{written}' is not a usable interval");
            problems.push(Diagnostic::error(Code::MeshBfdInterval, path, node.place, message, help));
        }
        parsed
    }
}

impl JsonSchema for Interval {
    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+m?s$" })
    }
}

/// `none` or a map of keys.
#[derive(Debug, Clone, PartialEq)]
pub enum OrNone<T> {
    None,
    Some(T),
}

impl<T: FromNode> FromNode for OrNone<T> {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "none" => Some(Self::None),
            Value::Map(_) => T::from_node(node, path, problems).map(Self::Some),
            _ => {
                problems.push(wrong_type(
                    node,
                    path,
                    "`none` or a map of keys",
                    "give `none`, or keys below this one",
                ));
                None
            }
        }
    }
}

impl<T: JsonSchema> JsonSchema for OrNone<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrNone", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let some = generator.subschema_for::<T>();
        json_schema!({ "oneOf": [{ "const": "none", "description": "Off." }, some] })
    }
}
