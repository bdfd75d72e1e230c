//! Worker execution environment: fetches tasks, has suitable workers run them, publishes what
//! came of it.
//!
//! ```text
//!  releases on disk ─► catalogue ─► environment ─► one `kind` for each kind of target
//!                                                   │ fetch ─► lanes ─► select ─► worker
//!                                                   │ plan ─► start, drain, kill ─► runtime
//!  workers ◄──────────── endpoint ◄────────────────►│ answers ─► outcomes ─► publish
//! ```

pub mod artifact;
pub mod catalogue;
pub mod config;
mod content;
mod endpoint;
pub mod environment;
mod fetch;
mod folder;
mod kind;
mod lives;
mod manager;
mod pool;
mod publish;
mod rollout;
pub mod runtime;
#[cfg(test)]
mod samples;
pub mod takeover;
pub mod trust;
mod worker;

pub use artifact::Artifact;
pub use config::Config;
pub use environment::{Drained, Environment, Error, Handle, Identity};
pub use kind::asking;

/// An error with everything behind it, for people.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text.push_str(": ");
        text.push_str(&error.to_string());
        behind = error.source();
    }
    text
}
