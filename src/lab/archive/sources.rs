//! Which archives the guests know, and where this machine finds the same. Pure.

use serde::{Deserialize, Serialize};

/// A source of packages as apt describes it (apt-get(8), indextargets).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Ends with a slash.
    pub uri: String,
    /// Of its Release file, as the label; empty before the first `apt-get update`.
    pub origin: String,
    pub label: String,
}

/// apt-get's format for [`parse`].
pub const FORMAT: &str = "$(REPO_URI)|$(ORIGIN)|$(LABEL)";

/// An archive as the guests name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// Host and port as in a request, in lower case, without the port 80.
    pub authority: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// URIs of the same archive for this machine's apt, each with a slash at its end, the likeliest first.
    pub upstreams: Vec<String>,
}

/// Lines `URI|origin|label`; what apt leaves unknown it prints as the format's own words.
pub fn parse(text: &str) -> Vec<Target> {
    let known = |word: &str| if word.starts_with("$(") { String::new() } else { word.to_owned() };
    let line = |line: &str| {
        let mut words = line.trim().split('|');
        let uri = words.next().filter(|uri| !uri.is_empty())?;
        Some(Target {
            uri: with_slash(uri),
            origin: known(words.next().unwrap_or_default()),
            label: known(words.next().unwrap_or_default()),
        })
    };
    text.lines().filter_map(line).collect()
}

fn with_slash(uri: &str) -> String {
    format!("{}/", uri.trim_end_matches('/'))
}

/// Authority and path of a `http:` URI; `None` for another scheme.
pub fn split(uri: &str) -> Option<(String, String)> {
    let (scheme, rest) = uri.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((authority_of(authority), with_slash(path)))
}

/// As it is compared.
pub fn authority_of(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.strip_suffix(":80").map_or(lower.clone(), str::to_owned)
}

/// The sources of guests whose apt knows `guests`, on a machine whose apt knows `machine`: an archive with the same origin and label is
/// the same archive, and this machine's own mirror of it comes first. The guests' own URI is the second choice, as the mirror may
/// lack their release.
///
/// # Errors
/// The URI that guests cannot be let through to, as it is no `http:` one.
pub fn sources(guests: &[Target], machine: &[Target]) -> Result<Vec<Source>, String> {
    let mut sources: Vec<Source> = Vec::new();
    for guest in guests {
        let (authority, path) = split(&guest.uri).ok_or_else(|| guest.uri.clone())?;
        let same = |target: &&Target| !guest.origin.is_empty() && target.origin == guest.origin && target.label == guest.label;
        let known = machine.iter().filter(same).map(|target| target.uri.clone());
        let mut upstreams: Vec<String> = Vec::new();
        for uri in known.chain([guest.uri.clone()]) {
            if !upstreams.contains(&uri) {
                upstreams.push(uri);
            }
        }
        match sources
            .iter_mut()
            .find(|source| source.authority == authority && source.path == path)
        {
            // One URI for two archives, as mirrors of one's own have it.
            Some(source) => source.upstreams = vec![guest.uri.clone()],
            None => sources.push(Source {
                authority,
                path,
                upstreams,
            }),
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(guests: &str, machine: &str) -> Vec<(String, Vec<String>)> {
        let sources = sources(&parse(guests), &parse(machine)).unwrap();
        let pair = |source: Source| (source.authority + &source.path, source.upstreams);
        sources.into_iter().map(pair).collect()
    }

    #[test]
    fn this_machines_mirror_comes_first() {
        let guests = "http://archive.example/debian/|Debian|Debian\nhttp://security.example/|Debian|Debian-Security\n";
        let machine = "https://mirror.example/debian|Debian|Debian\nfile:/srv/tools/|Tools|Tools\n";
        assert_eq!(
            upstreams(guests, machine),
            [
                (
                    "archive.example/debian/".to_owned(),
                    vec![
                        "https://mirror.example/debian/".to_owned(),
                        "http://archive.example/debian/".to_owned()
                    ]
                ),
                ("security.example/".to_owned(), vec!["http://security.example/".to_owned()]),
            ]
        );
    }

    #[test]
    fn what_is_of_unknown_origin_is_nobody_elses() {
        let unknown = "http://own.example/debian|$(ORIGIN)|$(LABEL)\n";
        assert_eq!(
            upstreams(unknown, "http://other.example/|$(ORIGIN)|$(LABEL)\n"),
            [("own.example/debian/".to_owned(), vec!["http://own.example/debian/".to_owned()])]
        );
    }

    #[test]
    fn one_uri_with_two_labels_is_its_own_upstream() {
        let guests = "http://own.example/d/|Debian|Debian\nhttp://OWN.example:80/d|Debian|Debian-Security\n";
        let found = upstreams(guests, "http://mirror.example/|Debian|Debian\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, ["http://OWN.example:80/d/"]);
    }

    #[test]
    fn other_schemes_are_named() {
        let guests = parse("https://own.example/debian|Debian|Debian\n");
        assert_eq!(sources(&guests, &[]), Err("https://own.example/debian/".to_owned()));
    }
}
