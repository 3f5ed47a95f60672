//! Text of a cluster.yaml to a [`Spec`], or to diagnostics. Pure.
//!
//! [`parse()`] makes a tree of values with their places and reads it as a [`RawSpec`], noting unknown keys and wrong types;
//! [`validate()`] judges what could be read and reports all problems at once; [`load`] does both.

mod code;
mod diagnostic;
mod digital_ocean;
mod field;
mod init;
mod lock;
pub mod names;
mod nearest;
mod node;
mod parse;
mod raw;
mod raw_digital_ocean;
mod raw_docker;
mod raw_lock;
mod raw_open_vswitch;
mod raw_topology;
mod reference;
mod scalar;
mod schema;
mod types;
mod validate;

pub use code::Code;
pub use diagnostic::{Diagnostic, LockText, Related, Severity, Source, render, render_with_lock, to_json};
pub use digital_ocean::*;
pub use init::init_text;
pub use lock::{LOCK_VERSION, Lock, LockTextError, LockedHost, LockedTopology, link_key, lock_text};
pub use parse::{LOCK_SIZE_MAX, SIZE_MAX, parse};
pub use raw::RawSpec;
pub use raw_lock::{LockFile, parse_lock};
pub use reference::reference_markdown;
pub use schema::schema_json;
pub use types::*;
pub use validate::{load, load_with_lock, load_without, validate};

#[cfg(test)]
mod tests;
