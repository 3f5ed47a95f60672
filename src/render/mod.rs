//! [`Plan`](crate::plan::Plan) to files. Pure, but for `write`.

mod artifact;

pub use artifact::*;
