//! HashiCorp Vault by its HTTP API: a key of its transit engine that wraps ours, and the secrets of
//! its KV engine, version 2.
//!
//! - [`Config`]: the server, and the way to a token of it
//! - [`Vault`]: requests; each ends in time, and has a fresh token
//! - [`TransitKey`]: the key that wraps keys
//! - [`Error`]: the reason why there is no answer, and who can cure it
//!
//! Nothing of it is kept in a file.

mod answer;
mod config;
mod error;
mod login;
mod transport;
mod vault;

pub use config::{Auth, Config};
pub use error::Error;
pub use vault::{Found, TransitKey, Vault};
