//! The broker against real clients, Debian's `mosquitto_sub` and `mosquitto_pub`; the client
//! against real brokers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first thing that is not as it must be"
)]

mod broker;
mod client;
mod mosquitto;
