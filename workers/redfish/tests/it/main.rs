//! The worker against a BMC with the habits of real ones, and against sushy-tools.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod bmc;
mod control;
mod device;
mod discover;
mod login;
mod read;
mod sushy;
mod tls;
