//! [`Spec`](crate::spec::Spec) to [`Plan`]: every decision, made once. Pure.

pub mod address;
mod types;

pub use types::*;
