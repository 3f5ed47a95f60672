//! The JSON Schema of cluster.yaml, from the types that parse it.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::raw::RawCluster;

/// The schema as a JSON value: draft 2020-12, every key with its description, and examples or a default.
///
/// Each map has its keys in the order to show them in, as `x-order`, since JSON objects have none.
pub(super) fn ordered_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RawCluster>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), "cluster.yaml".into());
    }
    // The parser wants an address too, unless the hosts are droplets.
    schema["$defs"]["Host"]["required"] = json!(["name"]);
    tidy(&mut schema);
    schema
}

/// Makes plain what derives from our types: widths of integers, line breaks of comments, a format that only schemars knows.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("type") == Some(&"integer".into()) {
                object.remove("format");
            }
            if object.get("format") == Some(&"ip".into()) {
                object.remove("format");
                object.insert("anyOf".to_owned(), json!([{ "format": "ipv4" }, { "format": "ipv6" }]));
            }
            if object.get("required") == Some(&json!([])) {
                object.remove("required");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if let Some(Value::Array(keys)) = object.get_mut("x-order") {
                keys.iter_mut()
                    .for_each(|key| *key = key.as_str().unwrap_or_default().replace('_', "-").into());
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// What `meshimg schema` prints: the JSON Schema of cluster.yaml, indented, with a final newline.
pub fn schema_json() -> String {
    fn without_order(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.remove("x-order");
                object.values_mut().for_each(without_order);
            }
            Value::Array(items) => items.iter_mut().for_each(without_order),
            _ => {}
        }
    }
    let mut schema = ordered_schema();
    without_order(&mut schema);
    format!("{schema:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::field::FromNode;
    use crate::spec::node::Node;
    use crate::spec::raw::{RawCluster, RawHost};

    /// Calls `visit` with the path, name and schema of each key of each map.
    fn each_key(schema: &Value, visit: &mut dyn FnMut(&str, &str, &Value)) {
        let definitions = schema["$defs"].as_object().expect("definitions");
        for (map, schema) in definitions.iter().chain([(&"Cluster".to_owned(), schema)]) {
            for (key, value) in schema["properties"].as_object().into_iter().flatten() {
                visit(map, key, value);
            }
        }
    }

    #[test]
    fn every_key_has_a_description_and_examples() {
        let mut count = 0;
        each_key(&ordered_schema(), &mut |map, key, schema| {
            count += 1;
            assert!(
                schema["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{map}.{key}: description"
            );
            assert!(
                schema["examples"].as_array().is_some_and(|examples| !examples.is_empty()),
                "{map}.{key}: examples"
            );
            if schema.get("default").is_none() {
                let text = schema["description"].as_str().unwrap_or_default();
                let says = [
                    "Default:",
                    "Without it",
                    "As the cluster's",
                    "Version",
                    "Name of the",
                    "Host name",
                    "Address on",
                    "The hosts,",
                    "Slug of the",
                ];
                let structured = schema.get("$ref").is_some() || ["ca", "certificate", "key"].contains(&key);
                assert!(
                    structured || says.iter().any(|words| text.contains(words)),
                    "{map}.{key}: what without it?"
                );
            }
        });
        assert!(count > 50, "{count}");
    }

    /// Examples and defaults are what the parser takes, so parser and schema can't drift apart unseen.
    #[test]
    fn every_example_and_default_is_accepted() {
        let ordered = ordered_schema();
        each_key(&ordered, &mut |map, key, schema| {
            let examples = schema["examples"].as_array().into_iter().flatten().chain(schema.get("default"));
            for example in examples {
                // Where the map is, seen from a host or from the cluster.
                let (path, is_host) = match map {
                    "Cluster" => ("", false),
                    "Host" => ("", true),
                    "Underlay" => ("underlay", false),
                    "HostUnderlay" => ("underlay", true),
                    "Containers" => ("containers", false),
                    "HostContainers" => ("containers", true),
                    "Mesh" => ("mesh", false),
                    "HostMesh" => ("mesh", true),
                    "Links" => ("mesh.topology", false),
                    "Timers" => ("mesh.timers", false),
                    "Bfd" => ("mesh.bfd", false),
                    "Docker" => ("docker", false),
                    "Listener" => ("docker.api", false),
                    "Tls" => ("docker.api.tls", false),
                    "UnsafeWithoutTls" => ("docker.api.unsafe-without-tls", false),
                    "Access" => ("access", false),
                    "OpenVSwitch" => ("open-vswitch", false),
                    "DigitalOcean" => ("digital-ocean", false),
                    "HostDigitalOcean" => ("digital-ocean", true),
                    "Firewall" => ("digital-ocean.firewall", false),
                    other => panic!("where is {other}?"),
                };
                let mut value = json!({ key: example });
                if map == "Tls" {
                    for (file, path) in [("ca", "/a"), ("certificate", "/b"), ("key", "/c")] {
                        value.as_object_mut().expect("a map").entry(file).or_insert(path.into());
                    }
                }
                for part in path.split('.').rev().filter(|part| !part.is_empty()) {
                    value = json!({ part: value });
                }
                let mut problems = Vec::new();
                let node: Node = serde_yaml::from_str(&value.to_string()).expect("JSON is YAML");
                match is_host {
                    true => drop(RawHost::from_node(&node, "", &mut problems)),
                    false => drop(RawCluster::from_node(&node, "", &mut problems)),
                }
                problems.retain(|problem| problem.code != crate::spec::Code::KeyMissing);
                assert!(problems.is_empty(), "{map}.{key}: {problems:?}");
            }
        });
    }

    #[test]
    fn the_printed_schema_has_no_private_keywords() {
        let text = schema_json();
        assert!(text.ends_with("}\n") && !text.contains("x-order") && !text.contains("Raw"));
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(schema["required"], json!(["version", "name", "hosts"]));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["additionalProperties"], false);
    }
}
