//! The description of a source package: the fields of dsc(5) that say what it is and which files it has.

use std::collections::BTreeMap;

use crate::spec::Sha256Hash;

/// What a .dsc says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsc {
    /// Of the source package, such as 4.0.0-2.
    pub version: String,
    /// Its files, in the order of Checksums-Sha256.
    pub files: Vec<DscFile>,
}

/// A file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DscFile {
    /// A name without folders.
    pub name: String,
    pub sha256: Sha256Hash,
}

/// Reads a .dsc, signed or not; the signature is not looked at, as the hash of the whole is known.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<Dsc, String> {
    let fields = fields(text)?;
    let field = |name: &str| fields.get(name).ok_or_else(|| format!("it has no field {name}"));
    let source = field("Source")?.trim();
    if source != "openvswitch" {
        return Err(format!("it is of {}", source.escape_debug()));
    }
    let mut files = Vec::new();
    for line in field("Checksums-Sha256")?.lines().filter(|line| !line.trim().is_empty()) {
        let [hash, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err("a line of Checksums-Sha256 has not three words".to_owned());
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
        if !name.starts_with("openvswitch_") || !name.chars().all(legal) {
            return Err(format!("{} is no name of a file of Open vSwitch's source", name.escape_debug()));
        }
        let sha256 = hash.parse().map_err(|_| format!("the SHA-256 of {name} is none"))?;
        files.push(DscFile {
            name: name.to_owned(),
            sha256,
        });
    }
    if files.is_empty() {
        return Err("it names no files".to_owned());
    }
    Ok(Dsc {
        version: field("Version")?.trim().to_owned(),
        files,
    })
}

/// The fields of the one paragraph, within a signature or not.
fn fields(text: &str) -> Result<BTreeMap<&str, String>, String> {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let mut lines = text.lines().peekable();
    if lines.peek() == Some(&"-----BEGIN PGP SIGNED MESSAGE-----") {
        // The headers of the signature end with an empty line (RFC 9580 section 7.1).
        lines.by_ref().find(|line| line.is_empty());
    }
    let mut last = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let name = last.ok_or("its first line belongs to no field")?;
            let value = fields.entry(name).or_default();
            value.push('\n');
            value.push_str(line);
        } else {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("a line is no field: {}", line.chars().take(60).collect::<String>().escape_debug()))?;
            if fields.insert(name, value.to_owned()).is_some() {
                return Err(format!("the field {} is there twice", name.escape_debug()));
            }
            last = Some(name);
        }
    }
    Ok(fields)
}

/// Open vSwitch's own version in that of a package: without epoch and revision (Debian Policy 5.6.12).
pub fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}
