//! The worker against Debian's OpenSSH.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod control;
mod host;
mod read;
