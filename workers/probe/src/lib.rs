//! The worker that sees whether something answers, from where the environment is: ICMP, TCP, TLS,
//! HTTP.
//!
//! [`check`] is what an address asks for, [`icmp`] the text of echo requests (both are pure);
//! [`ping`] sends them; [`worker`] carries out tasks.

pub mod check;
pub mod icmp;
pub mod ping;
pub mod worker;

pub use worker::ProbeWorker;
