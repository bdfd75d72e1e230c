//! Logging in by an OpenID provider: people show themselves to it, and it says who they are.
//!
//! - [`Config`]: which provider, and what of its answers counts
//! - [`Provider`]: asks it, over HTTPS; what it says of itself is fetched when it is needed, and kept
//! - `metadata`, `keys`: what it says of itself
//! - `id_token`: the signature of an ID token, and whether it is for us, now. Pure
//! - `claims`: the name and the groups of somebody. Pure
//! - [`Challenge`]: what binds an answer to the browser that asked (PKCE, state, nonce). Pure

mod challenge;
mod claims;
mod config;
mod error;
mod exchange;
mod id_token;
mod keys;
mod metadata;
mod provider;
mod transport;

pub use challenge::Challenge;
pub use claims::{BadName, Visitor};
pub use config::Config;
pub use error::Error;
pub use exchange::DeviceCode;
pub use provider::{Polled, Provider};
