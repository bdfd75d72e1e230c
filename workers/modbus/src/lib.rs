//! The worker for everything that speaks Modbus over TCP: devices themselves, and units behind a
//! gateway. The meaning of registers is data: see [`profile`].
//!
//! From the inside out: [`frame`] is the bytes of the protocol, [`value`] what registers hold,
//! [`profile`] their meaning, [`plan`] the requests for it (all four are pure); [`session`] talks to
//! one gateway; [`worker`] carries out tasks.

pub mod address;
pub mod frame;
pub mod plan;
pub mod profile;
pub mod session;
pub mod value;
pub mod worker;

pub use worker::ModbusWorker;
