//! MQTT: events over brokers of others ([`client`]), and a broker of our own, which publishes what
//! is seen for everybody else ([`broker`]).

pub mod broker;
pub mod client;

pub use broker::Broker;
pub use client::MqttEvents;
