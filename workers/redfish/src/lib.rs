//! The worker for everything that speaks Redfish (DSP0266). The meaning of a service's resources is
//! data: see [`profile`].
//!
//! From the inside out: [`document`] is JSON with links, [`profile`] the meaning of resources,
//! [`decode`] their interpretation, [`order`] the request that an action becomes (all four are
//! pure); [`client`] talks to one service, logged in; [`walk`] finds its resources; [`worker`]
//! carries out tasks.

pub mod address;
pub mod client;
pub mod credential;
pub mod decode;
pub mod document;
pub mod order;
pub mod profile;
pub mod walk;
pub mod worker;

pub use worker::RedfishWorker;
