//! Spaces, Digital Ocean's store of objects, by the S3 API: <https://docs.digitalocean.com/reference/api/spaces/>. Requests are signed in their query
//! (Signature Version 4), by a library that sends nothing.

mod address;
mod answers;
mod client;
mod error;
mod keys;
mod leftovers;
mod upload;

pub use address::{Address, AddressError, REGIONS};
pub use client::{Limits, Spaces};
pub use error::SpacesError;
pub use keys::{KeysError, SpacesKeys};
pub use leftovers::{Leftover, PREFIX};
pub use upload::{Access, Upload};
