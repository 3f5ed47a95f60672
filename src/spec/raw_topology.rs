//! Which hosts are linked: a word, or the links themselves.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostic::{Code, Diagnostic};
use super::field::{Field, FromNode, Placed, raw_maps};
use super::node::{Node, Value};
use super::types::{HostName, TopologyWord};

/// A word, or a map with links.
#[derive(Debug, Clone, PartialEq)]
pub enum RawTopology {
    Word(TopologyWord),
    Links(RawLinks),
}

impl FromNode for RawTopology {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => RawLinks::from_node(node, path, problems).map(Self::Links),
            _ => TopologyWord::from_node(node, path, problems).map(Self::Word),
        }
    }
}

impl JsonSchema for RawTopology {
    fn schema_name() -> Cow<'static, str> {
        "TopologyOrLinks".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words = TopologyWord::json_schema(generator);
        let links = generator.subschema_for::<RawLinks>();
        let words = words.get("oneOf").and_then(|kinds| kinds.as_array()).cloned().unwrap_or_default();
        let kinds: Vec<_> = words.into_iter().chain([links.to_value()]).collect();
        json_schema!({ "oneOf": kinds })
    }
}

raw_maps! {
    /// The links themselves, in the order of their numbers.
    #[schemars(rename = "Links")]
    RawLinks
    required ["links"]
    cluster_wide []
    {
        /// Pairs of names of hosts. Without it there is no link.
        #[schemars(extend("examples" = [[["host1", "host2"], ["host2", "host3"]]]))]
        links: Vec<Field<LinkEnds>>,
    }
}

/// The two hosts of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkEnds(pub [Placed<HostName>; 2]);

impl FromNode for LinkEnds {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let names = Vec::<Field<HostName>>::from_node(node, path, problems)?;
        let count = names.len();
        if count != 2 {
            let message = format!("expected the names of two hosts, found {count}");
            let help = "write a link as [host1, host2]";
            problems.push(Diagnostic::error(Code::WrongType, path, node.place, message, help));
            return None;
        }
        let mut ends = names.into_iter().map(|name| match name {
            Field::Given(placed) => Some(placed),
            Field::Absent | Field::Broken => None,
        });
        Some(Self([ends.next()??, ends.next()??]))
    }
}

impl JsonSchema for LinkEnds {
    fn schema_name() -> Cow<'static, str> {
        "LinkEnds".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = HostName::json_schema(generator);
        json_schema!({ "type": "array", "items": name, "minItems": 2, "maxItems": 2 })
    }
}
