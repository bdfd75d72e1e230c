//! The worker against real devices: Debian's snmpd, and recordings played back by snmpsim.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod bent;
mod control;
mod credential;
mod device;
mod drill;
mod read;
mod recordings;
mod relay;
mod releases;
mod trouble;
mod values;
