//! What is wrong with a cluster.yaml, for a person and for a program.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

pub use super::code::Code;
use super::node::Place;

/// Whether a problem stops the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Error,
    /// Stops it under `--strict` only.
    Warning,
}

/// Another place that belongs to a problem, such as the first of two equal names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    pub line: usize,
    pub column: usize,
    pub message: String,
    #[serde(skip)]
    place: Place,
}

/// One problem. Serialised, it is an element of `meshimg check --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// The YAML path, `hosts[1].address`; list items count from 0. Empty for the file as a whole.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
    /// What would be accepted.
    pub help: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    #[serde(skip)]
    place: Place,
}

impl Diagnostic {
    /// An error at `place`; `help` says what would be accepted.
    pub(crate) fn error(code: Code, path: &str, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            path: path.to_owned(),
            line: place.line.max(1),
            column: place.column.max(1),
            message: message.into(),
            help: help.into(),
            related: Vec::new(),
            place,
        }
    }

    /// As [`Diagnostic::error`], a warning.
    pub(crate) fn warning(code: Code, path: &str, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, path, place, message, help)
        }
    }

    /// Points at a second place.
    pub(crate) fn with_related(mut self, place: Place, message: impl Into<String>) -> Self {
        self.related.push(Related {
            line: place.line.max(1),
            column: place.column.max(1),
            message: message.into(),
            place,
        });
        self
    }
}

/// In the order of the file, without repetitions: one wrong value of the cluster is not told once per host.
pub(crate) fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| (a.place, &a.path, a.code, &a.message).cmp(&(b.place, &b.path, b.code, &b.message)));
    diagnostics.dedup_by(|a, b| (a.place, &a.path, a.code) == (b.place, &b.path, b.code));
    diagnostics
}

/// Most problems that [`render`] shows: nobody reads more, and a file of nothing but mistakes has a hundred thousand.
const RENDERED_MAX: usize = 100;

/// Renders `diagnostics` about the file `file_name` with content `bytes` as rustc does, one blank line between them.
///
/// Shows the first 100 and says how many more there are. `coloured` adds ANSI escapes. Ends in a newline unless there are no
/// diagnostics.
pub fn render(file_name: &str, bytes: &[u8], diagnostics: &[Diagnostic], coloured: bool) -> String {
    // Of a file too large to read only the message is shown.
    let text = match bytes.len() > super::parse::SIZE_MAX {
        true => String::new(),
        false => String::from_utf8_lossy(bytes).into_owned(),
    };
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let shown = diagnostics
        .iter()
        .take(RENDERED_MAX)
        .map(|diagnostic| render_one(&renderer, file_name, &text, diagnostic));
    let mut rendered = shown.collect::<Vec<_>>().join("\n");
    if diagnostics.len() > RENDERED_MAX {
        rendered.push_str(&format!("\n... and {} more\n", diagnostics.len() - RENDERED_MAX));
    }
    rendered
}

fn render_one(renderer: &Renderer, file_name: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let primary = clamp(text, diagnostic.place);
    let related: Vec<_> = diagnostic
        .related
        .iter()
        .map(|related| (clamp(text, related.place), &related.message))
        .collect();
    // Only the lines in question, so that the time does not grow with the file for each diagnostic.
    let first = related.iter().map(|(span, _)| span.start).fold(primary.start, usize::min);
    let last = related.iter().map(|(span, _)| span.end).fold(primary.end, usize::max);
    let start = text[..first].rfind('\n').map_or(0, |index| index + 1);
    let end = text[last..].find('\n').map_or(text.len(), |index| last + index);
    let inside = |span: &Range<usize>| span.start - start..span.end - start;
    let path = harmless(&diagnostic.path);
    // Marks that turn what follows; annotate-snippets has a sign for the stronger ones. The sign is as long, so that places stay right.
    let lines = text[start..end]
        .replace(['\u{200e}', '\u{200f}'], "\u{fffd}")
        .replace('\u{85}', "\u{b7}");
    let mut snippet = Snippet::source(lines)
        .path(file_name)
        .line_start(text[..start].matches('\n').count() + 1)
        .annotation(AnnotationKind::Primary.span(inside(&primary)).label(path.as_str()));
    for (span, message) in &related {
        snippet = snippet.annotation(AnnotationKind::Context.span(inside(span)).label(message.as_str()));
    }
    let group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str())
        .element(snippet);
    renderer.render(&[group.element(Level::HELP.message(diagnostic.help.as_str()))]) + "\n"
}

/// `text` with everything escaped that a terminal would obey, or that would turn the text around.
fn harmless(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    text.chars().map(escaped).collect()
}

/// The part of `place` that lies in `text`, on character boundaries and on one line.
fn clamp(text: &str, place: Place) -> Range<usize> {
    let boundary = |index: usize| {
        (0..=index.min(text.len()))
            .rev()
            .find(|index| text.is_char_boundary(*index))
            .unwrap_or(0)
    };
    let start = boundary(place.start);
    let end = boundary(place.end.max(start));
    let line_length = text[start..end].find(['\n', '\r']).unwrap_or(end - start);
    start..start + line_length
}

/// `diagnostics` about the file `file_name` as one JSON object, `{"file": ..., "diagnostics": [...]}`, with a final newline.
pub fn to_json(file_name: &str, diagnostics: &[Diagnostic]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        file: &'a str,
        diagnostics: &'a [Diagnostic],
    }
    let document = Document {
        file: file_name,
        diagnostics,
    };
    // Strings and numbers only, under text keys: nothing that JSON could refuse.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}
