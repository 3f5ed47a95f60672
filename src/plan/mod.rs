//! [`Spec`](crate::spec::Spec) to [`Plan`]: every decision, made once. Pure.

mod types;

pub use types::*;
