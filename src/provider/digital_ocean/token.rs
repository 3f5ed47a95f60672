//! The token: from the environment only, and in nothing that anybody reads.

use std::fmt;

/// The variables that may hold it, in the order in which they are asked; other programs for Digital Ocean know them too.
pub const VARIABLES: [&str; 2] = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"];

/// Lets whoever has it do everything with an account. It can be printed by no means but [`Token::header`].
#[derive(Clone)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error(
        "no token for Digital Ocean: set the variable {}, or {}; https://cloud.digitalocean.com/account/api/tokens makes one",
        VARIABLES[0],
        VARIABLES[1]
    )]
    Missing,
    /// What it is instead is not told: it may be a part of one.
    #[error("the variable {0} holds no token: a token is letters, digits and '_' on one line")]
    Malformed(&'static str),
}

impl Token {
    /// The first of [`VARIABLES`] that is not empty.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn from_environment() -> Result<Self, TokenError> {
        Self::find(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Self, TokenError> {
        for name in VARIABLES {
            if let Some(text) = variable(name).filter(|text| !text.is_empty()) {
                return Self::new(&text).ok_or(TokenError::Malformed(name));
            }
        }
        Err(TokenError::Missing)
    }

    /// `None` where this could be no token, and a header of HTTP could not have it.
    pub fn new(text: &str) -> Option<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        (!text.is_empty() && text.chars().all(legal)).then(|| Self(text.to_owned()))
    }

    /// The value of the header Authorization.
    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// `text` without it, should somebody have sent it back to us.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Token, TokenError> {
        let of = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Token::find(of)
    }

    #[test]
    fn the_first_variable_that_is_not_empty_counts() {
        let header = |variables: &[(&str, &str)]| find(variables).map(|token| token.header());
        assert_eq!(
            header(&[("DIGITALOCEAN_TOKEN", "dop_v1_a"), ("DIGITALOCEAN_ACCESS_TOKEN", "b")]),
            Ok("Bearer dop_v1_a".to_owned())
        );
        assert_eq!(
            header(&[("DIGITALOCEAN_TOKEN", ""), ("DIGITALOCEAN_ACCESS_TOKEN", "b")]),
            Ok("Bearer b".to_owned())
        );
        assert_eq!(header(&[]), Err(TokenError::Missing));
    }

    #[test]
    fn it_is_never_printed() {
        let token = find(&[("DIGITALOCEAN_TOKEN", "secret")]).unwrap();
        assert_eq!(format!("{token:?}"), "Token(***)");
        assert_eq!(token.hide("bad header: Bearer secret"), "bad header: Bearer ***");
        let error = find(&[("DIGITALOCEAN_TOKEN", "secret\nX-Other: 1")]).unwrap_err();
        assert_eq!(error, TokenError::Malformed("DIGITALOCEAN_TOKEN"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
