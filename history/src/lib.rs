//! History: every reading kept, compressed, in bounded space, and found again.
//!
//! ```text
//! record ─► journal (an hour, synced) ─► blocks of an hour ─► blocks of a day ─► gone
//!                                                        └─► tier of hours ─────► gone, later
//! ```
//!
//! Decisions are pure: [`plan`], [`rate`], [`aggregate`], [`gap`]; so are the formats: [`block`],
//! [`journal`], [`tier`]. [`Embedded`] does the IO, on threads of its own.

#![allow(
    missing_docs,
    reason = "only utakata itself uses this crate: a name that says enough needs no comment"
)]

pub mod aggregate;
pub mod block;
pub mod bytes;
pub mod dictionary;
pub mod embedded;
pub mod file;
pub mod gap;
pub mod journal;
pub mod plan;
pub mod query;
pub mod rate;
pub mod row;
pub mod tier;
pub mod time;

/// Returns the checksum that blocks and hours have.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

pub use aggregate::Aggregate;
pub use embedded::Embedded;
pub use gap::Gap;
pub use query::{Attempt, Error, History, Query, Tick, Track};
pub use row::{Point, Record, Sample, Series, What};
pub use time::Range;
