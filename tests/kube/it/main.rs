//! Tests of the cluster for tests: the contract that a real one keeps, and what only this one
//! can do.

mod contract;
mod faults;
mod images;
mod kubectl;
mod nodes;
mod site;
