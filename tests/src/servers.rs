//! Real servers, started by the scripts in `tests/servers` and ended when their guard drops.
//!
//! Each guard has a server of its own, on a free port of the loopback, with a state folder of its
//! own. Starting blocks until the server answers (a fraction of a second, mostly).

mod mosquitto;
mod postgres;
mod rabbitmq;
mod server;
mod snmpd;
mod snmpsim;

pub use mosquitto::Mosquitto;
pub use postgres::Postgres;
pub use rabbitmq::Rabbitmq;
pub use server::{Server, Transport};
pub use snmpd::Snmpd;
pub use snmpsim::Snmpsim;
