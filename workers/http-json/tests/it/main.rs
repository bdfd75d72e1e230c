//! The worker against a PDU that speaks JAWS, and against Debian's Prometheus.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects, and ends when that is not so"
)]

mod control;
mod discover;
mod pdu;
mod read;
