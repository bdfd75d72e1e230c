//! Events over real brokers: Mosquitto with MQTT 5 and 3.1.1, RabbitMQ with 3.1.1.

mod conformance;
mod faults;
mod proxy;
mod rights;
mod samples;
mod slow;
mod strangers;
mod troubles;
mod wills;
mod world;
