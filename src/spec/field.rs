//! A tree of values to typed fields, noting every problem on the way.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::diagnostic::{Code, Diagnostic};
use super::nearest::{SUGGESTED_MAX, nearest};
use super::node::{Node, Place, Value};

/// A value, its place in the file and its YAML path.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    pub value: T,
    pub place: Place,
    pub path: String,
}

impl<T> Placed<T> {
    /// An error about this value.
    pub(crate) fn error(&self, code: Code, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, &self.path, self.place, message, help)
    }

    /// A warning about this value.
    pub(crate) fn warning(&self, code: Code, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, &self.path, self.place, message, help)
    }
}

/// What the file says for one key.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Field<T> {
    /// Nothing: the key is not there, or has no value.
    #[default]
    Absent,
    /// Something that is no `T`; a diagnostic tells of it, and rules that need the value stay silent.
    Broken,
    Given(Placed<T>),
}

impl<T> Field<T> {
    /// The value where there is one.
    pub fn given(&self) -> Option<&Placed<T>> {
        match self {
            Self::Given(placed) => Some(placed),
            Self::Absent | Self::Broken => None,
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken)
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// This field, or `wider` where the file says nothing here.
    pub(crate) fn or<'a>(&'a self, wider: &'a Self) -> &'a Self {
        if self.is_absent() { wider } else { self }
    }

    /// The field of the map below this one.
    pub(crate) fn then<U>(&self, key: impl FnOnce(&T) -> &Field<U>) -> &Field<U> {
        match self {
            Self::Given(placed) => key(&placed.value),
            Self::Absent => const { &Field::Absent },
            Self::Broken => const { &Field::Broken },
        }
    }
}

/// The schema of a field is that of its value; which keys may be left out is said by the map.
impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A type that a YAML value is read as.
pub(crate) trait FromNode: Sized {
    /// `None` after at least one error was added to `problems`.
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self>;
}

/// Reads one value; a null counts as absent.
pub(crate) fn field<T: FromNode>(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Field<T> {
    if node.value == Value::Null {
        return Field::Absent;
    }
    match T::from_node(node, path, problems) {
        None => Field::Broken,
        Some(value) => Field::Given(Placed {
            value,
            place: node.place,
            path: path.to_owned(),
        }),
    }
}

impl<T: FromNode> FromNode for Vec<Field<T>> {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            problems.push(wrong_type(node, path, "a list", "write one item per line, each after '- '"));
            return None;
        };
        let mut fields = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let item_path = format!("{path}[{index}]");
            if item.value == Value::Null {
                problems.push(wrong_type(item, &item_path, "an item", "remove the '-', or write a value after it"));
                fields.push(Field::Broken);
            } else {
                fields.push(field(item, &item_path, problems));
            }
        }
        Some(fields)
    }
}

/// "expected a list, found text".
pub(crate) fn wrong_type(node: &Node, path: &str, expected: &str, help: impl Into<String>) -> Diagnostic {
    let message = format!("expected {expected}, found {}", node.value.kind());
    Diagnostic::error(Code::WrongType, path, node.place, message, help)
}

/// `parent.key`, or `key` at the top.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The keys a map may have.
pub(crate) struct Keys<'a> {
    pub known: &'a [String],
    pub required: &'a [&'a str],
    /// Known where the cluster is described, not where a host is.
    pub cluster_wide: &'a [&'a str],
}

/// The values of a map by key; each key once.
pub(crate) struct MapReader<'a> {
    values: BTreeMap<&'a str, &'a Node>,
    path: &'a str,
}

