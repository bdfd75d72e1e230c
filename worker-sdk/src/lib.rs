//! The SDK for workers written in Rust: implement [`Worker`], call [`main`].
//!
//! ```no_run
//! use std::process::ExitCode;
//! use utakata_worker_sdk::{Answer, Context, Failure, Release, Task, Worker};
//!
//! struct Thermometer;
//!
//! impl Worker for Thermometer {
//!     fn build(_: &Release) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
//!         Ok(Self)
//!     }
//!     async fn run(&self, task: Task, _: Context) -> Result<Answer, Failure> {
//!         let result = Some(serde_json::json!({ "asked": task.address }));
//!         Ok(Answer { result, ..Answer::default() })
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     utakata_worker_sdk::main::<Thermometer>()
//! }
//! ```
//!
//! The SDK speaks the protocol, validates parameters by the manifest, keeps deadlines, cancels,
//! drains, and turns a panic into an outcome. A worker knows its equipment and nothing else.

#![warn(missing_docs)]

pub mod address;
mod attempt;
mod attempts;
mod buffer;
mod catalogue;
mod connection;
mod context;
pub mod discovery;
mod ending;
pub mod gates;
pub mod harness;
mod memory;
mod outcomes;
mod outgoing;
mod packed;
mod proof;
mod release;
mod session;
mod start;
mod task;
mod worker;

pub use buffer::ReadingBuffer;
pub use context::Context;
pub use proof::{Proof, Reply};
pub use release::{Release, ReleaseError};
pub use start::{
    EXIT_BUILD, EXIT_DRAINED, EXIT_REFUSED, EXIT_RELEASE, EXIT_UNAVAILABLE, EXIT_USAGE,
    THREADS_VARIABLE, main,
};
pub use task::{Answer, Failure, Task};
pub use utakata_invariant as invariant;
pub use utakata_model as model;
pub use utakata_protocol::{ENDPOINT_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE};
pub use worker::Worker;
