//! The worker for UPSs behind Network UPS Tools: `upsd`, which speaks lines over TCP. The meaning
//! of a UPS's variables is data: see [`profile`].
//!
//! From the inside out: [`mod@line`] is the text of the protocol, [`profile`] the meaning of variables,
//! [`decode`] their interpretation (all three are pure); [`session`] talks to one server;
//! [`worker`] carries out tasks.

pub mod address;
pub mod decode;
pub mod line;
pub mod profile;
pub mod session;
pub mod worker;

pub use worker::NutWorker;