impl<'a> MapReader<'a> {
    /// Notes a value that is no map, and keys that are unknown, missing, given twice or not for this place.
    pub fn open(node: &'a Node, path: &'a str, keys: &Keys<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let help = format!("the keys here are {}", keys.known.join(", "));
            problems.push(wrong_type(node, path, "a map of keys", help));
            return None;
        };
        let mut places: BTreeMap<&str, Place> = BTreeMap::new();
        let mut values = BTreeMap::new();
        let mut suggested = BTreeSet::new();
        for (key, value) in entries {
            let Value::Text(name) = &key.value else {
                problems.push(wrong_type(
                    key,
                    path,
                    "a key",
                    format!("the keys here are {}", keys.known.join(", ")),
                ));
                continue;
            };
            if let Some(first) = places.get(name.as_str()) {
                problems.push(duplicate_key(name, path, key.place, *first));
                continue;
            }
            places.insert(name, key.place);
            if keys.known.contains(name) {
                values.insert(name.as_str(), value);
            } else {
                let known = keys.known.iter().map(String::as_str);
                let near = (problems.len() < SUGGESTED_MAX).then(|| nearest(name, known)).flatten();
                suggested.extend(near);
                problems.push(unknown_key(name, near, path, key.place, keys));
            }
        }
        for key in keys.required {
            // A misspelt key is one mistake, told of at the key that is there.
            if suggested.contains(key) {
                continue;
            }
            if values.get(key).is_none_or(|value| value.value == Value::Null) {
                let place = values.get(key).map_or(node.place, |value| value.place);
                let message = format!("the key '{key}' is missing or has no value");
                problems.push(Diagnostic::error(
                    Code::KeyMissing,
                    &join(path, key),
                    place,
                    message,
                    format!("add `{key}: ...`; the required keys here are {}", keys.required.join(", ")),
                ));
            }
        }
        Some(Self { values, path })
    }

    /// Reads the value of `key`.
    pub fn take<T: FromNode>(&self, key: &str, problems: &mut Vec<Diagnostic>) -> Field<T> {
        match self.values.get(key) {
            Some(node) => field(node, &join(self.path, key), problems),
            None => Field::Absent,
        }
    }
}

/// A key that was given before at `first`.
pub(crate) fn duplicate_key(name: &str, path: &str, place: Place, first: Place) -> Diagnostic {
    let message = format!("the key '{}' is given twice", shown(name));
    Diagnostic::error(Code::KeyDuplicate, &join(path, name), place, message, "keep one of the two").with_related(first, "first given here")
}

fn unknown_key(name: &str, near: Option<&str>, path: &str, place: Place, keys: &Keys<'_>) -> Diagnostic {
    if keys.cluster_wide.contains(&name) {
        // `hosts[1].underlay` -> `underlay`: where the key belongs.
        let wide = path.split_once(']').map_or(path, |(_, rest)| rest.trim_start_matches('.'));
        let message = format!("'{name}' is cluster-wide: all hosts must have the same value");
        let help = format!("move it to `{}` at the top of the file", join(wide, name));
        return Diagnostic::error(Code::ClusterWide, &join(path, name), place, message, help);
    }
    let known = keys.known.join(", ");
    let help = match near {
        Some(near) => format!("did you mean '{near}'? The keys here are {known}"),
        None => format!("the keys here are {known}"),
    };
    Diagnostic::error(
        Code::KeyUnknown,
        &join(path, name),
        place,
        format!("unknown key '{}'", shown(name)),
        help,
    )
}

/// Text from the file as a message quotes it: one line, at most 60 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push_str("...");
    }
    short
}

/// Structs whose fields are the keys of a map: `first_address` is the key `first-address`. Parser and schema come from one text.
macro_rules! raw_maps {
    ($(
        $(#[$meta:meta])*
        $name:ident
        required $required:tt
        cluster_wide $cluster_wide:tt
        { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* }
    )*) => {$(
        #[derive(Debug, Clone, Default, PartialEq, schemars::JsonSchema)]
        $(#[$meta])*
        #[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("required" = $required, "x-order" = [$( stringify!($field) ),*]))]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $crate::spec::field::Field<$type>, )*
        }

        impl $crate::spec::field::FromNode for $name {
            fn from_node(
                node: &$crate::spec::node::Node,
                path: &str,
                problems: &mut Vec<$crate::spec::diagnostic::Diagnostic>,
            ) -> Option<Self> {
                let known = [$( stringify!($field).replace('_', "-") ),*];
                let keys = $crate::spec::field::Keys { known: &known, required: &$required, cluster_wide: &$cluster_wide };
                let reader = $crate::spec::field::MapReader::open(node, path, &keys, problems)?;
                Some(Self {
                    $( $field: reader.take(&stringify!($field).replace('_', "-"), problems), )*
                })
            }
        }
    )*};
}
pub(crate) use raw_maps;
