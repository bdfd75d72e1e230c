//! MQTT: events over external brokers ([`client`]), and a broker of our own, which publishes
//! readings and outcomes for everybody else ([`broker`]).

pub mod broker;
pub mod client;

pub use broker::Broker;
pub use client::MqttEvents;
