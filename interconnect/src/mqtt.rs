//! MQTT: what is published, for everybody else.

pub mod broker;

pub use broker::Broker;
