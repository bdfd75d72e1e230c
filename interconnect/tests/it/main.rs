//! The inter connect against real clients and a real broker: Debian's `mosquitto_sub` and
//! `mosquitto_pub`, and RabbitMQ.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at the first thing that is not as it must be"
)]

mod amqp;
mod broker;
mod mosquitto;
mod mqtt;
