//! Tests of the cluster for tests: the contract that a real one keeps, and what only this one
//! can do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod contract;
mod faults;
mod images;
mod kubectl;
mod nodes;
mod site;
