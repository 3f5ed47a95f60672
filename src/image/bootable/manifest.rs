//! What is in an image: a software bill of materials in CycloneDX's JSON (ECMA-424, version 1.6). Pure.

use serde::Serialize;
use serde_json::{Value, json};

/// A line of dpkg-query(1): package (with `:architecture` where several may be there), version, architecture, source package, its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    name: String,
    version: String,
    architecture: String,
    source: String,
}

/// What dpkg-query wrote.
///
/// # Errors
/// The line that has not five columns.
pub fn packages(text: &str) -> Result<Vec<Package>, String> {
    let package = |line: &str| {
        let [name, version, architecture, source, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("dpkg-query wrote a line that is not five columns: {line:?}"));
        };
        let (name, _) = name.split_once(':').unwrap_or((name, ""));
        Ok(Package {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
            source: source.to_owned(),
        })
    };
    text.lines().map(package).collect()
}

/// What the image was made of, besides packages.
#[derive(Debug, Clone, Serialize)]
pub struct Origin<'a> {
    /// `debian-13`.
    pub os: &'a str,
    /// The key of all inputs.
    pub key: &'a str,
    /// A UUID of that.
    pub uuid: &'a str,
    /// Name and value, such as the archive; in the order in which they are shown.
    pub properties: Vec<(&'a str, String)>,
}

/// Characters of a package URL's version that are themselves (purl specification: RFC 3986's unreserved ones, and the colon).
fn quoted(text: &str) -> String {
    let quote = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(quote).collect()
}

/// The bill, with nothing in it that differs from one build to the next.
pub fn cyclonedx(origin: &Origin<'_>, packages: &[Package]) -> String {
    let property = |(name, value): &(&str, String)| json!({ "name": format!("meshimg:{name}"), "value": value });
    let component = |package: &Package| -> Value {
        let Package {
            name,
            version,
            architecture,
            source,
        } = package;
        let purl = format!(
            "pkg:deb/debian/{}@{}?arch={architecture}&distro={}",
            quoted(name),
            quoted(version),
            origin.os
        );
        json!({
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "properties": [{ "name": "meshimg:source-package", "value": source }],
        })
    };
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", origin.uuid),
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "meshimg", "version": env!("CARGO_PKG_VERSION") }] },
            "component": { "type": "operating-system", "bom-ref": "image", "name": origin.os, "version": origin.key },
            "properties": origin.properties.iter().map(property).collect::<Vec<_>>(),
        },
        "components": packages.iter().map(component).collect::<Vec<_>>(),
    });
    format!("{bill:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_of_two_packages() {
        let text = "libc6:amd64\t2.41-12+deb13u5\tamd64\tglibc\t2.41-12+deb13u5\nsudo\t1.9.16p2-3\tamd64\tsudo\t1.9.16p2-3\n";
        let packages = packages(text).unwrap();
        let origin = Origin {
            os: "debian-13",
            key: "image-1234",
            uuid: "11111111-0000-8000-8000-000000000000",
            properties: vec![("archive", "https://archive.example/debian".to_owned())],
        };
        insta::assert_snapshot!("cyclonedx", cyclonedx(&origin, &packages));
    }

    #[test]
    fn a_line_that_is_none_is_an_error() {
        assert!(packages("sudo 1.9\n").unwrap_err().contains("sudo 1.9"));
    }
}
