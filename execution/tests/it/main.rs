//! The environment with real workers: the echo worker as a process, a shell script as a bad one,
//! and containers in a Docker engine started by the test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on fails"
)]

mod content;
mod docker;
mod faults;
mod handover;
mod kubernetes;
mod ledger;
mod mad;
mod orders;
mod panics;
mod permits;
mod places;
mod player;
mod polite;
mod pools;
mod releases;
mod rollouts;
mod runtime;
mod shelf;
mod site;
mod thread;
mod tool;
