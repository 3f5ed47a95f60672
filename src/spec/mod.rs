//! Text of a cluster.yaml to a [`Spec`], or to diagnostics. Pure.

pub mod names;
mod types;

pub use types::*;
