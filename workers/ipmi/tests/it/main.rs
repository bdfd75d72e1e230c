//! The worker against OpenIPMI's simulator (cipher suite 3), and a BMC made of pyghmi (17).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod bmc;
mod control;
mod discover;
mod read;
mod relay;
