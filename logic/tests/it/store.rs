//! Every store keeps the promises of a store.

mod conformance;
mod doubt;
pub mod doubtful;
mod postgres;
mod sqlite;
