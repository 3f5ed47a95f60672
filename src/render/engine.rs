//! Text files from templates. Structured formats are serialised instead, never templated.

use serde::Serialize;
use tera::{Context, Kwargs, State, Tera};

/// Why a template gave no text: a mistake of ours, in a template or in what it is given.
#[derive(Debug, thiserror::Error)]
#[error("template {template}: {source}")]
pub struct TemplateError {
    template: String,
    source: Box<tera::Error>,
}

/// Fills `text`, which is called `name` in errors, with the fields of `values`.
///
/// # Errors
/// [`TemplateError`] with line and caret.
pub fn fill(name: &str, text: &str, values: &impl Serialize) -> Result<String, TemplateError> {
    let failed = |source: tera::Error| TemplateError {
        template: name.to_owned(),
        source: Box::new(source),
    };
    let mut tera = Tera::default();
    // None of our files is HTML.
    tera.autoescape_on(Vec::<&str>::new());
    tera.register_filter("sh", shell_word);
    tera.add_raw_template(name, text).map_err(failed)?;
    let context = Context::from_serialize(values).map_err(failed)?;
    tera.render(name, &context).map_err(failed)
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

    #[test]
    fn a_shell_word_stays_one_word() {
        let text = fill("t", "echo {{ word | sh }}", &Values { word: "it's $(here) <b>" }).unwrap();
        assert_eq!(text, r"echo 'it'\''s $(here) <b>'");
    }

    #[test]
    fn a_missing_value_is_an_error_with_its_place() {
        let error = fill("t", "{{ other }}", &Values { word: "" }).unwrap_err().to_string();
        assert!(error.contains("other"), "{error}");
    }
}
