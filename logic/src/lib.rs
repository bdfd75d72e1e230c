//! The logic environment: it turns requests of users into tasks, and the answers into knowledge.
//!
//! From the bottom up: each module may use those above it in this list, and none below.
//!
//! - [`config`], `clock`, [`code`], [`token`]: what everything else may need
//! - [`pace`]: which tasks of an operation may begin
//! - [`store`]: what outlives the process
//! - [`secrets`]: the keys that seal what is secret in the store
//! - [`audit`]: the trail of what was done, and its check
//! - [`lease`], [`duties`], [`peers`]: several logic environments on one store, and who does what
//! - [`rights`]: may somebody do something?
//! - `login`: what whoever logs in keeps meanwhile
//! - [`people`]: who may ask, and their roles
//! - [`kinds`]: which kinds are served, learned from the environments
//! - [`relations`]: what feeds, reaches, cools and contains what
//! - [`inventory`]: targets, schedules, credentials, relations, alarm rules, envelopes, policies
//! - [`observed`]: the latest observations of each target
//! - [`catalogue`]: the releases that environments can be ordered to run
//! - [`evidence`]: the results of read-backs, by release
//! - [`desired`]: the desired state of environments: pauses, drains, releases, rollouts
//! - [`environments`]: the zones of environments, and their keys
//! - [`loans`]: credentials for environments, sealed to their keys
//! - `histograms`: durations, counted as they pass
//! - [`history`]: what arrives is kept, and found again
//! - [`dispatch`]: the dispatch of reads
//! - [`ledger`]: every control task, from the request to the end
//! - [`observe`]: schedules and reads on demand
//! - `export`: readings for other tools
//! - [`notifications`]: what devices say unasked
//! - [`discovery`]: what answers at addresses, proposed as targets
//! - [`control`]: operations that change something
//! - [`rotation`]: passwords of devices that are changed, and never lost
//! - [`policies`]: what acts by itself, tested before it may
//! - [`alarms`]: what is wrong, since when, and what explains it
//! - `overview`, [`metrics`]: problems at the site, and metrics
//! - [`service`]: all of these put together
//! - [`http`]: the API

#![allow(
    missing_docs,
    reason = "only utakata itself uses this crate: a name that says enough needs no comment"
)]

pub mod alarms;
pub mod audit;
pub mod catalogue;
mod clock;
pub mod code;
pub mod config;
pub mod control;
pub mod desired;
pub mod discovery;
pub mod dispatch;
pub mod duties;
pub mod environments;
pub mod evidence;
mod export;
mod histograms;
pub mod history;
pub mod http;
pub mod inventory;
pub mod kinds;
pub mod lease;
pub mod ledger;
pub mod loans;
mod login;
pub mod metrics;
pub mod notifications;
pub mod observe;
pub mod observed;
mod overview;
pub mod pace;
pub mod peers;
pub mod people;
pub mod policies;
pub mod relations;
pub mod rights;
pub mod rotation;
pub mod secrets;
pub mod service;
mod session;
pub mod signatures;
pub mod store;
pub mod token;
pub mod view;

pub use config::Config;
pub use service::{Handle, LogicEnvironment, Parts};
