//! LOGIC ENVIRONMENT: what users ask for becomes tasks, what comes back becomes knowledge.
//!
//! - [`inventory`]: targets, schedules, credentials; what was last seen of each target
//! - [`kinds`]: which kinds are served, learned from the environments
//! - [`observe`]: schedules and reads on demand
//! - [`control`]: operations that change something
//! - [`dispatch`]: the only part that knows the inter connect
//! - [`store`]: what outlives the process
//! - [`http`]: the API

pub mod config;
pub mod control;
pub mod dispatch;
mod explain;
pub mod http;
pub mod inventory;
pub mod kinds;
pub mod observe;
pub mod service;
pub mod store;

pub use config::Config;
pub use service::{Handle, LogicEnvironment, Parts};
