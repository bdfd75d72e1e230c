//! Every store keeps the promises of a store.

pub mod conformance;
mod copy;
mod doubt;
pub mod doubtful;
mod full;
mod lost;
mod postgres;
mod recent;
mod sqlite;
