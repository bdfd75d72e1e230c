//! Real servers, started by the scripts in `tests/servers` and ended when their guard is dropped.
//!
//! Each guard has its own server with its own state folder, on a loopback port that stays reserved
//! while the server is killed ([`Port`]). Starting blocks until the server answers, usually a
//! fraction of a second.

mod alertmanager;
mod dockerd;
mod ipmi;
mod libvirtd;
mod modbus;
mod mosquitto;
mod node_exporter;
mod nut;
mod openid;
mod openssl;
mod port;
mod postgres;
mod rabbitmq;
mod registry;
mod server;
mod smtp;
mod snmpd;
mod snmpsim;
mod sshd;
mod sushy;
mod vault;
mod world;

pub use alertmanager::Alertmanager;
pub use dockerd::Dockerd;
pub use ipmi::Ipmi;
pub use libvirtd::Libvirtd;
pub use modbus::Modbus;
pub use mosquitto::Mosquitto;
pub use node_exporter::NodeExporter;
pub use nut::Nut;
pub use openid::Openid;
pub use openssl::Openssl;
pub use port::{Port, Transport};
pub use postgres::Postgres;
pub use rabbitmq::Rabbitmq;
pub use registry::Registry;
pub use server::Server;
pub use smtp::Smtp;
pub use snmpd::Snmpd;
pub use snmpsim::Snmpsim;
pub use sshd::Sshd;
pub use sushy::Sushy;
pub use vault::VaultServer;
pub use world::World;
