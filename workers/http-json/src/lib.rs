//! The worker for everything that answers HTTP with JSON. The meaning of a device's documents is
//! data: see [`profile`].
//!
//! From the inside out: [`profile`] is the meaning of documents, [`order`] the request that an
//! action becomes (both are pure); [`worker`] carries out tasks.

pub mod order;
pub mod profile;
pub mod worker;

pub use worker::HttpJsonWorker;
