//! Why Digital Ocean did not do what it was asked.

use std::time::Duration;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// In the API's own words.
    #[error("Digital Ocean refused {call}: {status} {message}{}", advice(*status))]
    Refused { call: String, status: u16, message: String },
    #[error("Digital Ocean did not do {call} within {} s of trying; last: {last}", deadline.as_secs())]
    Deadline { call: String, deadline: Duration, last: String },
    /// Of a call that must not be made twice: whether it was carried out has to be looked at.
    #[error("{call}: it is not known whether Digital Ocean did it: {why}")]
    Uncertain { call: String, why: String },
    #[error("Digital Ocean answered {call} with what its API does not say: {why}")]
    Nonsense { call: String, why: String },
    #[error("the variable DIGITALOCEAN_API_URL is no address to send a token to: {0}; give https://..., or leave it unset")]
    Address(String),
    #[error("interrupted while Digital Ocean was asked for {call}")]
    Interrupted { call: String },
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => "; is the token right, and still valid? https://cloud.digitalocean.com/account/api/tokens",
        403 => "; the token lacks a scope: docs/digital-ocean.md says which ones are needed",
        _ => "",
    }
}
