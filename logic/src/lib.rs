//! LOGIC ENVIRONMENT: what users ask for becomes tasks, what comes back becomes knowledge.
//!
//! From the bottom up; each knows those above it in this list, if any, and none below.
//!
//! - [`config`], `clock`, [`code`], `explain`, `invariant`, [`token`]: what everything else may need
//! - [`pace`]: which tasks of an operation may begin
//! - [`store`]: what outlives the process
//! - [`audit`]: the trail of what was done, and its check
//! - [`lease`], [`duties`], [`peers`]: several logic environments on one store, and who does what
//! - [`people`]: who may ask
//! - [`kinds`]: which kinds are served, learned from the environments
//! - [`inventory`]: targets, schedules, credentials
//! - [`observed`]: what was last seen of each target
//! - [`catalogue`]: the releases that environments can be told to run
//! - [`evidence`]: how many control tasks show when their targets are read back, by release
//! - [`desired`]: what environments are asked: to pause, to drain, which release serves a kind
//! - [`environments`]: the zones of environments
//! - [`dispatch`]: hands reads over, and knows which are under way
//! - [`ledger`]: every control task, from the asking to the end
//! - [`observe`]: schedules and reads on demand
//! - [`control`]: operations that change something
//! - `overview`, [`metrics`]: what is wrong now, and what is to be watched
//! - [`service`]: puts all of these together
//! - [`http`]: the API

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
