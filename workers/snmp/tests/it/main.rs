//! The worker against real agents: Debian's snmpd, and recordings replayed by snmpsim.
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
mod discover;
mod drill;
mod invented;
mod read;
mod recordings;
mod relay;
mod releases;
mod trouble;
mod values;
