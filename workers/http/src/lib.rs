//! HTTP and TLS as workers speak them: to devices whose certificates nobody has signed, one kept
//! connection for each.
//!
//! [`certificate`] reads what a certificate says; [`trust`] decides whether it is the right one (both
//! are pure); [`tls`] makes connections; [`connection`] sends requests over them.

pub mod certificate;
pub mod connection;
pub mod tls;
pub mod trust;
mod unclosed;

pub use connection::{Connection, Request, Response};
pub use hyper::{Method, StatusCode, header};
pub use trust::{Fingerprint, Trust};
