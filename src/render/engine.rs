//! Text files from templates. Structured formats are serialised instead, never templated.

use std::sync::Arc;

use serde::Serialize;
use tera::{Context, Kwargs, State, Tera};

/// Why a template gave no text: a mistake of ours, in a template or in what it is given.
#[derive(Debug, Clone, thiserror::Error)]
#[error("template {template}: {source}")]
pub struct TemplateError {
    template: String,
    source: Arc<tera::Error>,
}

impl TemplateError {
    fn new(template: &str, source: tera::Error) -> Self {
        Self {
            template: template.to_owned(),
            source: Arc::new(source),
        }
    }
}

/// Templates, parsed once: that takes longer than filling one.
pub struct Templates(Result<Tera, TemplateError>);

impl Templates {
    /// Reads templates, each a name, which errors show, and a text. What is wrong with one is the error of every [`Templates::fill`].
    pub fn new(templates: &[(&str, &str)]) -> Self {
        let mut tera = Tera::default();
        // None of our files is HTML.
        tera.autoescape_on(Vec::<&str>::new());
        tera.register_filter("sh", shell_word);
        for (name, text) in templates {
            if let Err(source) = tera.add_raw_template(name, text) {
                return Self(Err(TemplateError::new(name, source)));
            }
        }
        Self(Ok(tera))
    }

    /// Fills the template `name` with what is in `seen`.
    ///
    /// # Errors
    /// [`TemplateError`] with line and caret.
    pub fn fill(&self, name: &str, seen: &Seen) -> Result<String, TemplateError> {
        let tera = self.0.as_ref().map_err(Clone::clone)?;
        tera.render(name, &seen.0).map_err(|source| TemplateError::new(name, source))
    }
}

/// What templates see.
pub struct Seen(Context);

impl Seen {
    /// The fields of `values`.
    ///
    /// # Errors
    /// [`TemplateError`] if they are no map.
    pub fn new(values: &impl Serialize) -> Result<Self, TemplateError> {
        let context = Context::from_serialize(values);
        context.map(Self).map_err(|source| TemplateError::new("values", source))
    }
}

/// One word of a POSIX shell (2.2.2 of XCU), whatever is in it.
fn shell_word(text: &str, _: Kwargs, _: &State) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Values {
        word: &'static str,
    }

    fn fill(text: &str, values: &Values) -> Result<String, TemplateError> {
        Templates::new(&[("t", text)]).fill("t", &Seen::new(values)?)
    }

    #[test]
    fn a_shell_word_stays_one_word() {
        let text = fill("echo {{ word | sh }}", &Values { word: "it's $(here) <b>" }).unwrap();
        assert_eq!(text, r"echo 'it'\''s $(here) <b>'");
    }

    #[test]
    fn a_missing_value_is_an_error_with_its_place() {
        let error = fill("{{ other }}", &Values { word: "" }).unwrap_err().to_string();
        assert!(error.contains("other"), "{error}");
    }
    #[test]
    fn a_template_that_cannot_be_read_is_an_error_with_its_name() {
        let error = fill("{{ word", &Values { word: "" }).unwrap_err().to_string();
        assert!(error.starts_with("template t: "), "{error}");
    }
}
