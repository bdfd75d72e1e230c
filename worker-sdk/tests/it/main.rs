//! The harness, applied to workers that do one thing wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests are tests"
)]

mod by_hand;
mod harness;
mod scripted;
