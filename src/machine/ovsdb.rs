//! The tables that `ovs-vsctl --format=json list` prints.
//!
//! Format: `{"headings": [column, ...], "data": [[value, ...], ...]}` (ovs-vsctl(8), table formatting options), where each value is in
//! the notation of RFC 7047 section 5.1: an atom, `["set", [atom, ...]]` or `["map", [[atom, atom], ...]]`; an atom is a number, a
//! boolean, a string or `["uuid", text]`. A set of exactly one member is written as that member.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

/// Text that is not such a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a table of ovs-vsctl: {0}")]
pub struct OvsdbError(String);

/// A value without further parts. Numbers and booleans are kept as RFC 8259 writes them.
pub type Atom = String;

/// One value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A set with any number of members but one, or a lone atom as its one member.
    Set(Vec<Atom>),
    Map(BTreeMap<Atom, Atom>),
}

/// One row: values by column name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<String, Value>);

impl Row {
    /// The column's one atom; `None` where it is an empty set, or not there.
    pub fn atom(&self, column: &str) -> Option<&str> {
        match self.0.get(column) {
            Some(Value::Set(members)) if members.len() == 1 => members.first().map(String::as_str),
            _ => None,
        }
    }

    /// The column's one atom as a number.
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.atom(column)?.parse().ok()
    }

    /// Whether the column's one atom is `true`.
    pub fn is_true(&self, column: &str) -> bool {
        self.atom(column) == Some("true")
    }

    /// All members of a set.
    pub fn set(&self, column: &str) -> &[Atom] {
        match self.0.get(column) {
            Some(Value::Set(members)) => members,
            _ => &[],
        }
    }

    /// A map; empty where there is none.
    pub fn map(&self, column: &str) -> BTreeMap<Atom, Atom> {
        match self.0.get(column) {
            Some(Value::Map(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
struct Table {
    headings: Vec<String>,
    data: Vec<Vec<Json>>,
}

/// Reads one table.
///
/// # Errors
/// [`OvsdbError`] when `text` is not JSON, not a table, or a row has another number of values than there are headings.
pub fn parse_table(text: &str) -> Result<Vec<Row>, OvsdbError> {
    let table: Table = serde_json::from_str(text).map_err(|error| OvsdbError(error.to_string()))?;
    let row = |values: Vec<Json>| {
        if values.len() != table.headings.len() {
            let (found, expected) = (values.len(), table.headings.len());
            return Err(OvsdbError(format!("a row of {found} values under {expected} headings")));
        }
        let cells = table.headings.iter().cloned().zip(values);
        let cells: Result<BTreeMap<_, _>, OvsdbError> = cells.map(|(column, json)| Ok((column, value(&json)?))).collect();
        Ok(Row(cells?))
    };
    table.data.into_iter().map(row).collect()
}

#[derive(Deserialize)]
struct Selected {
    rows: Vec<BTreeMap<String, Json>>,
}

/// Reads the answer to a transaction of `select` operations (RFC 7047 5.2.2), as ovsdb-tool(1) prints it: the rows of each.
///
/// # Errors
/// [`OvsdbError`] when `text` is no such answer; an operation that failed has no rows.
pub fn parse_selected(text: &str) -> Result<Vec<Vec<Row>>, OvsdbError> {
    let answers: Vec<Selected> = serde_json::from_str(text).map_err(|error| OvsdbError(error.to_string()))?;
    let row = |columns: BTreeMap<String, Json>| {
        let cells = columns.into_iter().map(|(column, json)| Ok((column, value(&json)?)));
        Ok(Row(cells.collect::<Result<_, OvsdbError>>()?))
    };
    answers
        .into_iter()
        .map(|answer| answer.rows.into_iter().map(row).collect())
        .collect()
}

fn value(json: &Json) -> Result<Value, OvsdbError> {
    match json.as_array().map(Vec::as_slice) {
        Some([Json::String(tag), Json::Array(members)]) if tag == "set" => {
            Ok(Value::Set(members.iter().map(atom).collect::<Result<_, _>>()?))
        }
        Some([Json::String(tag), Json::Array(pairs)]) if tag == "map" => Ok(Value::Map(pairs.iter().map(pair).collect::<Result<_, _>>()?)),
        _ => Ok(Value::Set(vec![atom(json)?])),
    }
}

fn pair(json: &Json) -> Result<(Atom, Atom), OvsdbError> {
    match json.as_array().map(Vec::as_slice) {
        Some([key, value]) => Ok((atom(key)?, atom(value)?)),
        _ => Err(OvsdbError(format!("{json} is no pair of a map"))),
    }
}

fn atom(json: &Json) -> Result<Atom, OvsdbError> {
    match json {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(truth) => Ok(truth.to_string()),
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(tag), Json::String(id)] if tag == "uuid" || tag == "named-uuid" => Ok(id.clone()),
            _ => Err(OvsdbError(format!("{json} is no atom"))),
        },
        Json::Null | Json::Object(_) => Err(OvsdbError(format!("{json} is no atom"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_notation_of_rfc_7047_is_read() {
        let text = r#"{"headings":["a","b","c","d","e","f","g"],"data":[
            ["text", 7, true, ["uuid","u-1"], ["set",[]], ["set",[["uuid","u-2"],["uuid","u-3"]]], ["map",[["k","v"],["n",4]]]]]}"#;
        let rows = parse_table(text).unwrap();
        let row = &rows[0];
        assert_eq!(row.atom("a"), Some("text"));
        assert_eq!(row.integer("b"), Some(7));
        assert!(row.is_true("c"));
        assert_eq!(row.atom("d"), Some("u-1"));
        assert_eq!(row.atom("e"), None);
        assert_eq!(row.set("f"), ["u-2", "u-3"]);
        assert_eq!(
            row.map("g"),
            BTreeMap::from([("k".to_owned(), "v".to_owned()), ("n".to_owned(), "4".to_owned())])
        );
        assert!(row.map("a").is_empty() && row.set("none").is_empty());
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"headings":["a"],"data":[[1,2]]}"#,
            r#"{"headings":["a"],"data":[[null]]}"#,
            r#"{"headings":["a"],"data":[[["map",[["k"]]]]]}"#,
            r#"{"headings":["a"],"data":[[["what",[1]]]]}"#,
        ] {
            parse_table(text).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,200}") {
            let _ = parse_table(&text);
        }

        #[test]
        fn garbage_in_cells_never_panics(cell in r#"[\[\]{}",0-9a-z:]{0,40}"#) {
            let _ = parse_table(&format!(r#"{{"headings":["a"],"data":[[{cell}]]}}"#));
        }
    }
}
