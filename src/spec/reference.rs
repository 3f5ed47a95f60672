//! docs/cluster-yaml.md from the schema.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::schema::ordered_schema;

const HEAD: &str = "\
# cluster.yaml

All keys of the file that `meshimg` reads. Only `version`, `name` and `hosts` are required. An unknown key is an error, and a key
without a value is as good as none. `meshimg check FILE` reports all problems at once; `meshimg schema` prints the JSON Schema for
editors; `meshimg init` writes a file to start from.

Generated from the schema: change the comments in `src/spec/raw.rs`, then run `MESHIMG_UPDATE=1 cargo test reference`.
";

/// The whole of docs/cluster-yaml.md.
pub fn reference_markdown() -> String {
    let schema = ordered_schema();
    let mut reference = Reference {
        schema: &schema,
        text: HEAD.to_owned(),
        told: BTreeMap::new(),
    };
    reference.map("", "The file", &schema);
    reference.text
}

struct Reference<'a> {
    schema: &'a Value,
    text: String,
    /// Definitions that have a section already, and its path: a second use of one, as in `hosts[].docker`, points there.
    told: BTreeMap<&'a str, String>,
}

impl<'a> Reference<'a> {
    /// The schema that `schema` stands for, and its name if it has one.
    fn resolve(&self, schema: &'a Value) -> (&'a Value, Option<&'a str>) {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        match name {
            Some(name) => (&self.schema["$defs"][name], Some(name)),
            None => (schema, None),
        }
    }

    /// The maps that a value of `schema` can be: itself, the items of a list, or one of several kinds.
    fn maps_in(&self, schema: &'a Value, suffix: &str) -> Vec<(String, &'a Value, Option<&'a str>)> {
        let (resolved, name) = self.resolve(schema);
        if resolved.get("properties").is_some() {
            return vec![(suffix.to_owned(), resolved, name)];
        }
        if let Some(items) = resolved.get("items") {
            return self.maps_in(items, &format!("{suffix}[]"));
        }
        let kinds = resolved["oneOf"].as_array().into_iter().flatten();
        kinds.flat_map(|kind| self.maps_in(kind, suffix)).collect()
    }

    /// A section for one map, then one for each map below it.
    fn map(&mut self, path: &str, title: &str, schema: &'a Value) {
        let description = schema["description"].as_str().unwrap_or_default();
        let _ = write!(
            self.text,
            "\n## {title}\n\n{description}\n\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
        );
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let keys: Vec<&str> = schema["x-order"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for key in &keys {
            let property = &schema["properties"][*key];
            let default = match property.get("default") {
                Some(default) => code(default),
                None if required.contains(key) => "required".to_owned(),
                None => String::new(),
            };
            let examples: Vec<String> = property["examples"].as_array().into_iter().flatten().map(code).collect();
            let meaning = format!(
                "{} Example: {}.",
                property["description"].as_str().unwrap_or_default(),
                examples.join(", ")
            );
            let value = self.value(property);
            let _ = writeln!(
                self.text,
                "| `{key}` | {} | {} | {} |",
                cell(&value),
                cell(&default),
                cell(&meaning)
            );
        }
        // Lists last: the hosts' keys are told as differences from the cluster's.
        let below = keys.iter().flat_map(|key| {
            let here = if path.is_empty() {
                (*key).to_owned()
            } else {
                format!("{path}.{key}")
            };
            let maps = self.maps_in(&schema["properties"][*key], "");
            maps.into_iter()
                .map(move |(suffix, map, name)| (!suffix.is_empty(), format!("{here}{suffix}"), map, name))
        });
        let mut below: Vec<_> = below.collect();
        below.sort_by_key(|(is_list, ..)| *is_list);
        for (_, path, map, name) in below {
            if let Some(name) = name {
                if self.told.contains_key(name) {
                    continue;
                }
                self.told.insert(name, path.clone());
            }
            self.map(&path, &format!("`{path}`"), map);
        }
    }

    /// What a key takes, in words.
    fn value(&self, schema: &'a Value) -> String {
        let (resolved, name) = self.resolve(schema);
        if let Some(path) = name.and_then(|name| self.told.get(name)) {
            return format!("map as in `{path}`");
        }
        if let Some(kinds) = resolved["oneOf"].as_array() {
            return kinds.iter().map(|kind| self.value(kind)).collect::<Vec<_>>().join(" or ");
        }
        if let Some(word) = resolved.get("const") {
            return code(word);
        }
        match (
            resolved["type"].as_str(),
            resolved["minimum"].as_i64(),
            resolved["maximum"].as_i64(),
        ) {
            (Some("integer"), Some(least), Some(most)) if least == most => format!("`{least}`"),
            (Some("integer"), Some(least), Some(most)) => format!("{least} to {most}"),
            (Some("integer"), Some(least), None) => format!("{least} or more"),
            (Some("integer"), _, _) => "a whole number".to_owned(),
            (Some("array"), _, _) => format!("list of {}", self.value(&resolved["items"])),
            (Some("object"), _, _) => "map".to_owned(),
            (Some("boolean"), _, _) => "`true` or `false`".to_owned(),
            _ if resolved.get("anyOf").is_some() => "IP address".to_owned(),
            _ if resolved["format"] == "ipv4" => "IPv4 address".to_owned(),
            _ => "text".to_owned(),
        }
    }
}

/// A value as it would stand in the file: JSON is YAML, and plain text needs no quotes.
fn code(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// Text inside a table of Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster-yaml.md");
        let wanted = reference_markdown();
        if std::env::var_os("MESHIMG_UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().expect("docs")).expect("the folder can be made");
            std::fs::write(&path, &wanted).expect("the file can be written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "docs/cluster-yaml.md differs from the schema; run `MESHIMG_UPDATE=1 cargo test reference`"
        );
    }

    /// The test of the test: every key of the schema is in the text.
    #[test]
    fn every_key_is_told_of() {
        let text = reference_markdown();
        let schema = ordered_schema();
        let definitions = schema["$defs"].as_object().expect("definitions").values();
        for map in definitions.chain([&schema]) {
            for key in map["properties"].as_object().into_iter().flat_map(|keys| keys.keys()) {
                assert!(text.contains(&format!("| `{key}` |")), "{key}");
            }
        }
    }
}
