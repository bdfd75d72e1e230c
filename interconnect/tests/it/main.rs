//! The inter connect of one machine: its queues, its bus, its hub, and moments between hosts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first thing that is not as it must be"
)]

mod bus;
mod clocks;
mod embedded;
mod hub;
