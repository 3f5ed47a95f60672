//! One cluster.yaml to Docker hosts whose containers share one switch.
//!
//! ```text
//! cluster.yaml --parse--> RawSpec --validate--> Spec --plan--> Plan --render--> Artifacts --> files, seeds, lab
//! ```

pub mod cli;
pub mod diff;
pub mod error;
pub mod exec;
pub mod image;
pub mod lab;
pub mod machine;
mod parallel;
pub mod plan;
pub mod provider;
pub mod remote;
pub mod render;
pub mod spec;
pub mod ui;
pub mod wait;
