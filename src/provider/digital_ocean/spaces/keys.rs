//! The keys of Spaces: from the environment only, and in nothing that anybody reads.

use std::fmt;

/// The pairs of variables that may hold them, in the order in which they are asked: those of Digital Ocean's Terraform provider, then those that its
/// Ansible collection and every other program for S3 know. A pair is never mixed.
pub const VARIABLES: [(&str, &str); 2] = [
    ("SPACES_ACCESS_KEY_ID", "SPACES_SECRET_ACCESS_KEY"),
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
];

/// Let whoever has them read and write what is in the buckets. They can be printed by no means.
#[derive(Clone)]
pub struct SpacesKeys {
    id: String,
    secret: String,
    /// The variable that the identifier is from.
    variable: &'static str,
}

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error(
        "no keys for Spaces: set the variables {} and {}; https://cloud.digitalocean.com/spaces/access_keys makes them",
        VARIABLES[0].0,
        VARIABLES[0].1
    )]
    Missing,
    #[error("the variable {there} is set, and {missing} is not; the two belong together")]
    Half { there: &'static str, missing: &'static str },
    /// What it is instead is not told: it may be a part of one.
    #[error("the variable {0} holds no key: a key is letters, digits and signs on one line, without blanks")]
    Malformed(&'static str),
}

impl SpacesKeys {
    /// The first of [`VARIABLES`] of which one is not empty.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn from_environment() -> Result<Self, KeysError> {
        Self::find(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Self, KeysError> {
        for (id_name, secret_name) in VARIABLES {
            let of = |name: &str| variable(name).filter(|text| !text.is_empty());
            return match (of(id_name), of(secret_name)) {
                (None, None) => continue,
                (Some(id), Some(secret)) => {
                    let legal = |text: &str| text.chars().all(|c| c.is_ascii_graphic());
                    match (legal(&id), legal(&secret)) {
                        (false, _) => Err(KeysError::Malformed(id_name)),
                        (_, false) => Err(KeysError::Malformed(secret_name)),
                        _ => Ok(Self {
                            id,
                            secret,
                            variable: id_name,
                        }),
                    }
                }
                (Some(_), None) => Err(KeysError::Half {
                    there: id_name,
                    missing: secret_name,
                }),
                (None, Some(_)) => Err(KeysError::Half {
                    there: secret_name,
                    missing: id_name,
                }),
            };
        }
        Err(KeysError::Missing)
    }

    /// Keys that are not from the environment; `None` where they could be none.
    pub fn new(id: &str, secret: &str) -> Option<Self> {
        let of = |name: &str| Some(if name == VARIABLES[0].0 { id } else { secret }.to_owned());
        Self::find(of).ok()
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn variable(&self) -> &'static str {
        self.variable
    }

    /// `text` without them, and without the query of any signed URL, should somebody have sent them back to us.
    pub fn hide(&self, text: &str) -> String {
        const SIGNED: &str = "X-Amz-";
        let hidden = text.replace(&self.secret, "***").replace(&self.id, "***");
        let mut shown = String::with_capacity(hidden.len());
        let mut rest = hidden.as_str();
        while let Some(place) = rest.find(SIGNED) {
            let begin = rest[..place].rfind('?').map_or(place, |question| question + 1);
            let end = rest[place..].find(|c: char| c.is_whitespace() || "\"'<>".contains(c));
            shown += &rest[..begin];
            shown += "***";
            rest = end.map_or("", |end| &rest[place + end..]);
        }
        shown + rest
    }
}

impl fmt::Debug for SpacesKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SpacesKeys(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<SpacesKeys, KeysError> {
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        SpacesKeys::find(of)
    }

    #[test]
    fn the_first_pair_that_is_set_counts_and_pairs_are_not_mixed() {
        let of = |variables: &[(&str, &str)]| find(variables).map(|keys| format!("{} {} {}", keys.variable, keys.id, keys.secret));
        let aws = [("AWS_ACCESS_KEY_ID", "c"), ("AWS_SECRET_ACCESS_KEY", "d")];
        let both = [&[("SPACES_ACCESS_KEY_ID", "a"), ("SPACES_SECRET_ACCESS_KEY", "b")][..], &aws].concat();
        assert_eq!(of(&both), Ok("SPACES_ACCESS_KEY_ID a b".to_owned()));
        assert_eq!(of(&aws), Ok("AWS_ACCESS_KEY_ID c d".to_owned()));
        let half = [&[("SPACES_ACCESS_KEY_ID", "a"), ("SPACES_SECRET_ACCESS_KEY", "")][..], &aws].concat();
        let error = of(&half).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the variable SPACES_ACCESS_KEY_ID is set, and SPACES_SECRET_ACCESS_KEY is not; the two belong together"
        );
        assert_eq!(of(&[]), Err(KeysError::Missing));
        let error = find(&[("SPACES_ACCESS_KEY_ID", "a"), ("SPACES_SECRET_ACCESS_KEY", "secret\nX: 1")]).unwrap_err();
        assert_eq!(error, KeysError::Malformed("SPACES_SECRET_ACCESS_KEY"));
        assert!(!error.to_string().contains("secret\n"), "{error}");
    }

    #[test]
    fn they_are_never_printed() {
        let keys = SpacesKeys::new("DO00ID", "s3cr3t/+=").unwrap();
        assert_eq!(format!("{keys:?}"), "SpacesKeys(***)");
        assert_eq!(keys.hide("DO00ID with s3cr3t/+="), "*** with ***");
        let url =
            "cannot fetch https://b.example/a.img?X-Amz-Algorithm=A&X-Amz-Signature=0f, nor \"https://b.example/c?x=1&X-Amz-Date=2\" now";
        assert_eq!(
            keys.hide(url),
            "cannot fetch https://b.example/a.img?*** nor \"https://b.example/c?***\" now"
        );
        assert_eq!(keys.hide("nothing of it?"), "nothing of it?");
    }
}
