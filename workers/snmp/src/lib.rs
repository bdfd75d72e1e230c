//! The worker for everything that speaks SNMP. What a device means is data: see [`profile`].
//!
//! From the inside out: [`profile`] is what objects mean, [`plan`] what to fetch for it,
//! [`decode`] what the answers say (all three pure); [`session`] talks to one target; [`worker`]
//! carries out tasks.

pub mod address;
pub mod credential;
pub mod decode;
pub mod plan;
pub mod profile;
pub mod release;
pub mod session;
pub mod value;
pub mod worker;

pub use worker::SnmpWorker;
