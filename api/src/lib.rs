//! The HTTP API of the logic environment: types, typed client, and `openapi.json`.

#![warn(missing_docs)]

pub mod alarm;
pub mod apply;
pub mod audit;
pub mod client;
pub mod discovery;
pub mod environment;
pub mod event;
pub mod history;
pub mod inventory;
pub mod ledger;
pub mod login;
pub mod operation;
pub mod overview;
pub mod page;
pub mod person;
pub mod policy;
pub mod problem;
pub mod reading;
pub mod relation;
pub mod release;
pub mod rollout;
pub mod secret;
pub mod status;
pub mod task;
pub mod view;

pub use client::Client;
pub use problem::Problem;
