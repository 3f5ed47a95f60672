//! Where a bucket is, and what things in it are called. Pure.

use rusty_s3::{Bucket, UrlStyle};

use super::super::client::is_safe;

/// Where there are Spaces (Digital Ocean's list of availability, 23 March 2026); others may follow.
pub const REGIONS: [&str; 11] = [
    "nyc3", "ams3", "sfo2", "sfo3", "sgp1", "lon1", "fra1", "tor1", "blr1", "syd1", "atl1",
];

/// The variable that names another address; Digital Ocean's Terraform provider knows it too.
const VARIABLE: &str = "SPACES_ENDPOINT_URL";

/// A bucket at its address.
#[derive(Debug, Clone)]
pub struct Address {
    pub(super) bucket: Bucket,
}

/// Why there is no such bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("'{0}' is no name of a bucket: 3 to 63 small letters, digits and '-', and a letter or digit at both ends")]
    Bucket(String),
    #[error("the variable {VARIABLE} is no address to send requests to: {0}; give https://..., or leave it unset")]
    Endpoint(String),
}

impl Address {
    /// `bucket` in `region`, at the address that the environment names, else the real one.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn from_environment(bucket: &str, region: &str) -> Result<Self, AddressError> {
        let endpoint = std::env::var(VARIABLE).ok().filter(|address| !address.is_empty());
        Self::new(endpoint.as_deref(), bucket, region)
    }

    /// `bucket` in `region`, at `endpoint` or the real one. An endpoint has TLS or is on this machine, where a bucket's name is a part of the path: no
    /// name resolves there.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn new(endpoint: Option<&str>, bucket: &str, region: &str) -> Result<Self, AddressError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = (3..=63).contains(&bucket.len()) && bucket.chars().all(legal) && !bucket.starts_with('-') && !bucket.ends_with('-');
        if !is_name {
            return Err(AddressError::Bucket(bucket.to_owned()));
        }
        let own = format!("https://{region}.digitaloceanspaces.com");
        // As the Terraform provider has it.
        let endpoint = endpoint.map(|endpoint| endpoint.replace("{{.Region}}", region)).unwrap_or(own);
        let wrong = || AddressError::Endpoint(endpoint.clone());
        if !is_safe(&endpoint) {
            return Err(wrong());
        }
        let style = match endpoint.starts_with("http://") {
            true => UrlStyle::Path,
            false => UrlStyle::VirtualHost,
        };
        let url = endpoint.parse().map_err(|_| wrong())?;
        let bucket = Bucket::new(url, style, bucket.to_owned(), region.to_owned()).map_err(|_| wrong())?;
        Ok(Self { bucket })
    }

    /// The URL of an object, not signed.
    pub fn url(&self, key: &str) -> String {
        self.bucket.object_url(key).to_string()
    }

    /// `bucket/key`, as people call it.
    pub fn name(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_part_of_the_name_or_of_the_path() {
        let url = |endpoint: Option<&str>| Address::new(endpoint, "my-images", "ams3").map(|address| address.url("a/b c.img"));
        assert_eq!(
            url(None),
            Ok("https://my-images.ams3.digitaloceanspaces.com/a/b%20c.img".to_owned())
        );
        assert_eq!(
            url(Some("https://{{.Region}}.spaces.example")),
            Ok("https://my-images.ams3.spaces.example/a/b%20c.img".to_owned())
        );
        assert_eq!(
            url(Some("http://127.0.0.1:8080")),
            Ok("http://127.0.0.1:8080/my-images/a/b%20c.img".to_owned())
        );
    }

    #[test]
    fn names_and_addresses_are_checked() {
        for name in [
            "",
            "ab",
            "My-images",
            "my.images",
            "-my-images",
            "my-images-",
            "../images",
            &"a".repeat(64),
        ] {
            assert_eq!(
                Address::new(None, name, "ams3").map(|_| ()),
                Err(AddressError::Bucket(name.to_owned())),
                "{name}"
            );
        }
        for endpoint in [
            "http://spaces.example",
            "ftp://spaces.example",
            "https://",
            "https://a@spaces.example",
        ] {
            let refused = Address::new(Some(endpoint), "my-images", "ams3").map(|_| ());
            assert_eq!(refused, Err(AddressError::Endpoint(endpoint.to_owned())), "{endpoint}");
        }
    }
}
