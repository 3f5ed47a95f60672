//! [`Plan`](crate::plan::Plan) to files. Pure, but for `write`.

mod alone;
mod artifact;
mod cloud_init;
mod door;
mod engine;
mod host_files;
mod inventory;
pub mod nix;
mod nixos;
mod open_vswitch;
pub mod ovs;
pub mod rules;
mod seed;
mod terraform;
mod write;

#[cfg(test)]
mod tests;

pub use artifact::*;
pub use cloud_init::{RenderError, USER_DATA_MAX, cloud_init, user_data_bytes};
pub use door::droplet_user_data;
pub use host_files::{HostFile, OF_IMAGES, RenderFilesError, host_files};
pub use inventory::inventory;
pub use nixos::{MODULES, nixos};
pub use seed::with_seeds;
pub use terraform::{is_uuid, terraform};
pub use write::{WriteError, differences, write, write_new, write_over};
