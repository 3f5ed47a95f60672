//! The keys below `open-vswitch`. Which of them go together is a rule, so that all that is wrong is told at once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::field::raw_maps;
use super::types::{ArchiveUrl, OpenVSwitchVersion, Sha256Hash, SigningKey};

/// Where Open vSwitch is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The packages of the host's own release.
    Distribution,
    /// Packages built from source, in the image that hosts boot from.
    Build,
    /// A package archive, from which hosts install it at their first boot.
    Archive,
}

raw_maps! {
    /// Where the hosts' Open vSwitch is from. A host's own `open-vswitch` takes the place of the cluster's as a whole.
    #[schemars(rename = "OpenVSwitch")]
    RawOpenVSwitch
    required []
    cluster_wide []
    {
        /// `distribution`: the packages of the host's release. `build`: packages built once from source, which needs `version`, `url` and
        /// `sha256`, and an image that has them. `archive`: a package archive, from which the host installs it at its first boot, which
        /// needs `url` and one of `sha256` and `signing-key`.
        #[schemars(extend("default" = "distribution", "examples" = ["build"]))]
        source: SourceKind,
        /// Version to build; the source must be of it, and the probe `ovs` is red on hosts that run another. Without it nothing is
        /// built.
        #[schemars(extend("examples" = ["4.0.0"]))]
        version: OpenVSwitchVersion,
        /// With `build` the source: a release of upstream (.tar.gz, .tar.xz) or a source package of Debian (.dsc). With `archive` the
        /// folder with Packages and Release. Without it only `distribution` works.
        #[schemars(extend("examples" = ["https://www.openvswitch.org/releases/openvswitch-4.0.0.tar.gz"]))]
        url: ArchiveUrl,
        /// SHA-256 of the source, or of the archive's Release. Without it a `signing-key` is needed.
        #[schemars(extend("examples" = ["2b4d75ed077e94bc649ffbc9be5f9f822db82cf266c920cb3060f94db9d6d796"]))]
        sha256: Sha256Hash,
        /// Whose signature the archive's InRelease must have: an OpenPGP public key as `gpg --export --armor` prints it. Without it
        /// `sha256` says what the archive is.
        #[schemars(extend("examples" = ["-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAAAABYJKwYBBAHaRw8BAQdA\n-----END PGP PUBLIC KEY BLOCK-----\n"]))]
        signing_key: SigningKey,
    }
}
