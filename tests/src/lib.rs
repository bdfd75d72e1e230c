//! Tools for the tests of all crates: waiting, real servers, Debian's SNMP tools, the repository
//! itself.

pub mod disk;
pub mod netsnmp;
pub mod repository;
pub mod servers;
pub mod wait;
