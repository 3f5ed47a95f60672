//! Generated files in memory.

use std::collections::BTreeMap;

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub bytes: Vec<u8>,
    /// Holds something only its owner may read: written with mode 0600.
    pub secret: bool,
}

/// Generated files by path relative to the output folder (`host1/user-data`), `/` between components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifacts(pub BTreeMap<String, Artifact>);
