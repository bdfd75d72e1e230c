//! The worker against Debian's upsd, and against one that is slow, refuses or lies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod control;
mod device;
mod discover;
mod read;
mod scripted;
