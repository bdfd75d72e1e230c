//! The worker against pymodbus' simulator, and against gateways that are silent, late or wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod control;
mod device;
mod discover;
mod gateway;
mod read;
