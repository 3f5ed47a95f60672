//! Rules of where Open vSwitch is from: which keys go together, and what can be built for whom.

use super::{Host, Rules, value_or};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed};
use crate::spec::raw_open_vswitch::{RawOpenVSwitch, SourceKind};
use crate::spec::types::{ArchiveTrust, ArchiveUrl, OpenVSwitchSource, Os};

/// How files of a source may end that can be built.
const SOURCES: [&str; 4] = [".dsc", ".tar.gz", ".tgz", ".tar.xz"];

/// Judges the keys of the cluster and of each host.
pub(super) fn check(rules: &mut Rules<'_>) {
    let of_hosts = rules.hosts.iter().map(|host| &host.keys.open_vswitch);
    let maps: Vec<_> = std::iter::once(&rules.cluster.open_vswitch).chain(of_hosts).collect();
    for map in maps.into_iter().filter_map(Field::given) {
        let problems = check_map(map);
        rules.problems.extend(problems);
    }
}

fn kind(map: &RawOpenVSwitch) -> Option<SourceKind> {
    match &map.source {
        Field::Absent => Some(SourceKind::Distribution),
        Field::Broken => None,
        Field::Given(kind) => Some(kind.value),
    }
}

fn check_map(map: &Placed<RawOpenVSwitch>) -> Vec<Diagnostic> {
    let keys = &map.value;
    let Some(kind) = kind(keys) else { return Vec::new() };
    let (word, wanted, help): (_, &[&str], _) = match kind {
        SourceKind::Distribution => ("distribution", &[], "remove it, or say `source: build` or `source: archive`"),
        SourceKind::Build => (
            "build",
            &["version", "url", "sha256"],
            "`source: build` needs `version`, `url` and `sha256`",
        ),
        SourceKind::Archive => (
            "archive",
            &["url", "sha256", "signing-key"],
            "`source: archive` needs `url`, and either `sha256` or `signing-key`",
        ),
    };
    let mut problems = Vec::new();
    let mut judge = |name: &str, is_absent: bool, place: Option<crate::spec::node::Place>, path: Option<&str>| {
        let is_wanted = wanted.contains(&name);
        if let (false, Some(place), Some(path)) = (is_wanted, place, path) {
            let message = format!("'{name}' does not go with `source: {word}`");
            problems.push(Diagnostic::error(Code::OpenVSwitchKeyNeedless, path, place, message, help));
        }
        let is_choice = kind == SourceKind::Archive && name != "url";
        if is_wanted && is_absent && !is_choice {
            let message = format!("the key '{name}' is missing, or has no value");
            problems.push(map.error(Code::OpenVSwitchKeyMissing, message, help));
        }
    };
    macro_rules! judge {
        ($($name:literal $field:ident),*) => {$(
            let given = keys.$field.given();
            judge($name, keys.$field.is_absent(), given.map(|given| given.place), given.map(|given| given.path.as_str()));
        )*};
    }
    judge!("version" version, "url" url, "sha256" sha256, "signing-key" signing_key);
    if kind == SourceKind::Archive {
        match (&keys.sha256, &keys.signing_key) {
            (Field::Absent, Field::Absent) => {
                let message = "nothing says what the archive must be: it has neither `sha256` nor `signing-key`";
                let help = "give the SHA-256 of its file Release, or the public key of who signs its InRelease";
                problems.push(map.error(Code::OpenVSwitchTrust, message, help));
            }
            (Field::Given(_), Field::Given(key)) => {
                let help = "keep `signing-key` where the archive is to change, and `sha256` where it must not";
                problems.push(key.error(Code::OpenVSwitchTrust, "`sha256` and `signing-key` are both given", help));
            }
            _ => {}
        }
    }
    if let (SourceKind::Build, Some(url)) = (kind, keys.url.given()) {
        problems.extend(not_a_source(url));
    }
    problems
}

fn not_a_source(url: &Placed<ArchiveUrl>) -> Option<Diagnostic> {
    if SOURCES.iter().any(|end| url.value.as_str().ends_with(end)) {
        return None;
    }
    let help = format!(
        "give a release of upstream or a source package of Debian: the URL ends with {}",
        SOURCES.join(", ")
    );
    Some(url.error(Code::OpenVSwitchSource, "this is not the URL of a source that can be built", help))
}

/// Where the Open vSwitch of a host is from; `None` after a problem.
pub(super) fn source(rules: &mut Rules<'_>, host: Host<'_>) -> Option<OpenVSwitchSource> {
    let map = match host.keys.open_vswitch.or(&rules.cluster.open_vswitch) {
        Field::Absent => return Some(OpenVSwitchSource::Distribution),
        Field::Broken => return None,
        Field::Given(map) => map,
    };
    let keys = &map.value;
    match kind(keys)? {
        SourceKind::Distribution => Some(OpenVSwitchSource::Distribution),
        SourceKind::Build => {
            let os = value_or(host.keys.os.or(&rules.cluster.os), Os::Debian13);
            if matches!(os, Os::Ubuntu2204 | Os::Ubuntu2404) {
                let message = format!("{} runs {os}, for which nothing is built", Rules::name_of(host));
                let help = "give that host `open-vswitch: {source: distribution}`, or an `archive` with packages for it";
                rules.report(map.error(Code::OpenVSwitchNotDebian, message, help));
            }
            Some(OpenVSwitchSource::Build {
                version: keys.version.given()?.value.clone(),
                url: keys.url.given()?.value.clone(),
                sha256: keys.sha256.given()?.value.clone(),
            })
        }
        SourceKind::Archive => {
            let hash = keys.sha256.given().map(|hash| ArchiveTrust::Sha256(hash.value.clone()));
            let key = keys.signing_key.given().map(|key| ArchiveTrust::SigningKey(key.value.clone()));
            Some(OpenVSwitchSource::Archive {
                url: keys.url.given()?.value.clone(),
                trust: hash.or(key)?,
            })
        }
    }
}
