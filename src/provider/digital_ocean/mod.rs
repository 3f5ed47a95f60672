//! Digital Ocean by its API, version 2: <https://docs.digitalocean.com/reference/api/digitalocean/>.

mod calls;
mod check;
mod client;
mod create;
mod destroy;
mod error;
mod push;
mod retry;
pub mod spaces;
mod token;
mod types;

pub use calls::{Call, Method, create_droplet, create_firewall, create_tag};
pub use check::{Account, Problem, survey};
pub use client::{Client, Timing};
pub use create::{Created, HostError, create};
pub use destroy::{DestroyError, Destroyed, Own, destroy, own};
pub use error::ApiError;
pub use push::{DISTRIBUTIONS, Push, PushError, Pushed, find, import_image, push};
pub use token::{Token, TokenError};
pub use types::*;
