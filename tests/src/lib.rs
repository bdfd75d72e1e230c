//! What the tests of every crate share: waiting, real servers, Debian's SNMP tools, the
//! repository itself.

pub mod disk;
pub mod netsnmp;
pub mod repository;
pub mod servers;
pub mod wait;
