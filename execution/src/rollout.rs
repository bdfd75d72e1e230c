//! The way of a kind from one release to the next, in this environment: what is seen of the
//! candidate, and what is decided because of it. No IO and no clock, but in `book`.
//!
//! ```text
//!              candidate's worker     compared         share by share      took over, watched
//! waiting ─► starting ──────► shadow ──────► canary ──────────► rolling ─────────► done
//!                └──────────────┴──────────────┴──────────────────┴───────────────► back
//! ```

pub(crate) mod book;
pub(crate) mod compare;
mod enough;
pub(crate) mod evidence;
mod judge;
mod machine;
mod order;
mod share;
mod way;

pub(crate) use book::{Book, Kept};
pub(crate) use evidence::Recent;
pub(crate) use machine::Facts;
pub(crate) use order::Order;
pub(crate) use way::{Changed, Short, Way};
