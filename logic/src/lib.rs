//! LOGIC ENVIRONMENT: what users ask for becomes tasks, what comes back becomes knowledge.
//!
//! - [`inventory`]: targets, schedules, credentials
//! - [`catalogue`]: the releases that environments can be told to run
//! - [`kinds`]: which kinds are served, learned from the environments
//! - [`observed`]: what was last seen of each target
//! - [`observe`]: schedules and reads on demand
//! - [`control`]: operations that change something
//! - [`ledger`]: every control task, from the asking to the end, and the audit trail of it
//! - [`lease`]: who does what, where there are several
//! - [`people`]: who may ask
//! - [`peers`]: several on one store
//! - [`duties`]: what one of several does for all of them
//! - [`dispatch`]: the only part that knows the inter connect
//! - [`store`]: what outlives the process
//! - [`desired`]: what environments are asked: to pause, to drain, which release serves a kind
//! - [`metrics`]: what is to be watched
//! - `overview`: what is wrong now
//! - [`http`]: the API
//! - [`code`]: the codes of problems, and their pages

#![allow(
    missing_docs,
    reason = "only utakata itself uses this crate: what a name says needs no words"
)]

pub mod audit;
pub mod catalogue;
mod clock;
pub mod code;
pub mod config;
pub mod control;
pub mod desired;
pub mod dispatch;
pub mod duties;
pub mod environments;
pub mod evidence;
mod explain;
pub mod http;
mod invariant;
pub mod inventory;
pub mod kinds;
pub mod lease;
pub mod ledger;
pub mod metrics;
pub mod observe;
pub mod observed;
mod overview;
pub mod pace;
pub mod peers;
pub mod people;
pub mod service;
pub mod store;
pub mod token;

pub use config::Config;
pub use service::{Handle, LogicEnvironment, Parts};
