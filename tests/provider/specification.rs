//! The API's own specification (OpenAPI 3.0), against what was said.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::fake::Exchange;

const VARIABLE: &str = "MESHIMG_DIGITALOCEAN_SPEC";

/// The document, if the environment names one.
fn document() -> Option<&'static Value> {
    static DOCUMENT: OnceLock<Option<Value>> = OnceLock::new();
    let read = || {
        let Some(path) = std::env::var_os(VARIABLE) else {
            // Past what the harness keeps back of a test that passes.
            let words = "skipped: requests and answers are not held against the API's specification";
            let _ = writeln!(std::io::stderr(), "{words}: {VARIABLE} is not set");
            return None;
        };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", path.display()));
        Some(serde_json::from_str(&text).expect("the specification is JSON"))
    };
    DOCUMENT.get_or_init(read).as_ref()
}

/// Checks every exchange.
pub fn check(log: &[Exchange]) {
    let Some(document) = document() else { return };
    for exchange in log {
        let problems = problems(document, exchange);
        assert!(problems.is_empty(), "{}: {problems:#?}", exchange.request.line());
    }
}

fn problems(document: &Value, exchange: &Exchange) -> Vec<String> {
    let request = &exchange.request;
    let Some((template, operation)) = operation(document, &request.method, &request.path) else {
        return vec!["the API has no such call".to_owned()];
    };
    let name = format!("{} {template}", request.method);
    let mut problems = Vec::new();
    for (key, value) in &request.query {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        match parameters
            .clone()
            .find(|parameter| parameter["in"] == "query" && parameter["name"] == key.as_str())
        {
            None => problems.push(format!("no parameter {key}")),
            Some(parameter) => {
                let value = value.parse::<i64>().map_or_else(|_| Value::from(value.as_str()), Value::from);
                problems.extend(violations(&format!("{name} {key}"), &parameter["schema"], &value));
            }
        }
    }
    let wanted = &operation["requestBody"]["content"]["application/json"]["schema"];
    match (&request.body, wanted) {
        (None, Value::Null) => {}
        (None, _) => problems.push("no body".to_owned()),
        (Some(_), Value::Null) => problems.push("a body that nobody asked for".to_owned()),
        (Some(body), schema) => problems.extend(violations(&name, schema, body)),
    }
    if let Some(answer) = &exchange.answer {
        let status = answer.status.to_string();
        let responses = &operation["responses"];
        let response = responses.get(&status).unwrap_or(&responses["default"]);
        let schema = &response["content"]["application/json"]["schema"];
        if let (Some(body), false) = (&answer.body, schema.is_null()) {
            problems.extend(violations(&format!("{name} {status}"), schema, body));
        }
    }
    problems
}

/// The call of this method whose path fits, and the path as the document has it.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let fits = |template: &str| {
        let (a, b): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let paths = document["paths"].as_object()?;
    // A path without a variable goes before one with it.
    let found = paths
        .iter()
        .filter(|(template, _)| fits(template))
        .min_by_key(|(template, _)| template.matches('{').count());
    let (template, methods) = found?;
    let operation = &methods[method.to_ascii_lowercase()];
    (!operation.is_null()).then_some((template.as_str(), operation))
}

/// What of `value` is not as `schema` has it; `name` is that of the schema.
fn violations(name: &str, schema: &Value, value: &Value) -> Vec<String> {
    static VALIDATORS: Mutex<BTreeMap<String, &'static Validator>> = Mutex::new(BTreeMap::new());
    let mut validators = VALIDATORS.lock().expect("no test has panicked with it");
    let validator = validators.entry(name.to_owned()).or_insert_with(|| {
        let mut schema = schema.clone();
        translate(&mut schema);
        // OpenAPI 3.0 has the words of draft 5, which is draft 4 but for its name.
        let validator = jsonschema::options().with_draft(Draft::Draft4).build(&schema);
        Box::leak(Box::new(validator.unwrap_or_else(|error| panic!("{name}: {error}"))))
    });
    let found = validator.iter_errors(value);
    found
        .map(|error| format!("{name}: {} at {}", error, error.instance_path()))
        .collect()
}

/// `nullable` is a word of OpenAPI alone, and a field that only answers have may be missing in a request.
fn translate(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.remove("nullable") == Some(true.into())
                && let Some(Value::String(kind)) = object.get("type")
            {
                let kinds = vec![Value::from(kind.as_str()), Value::from("null")];
                object.insert("type".to_owned(), kinds.into());
            }
            for key in ["example", "examples", "description", "discriminator", "xml", "externalDocs"] {
                if object.get(key).is_some_and(|value| key != "description" || value.is_string()) {
                    object.remove(key);
                }
            }
            object.values_mut().for_each(translate);
        }
        Value::Array(items) => items.iter_mut().for_each(translate),
        _ => {}
    }
}

/// The test of the test.
#[test]
fn a_wrong_request_and_a_wrong_answer_are_found() {
    use super::http::{Answer, Request};
    let Some(document) = document() else { return };
    let exchange = |method: &str, path: &str, body: Option<Value>, answer: Answer| Exchange {
        request: Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            authorization: String::new(),
            body,
        },
        answer: Some(answer),
        at: std::time::Instant::now(),
    };
    let fine = Answer::error(401, "unauthorized", "Unable to authenticate you.");
    let found = |exchange: &Exchange| problems(document, exchange).len();
    assert_eq!(found(&exchange("GET", "/v2/droplets/1", None, fine.clone())), 0);
    assert_eq!(found(&exchange("GET", "/v2/nothing", None, fine.clone())), 1);
    let body = serde_json::json!({ "name": "not a name!", "size": 1, "image": true });
    assert!(found(&exchange("POST", "/v2/droplets", Some(body), fine.clone())) > 0);
    assert!(found(&exchange("POST", "/v2/droplets", None, fine)) > 0);
    let nonsense = Answer::new(200, serde_json::json!({ "droplet": { "id": "one" } }));
    assert!(found(&exchange("GET", "/v2/droplets/1", None, nonsense)) > 0);
}
