//! The worker against real servers: this machine's own stack, and OpenSSL.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod checks;
