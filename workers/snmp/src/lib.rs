//! The worker for everything that speaks SNMP. The meaning of a device's objects is data: see
//! [`profile`].
//!
//! From the inside out: [`profile`] is the meaning of objects, [`plan`] what to fetch for it,
//! [`decode`] the interpretation of the answers (all three are pure); [`session`] talks to one
//! target; [`notification`] understands what devices send unasked; [`worker`] carries out tasks.

pub mod address;
pub mod credential;
pub mod decode;
pub mod notification;
pub mod plan;
pub mod profile;
pub mod release;
pub mod session;
pub mod value;
pub mod worker;

pub use worker::SnmpWorker;
