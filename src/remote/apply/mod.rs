//! Hosts that run to what their plan says, each under a timer that takes the change back unless somebody says, over a new connection, that the
//! host can still be reached.
//!
//! ```text
//! Machines --found::ask--> Found --change (pure)--> HostChange --carry::stage--> script --run--> Machines as planned
//! ```

pub(super) mod carry;
pub(super) mod change;
mod confirm;
pub(super) mod found;
mod run;
#[cfg(test)]
pub(super) mod sandbox;
pub(super) mod timed;

pub use change::{HostChange, Refusal};
pub use confirm::{ConfirmWithin, InvalidConfirmWithin};
pub(super) use run::each;
pub use run::{ApplyError, Differences, apply, look};
