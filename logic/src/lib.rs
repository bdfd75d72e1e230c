//! LOGIC ENVIRONMENT: what users ask for becomes tasks, what comes back becomes knowledge.
//!
//! - [`inventory`]: targets, schedules, credentials; what was last seen of each target
//! - [`catalogue`]: the releases that environments can be told to run
//! - [`kinds`]: which kinds are served, learned from the environments
//! - [`observe`]: schedules and reads on demand
//! - [`control`]: operations that change something
//! - [`ledger`]: every control task, from the asking to the end, and the audit trail of it
//! - [`lease`]: who does what, where there are several
//! - [`orders`]: which environments are asked to pause or to drain
//! - [`people`]: who may ask
//! - [`peers`]: several on one store
//! - [`duties`]: what one of several does for all of them
//! - [`dispatch`]: the only part that knows the inter connect
//! - [`store`]: what outlives the process
//! - [`rollouts`]: which release serves a kind, and the way to another one
//! - [`metrics`]: what is to be watched
//! - `overview`: what is wrong now
//! - [`http`]: the API

pub mod audit;
pub mod catalogue;
mod clock;
pub mod config;
pub mod control;
pub mod dispatch;
pub mod duties;
pub mod environments;
pub mod evidence;
mod explain;
pub mod http;
pub mod inventory;
pub mod kinds;
pub mod lease;
pub mod ledger;
pub mod metrics;
pub mod observe;
pub mod orders;
mod overview;
pub mod pace;
pub mod peers;
pub mod people;
pub mod rollouts;
pub mod service;
pub mod store;
pub mod token;

pub use config::Config;
pub use service::{Handle, LogicEnvironment, Parts};
