//! Real servers, started by the scripts in `tests/servers` and ended when their guard drops.
//!
//! Each guard has a server of its own, on a port of the loopback that stays its own while it is
//! killed ([`Port`]), with a state folder of its own. Starting blocks until the server answers (a
//! fraction of a second, mostly).

mod dockerd;
mod mosquitto;
mod port;
mod postgres;
mod rabbitmq;
mod registry;
mod server;
mod snmpd;
mod snmpsim;

pub use dockerd::Dockerd;
pub use mosquitto::Mosquitto;
pub use port::{Port, Transport};
pub use postgres::Postgres;
pub use rabbitmq::Rabbitmq;
pub use registry::Registry;
pub use server::Server;
pub use snmpd::Snmpd;
pub use snmpsim::Snmpsim;
