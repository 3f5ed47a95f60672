//! Hosts that are not ours: reached by the user's own ssh, looked at, and left as they were.
//!
//! ```text
//! Plan --Remote::connect--> Machines --verify / status--> Report / Status
//!   --arrive--> droplets that were just made, ready to be connected to
//! ```

pub mod apply;
pub mod arrive;
pub mod host_keys;
mod session;
pub mod status;
pub mod verify;
pub mod wipe;

pub use session::{Connection, Remote, RemoteError};
