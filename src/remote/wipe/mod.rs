//! Hosts without their mesh, as they were before it; under the same timer as a change by [`super::apply`].
//!
//! ```text
//! Machines --found::ask--> Found --wipe_of (pure)--> HostChange --script::stage--> script --run--> Machines as before
//! ```

mod change;
mod run;
mod script;

pub use run::{look, wipe};
