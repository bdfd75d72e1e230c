//! HTTP and TLS as workers speak them: to devices whose certificates nobody has signed, one kept
//! connection for each.
//!
//! [`certificate`] reads what a certificate says; [`trust`] decides whether it is the right one (both
//! are pure); [`rule`] and [`place`] are how a target says what is trusted, and where it is;
//! [`tls`] makes connections; [`connection`] sends requests over them; [`device`] is one server that
//! is asked again and again, politely.

pub mod certificate;
pub mod connection;
pub mod device;
pub mod place;
pub mod rule;
mod socket;
pub mod task;
pub mod tls;
pub mod trust;
mod unclosed;

pub use connection::{Connection, Request, Response};
pub use hyper::{Method, StatusCode, header};
pub use trust::{Fingerprint, Trust};
