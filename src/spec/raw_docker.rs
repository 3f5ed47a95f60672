//! The keys below `docker`, where a map's keys say how dangerous a listener is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostic::{Code, Diagnostic};
use super::field::{FromNode, Placed, duplicate_key, join, raw_maps, shown, wrong_type};
use super::node::{Node, Place, Value};
use super::types::HostPath;

raw_maps! {
    /// Docker's daemon options and API. The keys of a host override the cluster's; daemon options are merged one by one.
    #[schemars(rename = "Docker")]
    RawDocker
    required []
    cluster_wide []
    {
        /// Options for daemon.json, as dockerd documents them. Those that the mesh owns (bridge, fixed-cidr, mtu, hosts, tls ...)
        /// are refused.
        #[schemars(extend("default" = {}, "examples" = [{"log-driver": "journald"}]))]
        daemon: RawDaemon,
        /// A listener of Docker's API besides the unix socket, on the address of the host's container bridge; or `none`.
        #[schemars(extend("default" = "none", "examples" = [
            "none",
            {"tls": {"ca": "/etc/docker/ca.pem", "certificate": "/etc/docker/cert.pem", "key": "/etc/docker/key.pem"}}
        ]))]
        api: RawApi,
    }

    /// Exactly one of the two kinds of listener.
    #[schemars(rename = "Listener")]
    RawListener
    required []
    cluster_wide []
    {
        /// Mutual TLS: only clients with a certificate of the same authority get in.
        #[schemars(extend("examples" = [
            {"ca": "/etc/docker/ca.pem", "certificate": "/etc/docker/cert.pem", "key": "/etc/docker/key.pem", "port": 2376}
        ]))]
        tls: RawTls,
        /// No TLS: whoever reaches the port, every container included, is root on the host.
        #[schemars(extend("examples" = [{"port": 2375}]))]
        unsafe_without_tls: RawUnsafe,
    }

    /// Files on the host for mutual TLS; they must be there before Docker starts.
    #[schemars(rename = "Tls")]
    RawTls
    required ["ca", "certificate", "key"]
    cluster_wide []
    {
        /// Certificate of the authority that signs the clients' certificates.
        #[schemars(extend("examples" = ["/etc/docker/ca.pem"]))]
        ca: HostPath,
        /// Certificate of the host.
        #[schemars(extend("examples" = ["/etc/docker/cert.pem"]))]
        certificate: HostPath,
        /// Private key of the host.
        #[schemars(extend("examples" = ["/etc/docker/key.pem"]))]
        key: HostPath,
        /// TCP port.
        #[schemars(range(min = 1, max = 65535), extend("default" = 2376, "examples" = [2376]))]
        port: i64,
    }

    /// A listener without TLS.
    #[schemars(rename = "UnsafeWithoutTls")]
    RawUnsafe
    required []
    cluster_wide []
    {
        /// TCP port.
        #[schemars(range(min = 1, max = 65535), extend("default" = 2375, "examples" = [2375]))]
        port: i64,
    }
}

/// `none` or a listener.
#[derive(Debug, Clone, PartialEq)]
pub enum RawApi {
    None,
    Listener(Box<RawListener>),
}

const LISTENER_HELP: &str = "give `none`, `tls: {ca: ..., certificate: ..., key: ...}`, or, where everybody who reaches the port may be \
                             root, `unsafe-without-tls: {port: 2375}`";

impl FromNode for RawApi {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let unsafe_listener = "a Docker API listener without TLS gives root on the host to whoever reaches it";
        let entries = match &node.value {
            Value::Text(text) if text == "none" => return Some(Self::None),
            Value::Map(entries) => entries,
            Value::Text(_) | Value::Integer(_) => {
                problems.push(Diagnostic::error(
                    Code::DockerUnsafeListener,
                    path,
                    node.place,
                    unsafe_listener,
                    LISTENER_HELP,
                ));
                return None;
            }
            _ => {
                problems.push(wrong_type(node, path, "`none` or a map of keys", LISTENER_HELP));
                return None;
            }
        };
        let kinds = entries
            .iter()
            .filter(|(key, _)| matches!(&key.value, Value::Text(name) if name == "tls" || name == "unsafe-without-tls"))
            .count();
        let plain = |name: &str| matches!(name, "port" | "host" | "hosts" | "address" | "listen");
        if kinds == 0
            && entries
                .iter()
                .any(|(key, _)| matches!(&key.value, Value::Text(name) if plain(name)))
        {
            problems.push(Diagnostic::error(
                Code::DockerUnsafeListener,
                path,
                node.place,
                unsafe_listener,
                LISTENER_HELP,
            ));
            return None;
        }
        let listener = RawListener::from_node(node, path, problems)?;
        if listener.tls.is_absent() == listener.unsafe_without_tls.is_absent() {
            let message = "expected exactly one of `tls` and `unsafe-without-tls`, with its own keys";
            problems.push(Diagnostic::error(
                Code::DockerListenerChoice,
                path,
                node.place,
                message,
                LISTENER_HELP,
            ));
            return None;
        }
        Some(Self::Listener(Box::new(listener)))
    }
}

