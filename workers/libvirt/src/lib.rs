//! The worker for the virtual machines of libvirt hosts: `libvirtd` and its successors, by their own
//! protocol, without libvirt's library.
//!
//! From the inside out: [`xdr`] is how the protocol writes values, [`call`] what is asked and
//! answered, [`address`] where, [`host`] what a host says of itself (all four are pure); [`session`] talks to one host; [`worker`]
//! carries out tasks.

pub mod address;
pub mod call;
pub mod host;
pub mod session;
pub mod worker;
pub mod xdr;

pub use worker::LibvirtWorker;
