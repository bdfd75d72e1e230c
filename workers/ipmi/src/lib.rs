//! The worker for BMCs by IPMI 2.0 over LAN (RMCP+, cipher suites 17 and 3).
//!
//! From the inside out: [`lan`] is the bytes and the secrets of a session, [`sdr`] what a BMC says of
//! its sensors, [`decode`] what their readings mean, [`sel`] the event log, [`credential`] who logs
//! in, [`profile`] the corrections of a BMC (all six are pure); [`session`] talks to one BMC;
//! [`worker`] carries out tasks.

pub mod credential;
pub mod decode;
pub mod lan;
pub mod profile;
pub mod sdr;
pub mod sel;
pub mod session;
pub mod worker;

pub use worker::IpmiWorker;
