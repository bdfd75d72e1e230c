//! The logic environment: it turns requests of users into tasks, and the answers into knowledge.
//!
//! From the bottom up: each module may use those above it in this list, and none below.
//!
//! - [`config`], `clock`, [`code`], `explain`, `invariant`, [`token`]: the ground floor
//! - [`pace`]: the tasks of an operation that may begin
//! - [`store`]: the state that outlives the process
//! - [`audit`]: the audit trail, and its verification
//! - [`lease`], [`duties`], [`peers`]: several logic environments on one store
//! - [`people`]: people who have access
//! - [`kinds`]: the kinds that environments serve
//! - [`inventory`]: targets, schedules, credentials
//! - [`observed`]: the latest observations of each target
//! - [`catalogue`]: the releases that environments can be ordered to run
//! - [`evidence`]: the results of read-backs, by release
//! - [`desired`]: the desired state of environments: pauses, drains, releases, rollouts
//! - [`environments`]: the zones of environments
//! - [`dispatch`]: the dispatch of reads
//! - [`ledger`]: every control task, from the request to the end
//! - [`observe`]: schedules and reads on demand
//! - [`control`]: operations that change something
//! - `overview`, [`metrics`]: problems at the site, and metrics
//! - [`service`]: all of these put together
//! - [`http`]: the API

#![allow(
    missing_docs,
    reason = "only utakata itself uses this crate: a name that says enough needs no comment"
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
