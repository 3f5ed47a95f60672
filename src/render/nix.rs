//! Data as Nix expressions, laid out as nixfmt does. ser_nix 0.2 writes `${` in short strings as `''${`, which Nix would evaluate.

use serde::Serialize;
use serde_json::Number;

/// Columns that nixfmt fills (RFC 166 of Nix).
const WIDTH: usize = 100;

/// Words that cannot be attribute names without quotes (Nix manual, "Identifiers").
const KEYWORDS: [&str; 10] = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"];

/// Why data cannot be said in Nix.
#[derive(Debug, thiserror::Error)]
pub enum NixError {
    #[error("a text with a NUL character, {0:?}")]
    Nul(String),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A value of Nix. Attributes keep the order in which they are given.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Value>),
    Set(Vec<(String, Value)>),
}

impl Value {
    /// The fields of `value`, by name.
    ///
    /// # Errors
    /// [`NixError::Json`] for what JSON cannot say either.
    pub fn new(value: &impl Serialize) -> Result<Self, NixError> {
        Ok(serde_json::to_value(value)?.into())
    }

    /// The expression, without a newline at its end.
    ///
    /// # Errors
    /// [`NixError::Nul`].
    pub fn to_nix(&self) -> Result<String, NixError> {
        let mut text = String::new();
        write(&mut text, self, 0, 0)?;
        Ok(text)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(value) => Self::Number(value),
            serde_json::Value::String(value) => Self::Text(value),
            serde_json::Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(fields) => Self::Set(fields.into_iter().map(|(name, value)| (name, value.into())).collect()),
        }
    }
}

/// A string literal.
///
/// # Errors
/// [`NixError::Nul`]: Nix's strings end there.
pub fn string(text: &str) -> Result<String, NixError> {
    if text.contains('\0') {
        return Err(NixError::Nul(text.to_owned()));
    }
    let mut literal = String::from("\"");
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => literal += r"\\",
            '"' => literal += "\\\"",
            '\n' => literal += r"\n",
            '\r' => literal += r"\r",
            '\t' => literal += r"\t",
            '$' if characters.peek() == Some(&'{') => literal += r"\$",
            other => literal.push(other),
        }
    }
    literal.push('"');
    Ok(literal)
}

/// An attribute's name, in quotes where it needs them.
///
/// # Errors
/// [`NixError::Nul`].
pub fn name(text: &str) -> Result<String, NixError> {
    let mut characters = text.chars();
    let is_identifier = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|other| other.is_ascii_alphanumeric() || "_-'".contains(other));
    if is_identifier && !KEYWORDS.contains(&text) {
        return Ok(text.to_owned());
    }
    string(text)
}

/// What Nix reads as the same number: its integers have 64 bits with a sign, and its floats a point.
fn number(number: &Number) -> String {
    // The lowest integer is beyond Nix: it reads the digits before the sign.
    if let Some(integer) = number.as_i64().filter(|integer| *integer != i64::MIN) {
        return integer.to_string();
    }
    let text = format!("{:?}", number.as_f64().unwrap_or_default());
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

/// Writes `value`, which begins in column `column` of a line that is indented by `indent`.
fn write(text: &mut String, value: &Value, indent: usize, column: usize) -> Result<(), NixError> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => text.push_str(&number(value)),
        Value::Text(value) => text.push_str(&string(value)?),
        Value::List(values) => list(text, values, indent, column)?,
        Value::Set(fields) => set(text, fields, indent)?,
    }
    Ok(())
}

fn list(text: &mut String, values: &[Value], indent: usize, column: usize) -> Result<(), NixError> {
    if values.is_empty() {
        text.push_str("[ ]");
        return Ok(());
    }
    if let [only] = values
        && !matches!(only, Value::List(_) | Value::Set(_))
    {
        let element = element(only, 0)?;
        // The brackets, the blanks within, and the semicolon behind.
        if column + element.chars().count() + 5 <= WIDTH {
            *text += &format!("[ {element} ]");
            return Ok(());
        }
    }
    text.push_str("[\n");
    for value in values {
        *text += &format!("{:width$}{}\n", "", element(value, indent + 2)?, width = indent + 2);
    }
    *text += &format!("{:indent$}]", "");
    Ok(())
}

/// An element of a list: a number with a sign would be a subtraction.
fn element(value: &Value, indent: usize) -> Result<String, NixError> {
    let mut text = String::new();
    write(&mut text, value, indent, indent)?;
    Ok(match value {
        Value::Number(_) if text.starts_with('-') => format!("({text})"),
        _ => text,
    })
}

fn set(text: &mut String, fields: &[(String, Value)], indent: usize) -> Result<(), NixError> {
    if fields.is_empty() {
        text.push_str("{ }");
        return Ok(());
    }
    text.push_str("{\n");
    for (key, value) in fields {
        let (path, value) = path(key, value)?;
        let start = format!("{:width$}{path} = ", "", width = indent + 2);
        text.push_str(&start);
        write(text, value, indent + 2, start.chars().count())?;
        text.push_str(";\n");
    }
    *text += &format!("{:indent$}}}", "");
    Ok(())
}

/// A set of one attribute needs no braces: `gre1.peer = "host2"`.
fn path<'a>(key: &str, mut value: &'a Value) -> Result<(String, &'a Value), NixError> {
    let mut path = name(key)?;
    while let Value::Set(fields) = value
        && let [(key, only)] = fields.as_slice()
    {
        path += &format!(".{}", name(key)?);
        value = only;
    }
    Ok((path, value))
}
