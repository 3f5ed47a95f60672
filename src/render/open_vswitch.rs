//! What a host needs to install Open vSwitch from an archive that the file names.

use std::sync::LazyLock;

use serde::Serialize;

use super::engine::{Seen, TemplateError, Templates};
use super::host_files::HostFile;
use crate::spec::{ArchiveTrust, ArchiveUrl, OpenVSwitchSource};

/// A template, embedded when meshimg is built.
macro_rules! embedded {
    ($name:literal) => {
        ($name, include_str!(concat!("../../cloud-init/", $name)))
    };
}

const CONF: (&str, &str) = embedded!("open-vswitch.conf.tera");
const SOURCES: (&str, &str) = embedded!("open-vswitch.sources.tera");
const PREFERENCES: (&str, &str) = embedded!("open-vswitch.preferences.tera");

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new(&[CONF, SOURCES, PREFERENCES]));

/// The script that fetches an archive by its hashes.
const SCRIPT: &str = "/usr/local/lib/meshimg/open-vswitch-archive";

#[derive(Serialize)]
struct Values<'a> {
    url: &'a str,
    sha256: &'a str,
    /// The lines of the key as a field of deb822(5) has them: an empty one is a dot.
    key: Vec<&'a str>,
    /// As apt's preferences name the archive.
    origin: &'a str,
}

/// What `setup` runs before it asks apt for Open vSwitch; empty where there is no archive for that.
pub fn command(source: &OpenVSwitchSource) -> &'static str {
    match source {
        OpenVSwitchSource::Distribution | OpenVSwitchSource::Build { .. } => "",
        OpenVSwitchSource::Archive { trust, .. } => match trust {
            ArchiveTrust::Sha256(_) => SCRIPT,
            // apt does it all.
            ArchiveTrust::SigningKey(_) => "true",
        },
    }
}

/// The files for it.
///
/// # Errors
/// [`TemplateError`]: a mistake of ours.
pub fn files(source: &OpenVSwitchSource) -> Result<Vec<HostFile>, TemplateError> {
    let OpenVSwitchSource::Archive { url, trust } = source else {
        return Ok(Vec::new());
    };
    let (sha256, key, origin) = match trust {
        // Fetched to the host first.
        ArchiveTrust::Sha256(hash) => (hash.as_str(), Vec::new(), ""),
        ArchiveTrust::SigningKey(key) => {
            let lines = key.as_str().trim_end().lines();
            (
                "",
                lines.map(|line| if line.is_empty() { "." } else { line }).collect(),
                origin(url),
            )
        }
    };
    let seen = Seen::new(&Values {
        // A slash more would be one in the URLs of its files.
        url: url.as_str().trim_end_matches('/'),
        sha256,
        key,
        origin,
    })?;
    let file = |path: &str, mode: u16, text: String| HostFile {
        path: path.to_owned(),
        mode,
        text,
    };
    let mut files = vec![file(
        "/etc/apt/preferences.d/meshimg-open-vswitch",
        0o644,
        TEMPLATES.fill(PREFERENCES.0, &seen)?,
    )];
    match trust {
        ArchiveTrust::Sha256(_) => {
            files.push(file("/etc/meshimg/open-vswitch.conf", 0o644, TEMPLATES.fill(CONF.0, &seen)?));
            files.push(file(
                SCRIPT,
                0o755,
                include_str!("../../cloud-init/open-vswitch-archive").to_owned(),
            ));
        }
        ArchiveTrust::SigningKey(_) => {
            let sources = "/etc/apt/sources.list.d/meshimg-open-vswitch.sources";
            files.push(file(sources, 0o644, TEMPLATES.fill(SOURCES.0, &seen)?));
        }
    }
    Ok(files)
}

/// The host in a URL, which is how apt's preferences tell archives apart (apt_preferences(5), "origin"); empty for file:.
fn origin(url: &ArchiveUrl) -> &str {
    let rest = url.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, trust: ArchiveTrust) -> OpenVSwitchSource {
        OpenVSwitchSource::Archive {
            url: url.parse().unwrap(),
            trust,
        }
    }

    fn shown(source: &OpenVSwitchSource) -> String {
        let files = files(source).unwrap().into_iter();
        files
            .map(|file| format!("### {} {:04o}\n{}", file.path, file.mode, file.text))
            .collect()
    }

    #[test]
    fn an_archive_with_a_signing_key() {
        let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAAAABYJKwYBBAHaRw8BAQdA\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n";
        let source = source(
            "https://user:word@archive.example:8443/open-vswitch/",
            ArchiveTrust::SigningKey(key.parse().unwrap()),
        );
        assert_eq!(command(&source), "true");
        insta::assert_snapshot!(shown(&source));
    }

    #[test]
    fn an_archive_with_a_hash() {
        let source = source("http://archive.example/a", ArchiveTrust::Sha256("0a".repeat(32).parse().unwrap()));
        assert_eq!(command(&source), SCRIPT);
        let shown = shown(&source).replace(include_str!("../../cloud-init/open-vswitch-archive"), "(the script)\n");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn nothing_where_there_is_no_archive() {
        assert_eq!(
            (
                files(&OpenVSwitchSource::Distribution).unwrap(),
                command(&OpenVSwitchSource::Distribution)
            ),
            (vec![], "")
        );
    }

    #[test]
    fn origins() {
        let of = |url: &str| origin(&url.parse().unwrap()).to_owned();
        assert_eq!(of("http://a.example"), "a.example");
        assert_eq!(of("https://a.example:80/x:y@z"), "a.example");
        assert_eq!(of("file:///srv/archive"), "");
    }
}
