//! Every store keeps the promises of a store.

mod conformance;
mod postgres;
mod sqlite;
