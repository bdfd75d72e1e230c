//! What the tests of every crate share: real servers, Debian's SNMP tools, the repository itself.

pub mod disk;
pub mod netsnmp;
pub mod repository;
pub mod servers;
