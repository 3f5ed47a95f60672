//! Hosts that are not ours: reached by the user's own ssh, looked at, and left as they were.
//!
//! ```text
//! Plan --Remote::connect--> Machines --verify / status--> Report / Status
//! ```

pub mod apply;
mod session;
pub mod status;
pub mod verify;
pub mod wipe;

pub use session::{Connection, Remote, RemoteError};
