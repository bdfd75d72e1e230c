//! The worker execution environment: it fetches tasks, lets suitable workers run them, and
//! publishes the outcomes.
//!
//! ```text
//!  releases on disk ─► catalogue ─► environment ─► one `kind` for each kind of target
//!                                                   │ fetch ─► lanes ─► select ─► worker
//!                                                   │ plan ─► start, drain, kill ─► runtime
//!  workers ◄──────────── endpoint ◄────────────────►│ answers ─► outcomes ─► publish
//! ```

#![allow(
    missing_docs,
    reason = "used within this workspace alone: what is obvious needs no words"
)]

mod allowed;
pub mod artifact;
pub mod catalogue;
pub mod config;
mod content;
mod decisions;
mod desired;
mod endpoint;
pub mod environment;
mod fetch;
mod files;
mod folder;
mod kind;
mod lives;
mod loans;
mod notifications;
mod publish;
mod quota;
mod release;
mod routes;
pub mod runtime;
#[cfg(test)]
mod samples;
pub mod signatures;
mod status;
pub mod takeover;
mod trial;
pub mod trust;
mod worker;

pub use artifact::Artifact;
pub use config::Config;
pub use environment::{Builder, Drained, Environment, Error, Handle, Identity};
pub use release::{Release, Unmade};
