//! What to build, of what.

use std::path::PathBuf;
use std::str::FromStr;

use super::OpenVSwitchError;
use crate::plan::HostPlan;
use crate::spec::{ArchiveUrl, InvalidName, OpenVSwitchSource, OpenVSwitchVersion, Os, Sha256Hash};

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Url(ArchiveUrl),
    Path(PathBuf),
}

impl FromStr for Source {
    type Err = InvalidName;
    /// A URL if it has a scheme, else a path.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.contains("://") {
            let rule = |_| InvalidName("a source is a path, or an http://, https:// or file:/// URL".to_owned());
            return text.parse().map(Self::Url).map_err(rule);
        }
        Ok(Self::Path(text.into()))
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => url.fmt(formatter),
            Self::Path(path) => path.display().fmt(formatter),
        }
    }
}

impl Source {
    /// The file `name` in the same folder.
    pub(super) fn beside(&self, name: &str) -> Result<Self, InvalidName> {
        match self {
            Self::Path(path) => Ok(Self::Path(path.with_file_name(name))),
            Self::Url(url) => {
                let folder = url.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
                // '~' may stand in a URL as it is (RFC 3986 section 2.3), and '+' in its path.
                format!("{folder}/{name}").parse().map(Self::Url)
            }
        }
    }

    pub(super) fn kind(&self) -> Result<Kind, OpenVSwitchError> {
        let name = self.to_string();
        if name.ends_with(".dsc") {
            Ok(Kind::Dsc)
        } else if [".tar.gz", ".tgz", ".tar.xz"].iter().any(|end| name.ends_with(end)) {
            Ok(Kind::Tarball)
        } else {
            Err(OpenVSwitchError::Kind { source_name: name })
        }
    }
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A source package: the file that names its files.
    Dsc,
    /// A release of upstream.
    Tarball,
}

/// Which packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The release that the packages are for.
    pub os: Os,
    /// Of Open vSwitch; the source must have it.
    pub version: OpenVSwitchVersion,
    pub source: Source,
    /// Of the file that `source` names.
    pub sha256: Sha256Hash,
    /// Package archive for the root of the build; `None`: mmdebstrap's own default for the release.
    pub archive: Option<ArchiveUrl>,
}

impl BuildRequest {
    /// What `host` needs built, if it does. The root comes from `archive`, or from the archive of the host.
    pub fn of_host(host: &HostPlan, archive: Option<&ArchiveUrl>) -> Option<Self> {
        let OpenVSwitchSource::Build { version, url, sha256 } = &host.open_vswitch else {
            return None;
        };
        Some(Self {
            os: host.os,
            version: version.clone(),
            source: Source::Url(url.clone()),
            sha256: sha256.clone(),
            archive: archive.or(host.archive.as_ref()).cloned(),
        })
    }

    /// The release's name in the archive.
    pub(super) fn suite(&self) -> Result<&'static str, OpenVSwitchError> {
        crate::image::mmdebstrap::suite(self.os).map_err(|_| OpenVSwitchError::Release { os: self.os })
    }

    /// What the source's version of the packages gets at its end: older than the same version of a later Debian ('~' sorts before the
    /// end, Debian Policy 5.6.12), and that of one release older than that of the next.
    pub(super) fn suffix(&self) -> Result<&'static str, OpenVSwitchError> {
        match self.os {
            Os::Debian12 => Ok("~meshimg12"),
            Os::Debian13 => Ok("~meshimg13"),
            os @ (Os::Ubuntu2204 | Os::Ubuntu2404) => Err(OpenVSwitchError::Release { os }),
        }
    }
}
