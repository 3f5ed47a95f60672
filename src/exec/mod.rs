//! The only place that starts processes.
//!
//! A [`Tool`] is a command line with a deadline. [`Tool::run`] waits for its end; [`Tool::spawn`] hands out a [`Running`] that ends
//! the whole process group when it is dropped. Both give up at once on Ctrl-C (see [`interrupt`]).

mod capture;
mod command;
pub mod interrupt;
mod running;
mod tool;

#[cfg(test)]
mod tests;

pub use command::{ExecError, Finished, Tool};
pub use running::Running;
pub use tool::{find, package_of, require};
