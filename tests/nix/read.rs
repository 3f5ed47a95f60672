//! Data in Nix, read back by a parser that knows nothing of meshimg.

use rnix::ast::{self, Expr, HasEntry, InterpolPart, LiteralKind};
use serde_json::{Map, Number, Value};

/// The whole file, which must have no error.
pub fn root(name: &str, text: &str) -> ast::Root {
    let parse = rnix::Root::parse(text);
    assert!(parse.errors().is_empty(), "{name}: {:?}\n{text}", parse.errors());
    parse.tree()
}

/// What a file of data says.
pub fn data(name: &str, text: &str) -> Value {
    let expression = root(name, text).expr().unwrap_or_else(|| panic!("{name}: no expression"));
    value(&expression)
}

/// A text without anything that Nix would evaluate.
pub fn text(string: &ast::Str) -> String {
    let part = |part| match part {
        InterpolPart::Literal(text) => text,
        InterpolPart::Interpolation(inner) => panic!("Nix would evaluate {inner}"),
    };
    string.normalized_parts().into_iter().map(part).collect()
}

/// The names of a path such as `a."b c".d`.
pub fn path(path: &ast::Attrpath) -> Vec<String> {
    let name = |attribute| match attribute {
        ast::Attr::Ident(name) => name.to_string(),
        ast::Attr::Str(name) => text(&name),
        ast::Attr::Dynamic(name) => panic!("a name that Nix would evaluate: {name}"),
    };
    path.attrs().map(name).collect()
}

fn value(expression: &Expr) -> Value {
    match expression {
        Expr::Str(string) => Value::String(text(string)),
        Expr::Literal(literal) => match literal.kind() {
            LiteralKind::Integer(integer) => integer.value().expect("an integer of 64 bits").into(),
            LiteralKind::Float(float) => Number::from_f64(float.value().expect("a float")).expect("finite").into(),
            LiteralKind::Uri(uri) => panic!("an URL without quotes: {uri}"),
        },
        Expr::Ident(word) => match word.to_string().as_str() {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            other => panic!("a name: {other}"),
        },
        Expr::Paren(inner) => value(&inner.expr().expect("something in it")),
        Expr::UnaryOp(minus) => {
            assert_eq!(minus.operator(), Some(ast::UnaryOpKind::Negate));
            match value(&minus.expr().expect("an operand")) {
                Value::Number(number) => match number.as_i64() {
                    Some(integer) => (-integer).into(),
                    None => Number::from_f64(-number.as_f64().expect("a float")).expect("finite").into(),
                },
                other => panic!("minus {other}"),
            }
        }
        Expr::List(list) => list.items().map(|item| value(&item)).collect(),
        Expr::AttrSet(set) => {
            let mut fields = Map::new();
            assert!(set.rec_token().is_none() && set.inherits().next().is_none(), "no data: {set}");
            for field in set.attrpath_values() {
                let names = path(&field.attrpath().expect("a name"));
                insert(&mut fields, &names, value(&field.value().expect("a value")));
            }
            Value::Object(fields)
        }
        other => panic!("no data: {other}"),
    }
}

fn insert(fields: &mut Map<String, Value>, names: &[String], value: Value) {
    let (first, rest) = names.split_first().expect("a path has a name");
    if rest.is_empty() {
        assert!(fields.insert(first.clone(), value).is_none(), "{first} is there twice");
        return;
    }
    let inner = fields.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
    insert(inner.as_object_mut().expect("a set"), rest, value);
}
