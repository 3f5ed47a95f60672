//! What is wrong with a cluster.yaml, for a person and for a program.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};
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

/// Which of the two files a place is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    #[default]
    Cluster,
    /// The cluster.lock.yaml beside it.
    Lock,
}

impl Source {
    fn is_cluster(&self) -> bool {
        *self == Self::Cluster
    }
}

/// Another place that belongs to a problem, such as the first of two equal names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Not in the JSON where it is the cluster.yaml.
    #[serde(rename = "in", skip_serializing_if = "Source::is_cluster")]
    pub source: Source,
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
    /// Not in the JSON where it is the cluster.yaml.
    #[serde(rename = "in", skip_serializing_if = "Source::is_cluster")]
    pub source: Source,
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
            source: Source::Cluster,
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
            source: Source::Cluster,
            line: place.line.max(1),
            column: place.column.max(1),
            message: message.into(),
            place,
        });
        self
    }

    /// The same about the lock, all its places too.
    pub(crate) fn in_lock(mut self) -> Self {
        self.source = Source::Lock;
        self.related.iter_mut().for_each(|related| related.source = Source::Lock);
        self
    }
}

/// In the order of the file, without repetitions: one wrong value of the cluster is not told once per host.
pub(crate) fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| (a.source, a.place, &a.path, a.code, &a.message).cmp(&(b.source, b.place, &b.path, b.code, &b.message)));
    diagnostics.dedup_by(|a, b| (a.source, a.place, &a.path, a.code) == (b.source, b.place, &b.path, b.code));
    diagnostics
}

/// Most problems that [`render`] shows: nobody reads more, and a file of nothing but mistakes has a hundred thousand.
const RENDERED_MAX: usize = 100;

/// Name and content of a cluster.lock.yaml.
pub type LockText<'a> = (&'a str, &'a [u8]);

/// Renders `diagnostics` about the file `file_name` with content `bytes` as rustc does, one blank line between them.
///
/// Shows the first 100 and says how many more there are. `coloured` adds ANSI escapes. Ends in a newline unless there are no
/// diagnostics.
pub fn render(file_name: &str, bytes: &[u8], diagnostics: &[Diagnostic], coloured: bool) -> String {
    render_with_lock(file_name, bytes, None, diagnostics, coloured)
}

/// As [`render`], where some may be about the lock beside that file.
pub fn render_with_lock(file_name: &str, bytes: &[u8], lock: Option<LockText<'_>>, diagnostics: &[Diagnostic], coloured: bool) -> String {
    let (lock_name, lock_bytes) = lock.unwrap_or_default();
    let files = [
        File::new(file_name, bytes, super::parse::SIZE_MAX),
        File::new(lock_name, lock_bytes, super::parse::LOCK_SIZE_MAX),
    ];
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let shown = diagnostics
        .iter()
        .take(RENDERED_MAX)
        .map(|diagnostic| render_one(&renderer, &files, diagnostic));
    let mut rendered = shown.collect::<Vec<_>>().join("\n");
    if diagnostics.len() > RENDERED_MAX {
        rendered.push_str(&format!("\n... and {} more\n", diagnostics.len() - RENDERED_MAX));
    }
    rendered
}

/// A file that diagnostics point into.
struct File<'a> {
    name: &'a str,
    text: String,
}

impl<'a> File<'a> {
    /// Of a file too large to read only the message is shown.
    fn new(name: &'a str, bytes: &[u8], size_max: usize) -> Self {
        let text = match bytes.len() > size_max {
            true => String::new(),
            false => String::from_utf8_lossy(bytes).into_owned(),
        };
        Self { name, text }
    }

    /// The lines of `marks`, with these marks.
    fn snippet<'b>(&'b self, marks: Vec<(AnnotationKind, Place, &'b str)>) -> Snippet<'b, Annotation<'b>> {
        let text = self.text.as_str();
        let spans: Vec<_> = marks
            .into_iter()
            .map(|(kind, place, label)| (kind, clamp(text, place), label))
            .collect();
        // Only the lines in question, so that the time does not grow with the file for each diagnostic.
        let first = spans.iter().map(|(_, span, _)| span.start).min().unwrap_or_default();
        let last = spans.iter().map(|(_, span, _)| span.end).max().unwrap_or_default();
        let start = text[..first].rfind('\n').map_or(0, |index| index + 1);
        let end = text[last..].find('\n').map_or(text.len(), |index| last + index);
        // Marks that turn what follows; annotate-snippets has a sign for the stronger ones. The sign is as long, so that places stay right.
        let lines = text[start..end]
            .replace(['\u{200e}', '\u{200f}'], "\u{fffd}")
            .replace('\u{85}', "\u{b7}");
        let mut snippet = Snippet::source(lines)
            .path(self.name)
            .line_start(text[..start].matches('\n').count() + 1);
        for (kind, span, label) in spans {
            snippet = snippet.annotation(kind.span(span.start - start..span.end - start).label(label));
        }
        snippet
    }
}

fn render_one(renderer: &Renderer, files: &[File<'_>; 2], diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = harmless(&diagnostic.path);
    let related_in = |source: Source| {
        let related = diagnostic.related.iter().filter(move |related| related.source == source);
        related.map(|related| (AnnotationKind::Context, related.place, related.message.as_str()))
    };
    let primary = (AnnotationKind::Primary, diagnostic.place, path.as_str());
    let marks = std::iter::once(primary).chain(related_in(diagnostic.source)).collect();
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.as_str())
        .element(files[diagnostic.source as usize].snippet(marks));
    let other = match diagnostic.source {
        Source::Cluster => Source::Lock,
        Source::Lock => Source::Cluster,
    };
    let elsewhere: Vec<_> = related_in(other).collect();
    if !elsewhere.is_empty() {
        group = group.element(files[other as usize].snippet(elsewhere));
    }
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
