//! Bytes to a [`RawSpec`]. Bounded in time and memory on any input.

use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Options};

use super::diagnostic::{Code, Diagnostic};
use super::field::FromNode;
use super::node::{Node, Place, Value};
use super::raw::RawSpec;

/// The most bytes a cluster.yaml may have: 1 MiB, some thousand hosts with every key set.
pub const SIZE_MAX: usize = 1024 * 1024;

/// Deepest nesting of maps and lists; cluster.yaml itself needs 5, daemon options a few more.
const DEPTH_MAX: usize = 32;

/// Most values: two hundred for each of the some hundred hosts that there can be.
const NODES_MAX: usize = 100_000;

/// Most values that aliases may repeat: enough for an anchor that every host refers to, far too few for a YAML bomb.
const REPLAYED_EVENTS_MAX: usize = 20_000;

/// How much of a file is read.
pub(super) struct Limits {
    /// Bytes.
    size_max: usize,
    /// Values.
    nodes_max: usize,
    /// What the file is, for messages: `a cluster.yaml`.
    what: &'static str,
    /// What helps against a file without a value.
    empty_help: &'static str,
}

const CLUSTER_LIMITS: Limits = Limits {
    size_max: SIZE_MAX,
    nodes_max: NODES_MAX,
    what: "a cluster.yaml",
    empty_help: "`meshimg init` writes a cluster.yaml to start from",
};

/// The most bytes a cluster.lock.yaml may have: 16 MiB, more than a line for each of the links that meshimg plans.
pub const LOCK_SIZE_MAX: usize = 16 * 1024 * 1024;

/// A line of a link has six values, one of a host thirteen.
pub(super) const LOCK_LIMITS: Limits = Limits {
    size_max: LOCK_SIZE_MAX,
    nodes_max: 1_000_000,
    what: "a cluster.lock.yaml",
    empty_help: "remove the file, and `meshimg plan --lock` writes it anew; or take it from version control",
};

/// Reads the file's content.
///
/// The [`RawSpec`] may have problems of its own (unknown keys, wrong types); [`super::validate`] reports these with all others.
///
/// # Errors
/// One diagnostic where there is no tree of values to look at: not YAML, not text, or too large.
pub fn parse(bytes: &[u8]) -> Result<RawSpec, Vec<Diagnostic>> {
    let node = parse_node(bytes, &CLUSTER_LIMITS)?;
    let mut problems = Vec::new();
    let mut raw = RawSpec::from_node(&node, "", &mut problems).unwrap_or_default();
    raw.problems = problems;
    raw.place = node.place;
    Ok(raw)
}

/// Reads bytes as a tree of values.
pub(super) fn parse_node(bytes: &[u8], limits: &Limits) -> Result<Node, Vec<Diagnostic>> {
    let (text, skipped) = text_of(bytes, limits).map_err(|diagnostic| vec![*diagnostic])?;
    let mut node =
        serde_yaml::from_str_with_options::<Node>(text, options(limits)).map_err(|error| vec![refusal(text, skipped, &error)])?;
    node.shift(skipped);
    if node.value == Value::Null {
        let message = "the file says nothing";
        return Err(vec![Diagnostic::error(
            Code::FileEmpty,
            "",
            Place::default(),
            message,
            limits.empty_help,
        )]);
    }
    Ok(node)
}

/// The text without its byte order mark, and how many bytes that mark has.
fn text_of<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(&'a str, usize), Box<Diagnostic>> {
    let problem = |code, place, message: String, help: &str| Box::new(Diagnostic::error(code, "", place, message, help));
    if bytes.len() > limits.size_max {
        let message = format!(
            "the file has {} bytes, more than the {} {} may have",
            bytes.len(),
            limits.size_max,
            limits.what
        );
        return Err(problem(Code::FileTooLarge, Place::default(), message, "is it another file?"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        let valid = String::from_utf8_lossy(bytes.get(..start).unwrap_or_default());
        let message = format!(
            "byte {} is not UTF-8",
            bytes.get(start).map_or_else(String::new, |byte| format!("0x{byte:02x}"))
        );
        problem(Code::FileNotUtf8, place_at(&valid, start), message, "save the file as UTF-8")
    })?;
    let whole = text;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let forbidden =
        |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')) || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if let Some((start, character)) = text.char_indices().find(|(_, c)| forbidden(*c)) {
        let skipped = whole.len() - text.len();
        let message = format!("the character U+{:04X} is not allowed in YAML", u32::from(character));
        return Err(problem(
            Code::FileControlCharacter,
            place_at(whole, start + skipped),
            message,
            "remove it",
        ));
    }
    Ok((text, whole.len() - text.len()))
}

fn options(limits: &Limits) -> Options {
    let mut options = serde_yaml::options! {
        with_snippet: false,
        // `no` is a fine host name; YAML 1.2 knows only true and false.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        // Found by us, so that they do not hide other problems.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    };
    let mut budget = serde_yaml::Budget::default();
    budget.max_depth = DEPTH_MAX;
    // Left to max_depth, whose error says what it is.
    budget.flow_nesting_limit = limits.size_max;
    budget.max_nodes = limits.nodes_max;
    budget.max_events = limits.nodes_max * 2;
    budget.max_documents = 2;
    budget.max_recorded_anchor_events = NODES_MAX;
    budget.max_recorded_anchor_bytes = SIZE_MAX;
    budget.max_merge_keys = REPLAYED_EVENTS_MAX;
    // The ratio of aliases to anchors says nothing where one anchor serves all hosts; what aliases repeat is bounded below.
    budget.enforce_alias_anchor_ratio = false;
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = REPLAYED_EVENTS_MAX;
    options
}

/// The parser's refusal as a diagnostic.
fn refusal(text: &str, skipped: usize, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let mut place = error.location().map_or_else(Place::default, |location| {
        let place = Place::from(location);
        if location.span().byte_offset().is_some() {
            return place;
        }
        let start = text
            .char_indices()
            .nth(usize::try_from(location.span().offset()).unwrap_or(usize::MAX));
        let start = start.map_or(text.len(), |(index, _)| index);
        Place {
            start,
            end: start + 1,
            ..place
        }
    });
    place.start += skipped;
    place.end += skipped;
    let innermost = match error {
        Error::AliasError { error, .. } => error.without_snippet(),
        other => other,
    };
    match innermost {
        Error::MultipleDocuments { .. } => Diagnostic::error(
            Code::FileMultipleDocuments,
            "",
            place,
            "the file has more than one YAML document",
            "one file describes one cluster: remove the `---` line and what follows it",
        ),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => Diagnostic::error(
            Code::FileTooComplex,
            "",
            place,
            "the file nests too deeply, or its aliases repeat too much",
            format!("nest at most {DEPTH_MAX} deep; write values out in place of aliases"),
        ),
        other => {
            let text = other.to_string();
            let message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
            Diagnostic::error(
                Code::FileSyntax,
                "",
                place,
                format!("this is not YAML: {message}"),
                "indent with spaces, close every bracket and quote, and quote text that has ': ' or ' #' in it",
            )
        }
    }
}

/// The place of the byte `start` of `text`.
fn place_at(text: &str, start: usize) -> Place {
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        start,
        end: start + 1,
    }
}