impl JsonSchema for RawApi {
    fn schema_name() -> Cow<'static, str> {
        "DockerApi".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let listener = generator.subschema_for::<RawListener>();
        json_schema!({ "oneOf": [{ "const": "none", "description": "The unix socket only." }, listener] })
    }
}

/// Free options, each with the place of its key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawDaemon(pub BTreeMap<String, Placed<serde_json::Value>>);

impl FromNode for RawDaemon {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            problems.push(wrong_type(
                node,
                path,
                "a map of daemon options",
                "write them as in daemon.json: `log-driver: journald`",
            ));
            return None;
        };
        let before = problems.len();
        let mut options = BTreeMap::new();
        for (name, key, value) in text_keys(entries, path, problems) {
            let option_path = join(path, name);
            if let Some(value) = to_json(value, &option_path, problems) {
                let option = Placed {
                    value,
                    place: key,
                    path: option_path,
                };
                options.insert(name.to_owned(), option);
            }
        }
        (problems.len() == before).then_some(Self(options))
    }
}

/// The entries with text keys, each once; others are problems.
fn text_keys<'a>(entries: &'a [(Node, Node)], path: &str, problems: &mut Vec<Diagnostic>) -> Vec<(&'a str, Place, &'a Node)> {
    let mut firsts: BTreeMap<&str, Place> = BTreeMap::new();
    let mut kept = Vec::new();
    for (key, value) in entries {
        let Value::Text(name) = &key.value else {
            problems.push(wrong_type(key, path, "a key", "keys of JSON are text: put it in quotes"));
            continue;
        };
        if let Some(first) = firsts.get(name.as_str()) {
            problems.push(duplicate_key(name, path, key.place, *first));
            continue;
        }
        firsts.insert(name, key.place);
        if name.chars().any(char::is_control) {
            problems.push(control_character(name, &join(path, &shown(name)), key.place));
            continue;
        }
        kept.push((name.as_str(), key.place, value));
    }
    kept
}

/// The value as JSON, which knows neither infinity nor numbers of any length.
fn to_json(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<serde_json::Value> {
    match &node.value {
        Value::Null => Some(serde_json::Value::Null),
        Value::Bool(value) => Some((*value).into()),
        Value::Integer(value) => match i64::try_from(*value)
            .map(serde_json::Value::from)
            .or_else(|_| u64::try_from(*value).map(Into::into))
        {
            Ok(number) => Some(number),
            Err(_) => not_json(node, path, problems),
        },
        Value::Float(value) => match serde_json::Number::from_f64(*value) {
            Some(number) => Some(number.into()),
            None => not_json(node, path, problems),
        },
        Value::Text(text) if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) => {
            problems.push(control_character(text, path, node.place));
            None
        }
        Value::Text(text) => Some(text.as_str().into()),
        Value::List(items) => {
            let values: Vec<_> = items
                .iter()
                .enumerate()
                .map(|(index, item)| to_json(item, &format!("{path}[{index}]"), problems))
                .collect();
            values.into_iter().collect()
        }
        Value::Map(entries) => {
            let mut object = serde_json::Map::new();
            for (name, _, value) in text_keys(entries, path, problems) {
                if let Some(value) = to_json(value, &join(path, name), problems) {
                    object.insert(name.to_owned(), value);
                }
            }
            Some(object.into())
        }
    }
}

fn not_json(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<serde_json::Value> {
    let help = "give a finite number below 2^64, or put it in quotes";
    problems.push(Diagnostic::error(
        Code::DockerDaemonValue,
        path,
        node.place,
        "daemon.json can't hold this number",
        help,
    ));
    None
}

fn control_character(text: &str, path: &str, place: Place) -> Diagnostic {
    let message = format!("'{}' has control characters", shown(text));
    Diagnostic::error(
        Code::DockerDaemonValue,
        path,
        place,
        message,
        "remove them; dockerd has no option that needs them",
    )
}

impl JsonSchema for RawDaemon {
    fn schema_name() -> Cow<'static, str> {
        "DaemonOptions".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": true })
    }
}
