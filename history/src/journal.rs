//! The journal: rows as they come, one file for each hour, synced each second.
//!
//! ```text
//! marker length crc payload   marker length crc payload   ...
//! ```
//!
//! A row is found by its place, so that rows which are not sealed yet need no memory. Texts are
//! written where they change, and now and then all of them, so that a reader need not begin at the
//! beginning of the file.
//! Behind a damaged row the reader goes on at the next marker whose checksum matches.

mod file;
mod frame;
mod row;

pub use file::{Journal, Writer};
pub use frame::{Step, frame, step};
pub use row::{Cell, JournalRow, RowHead, Texts, decode, encode_hole, encode_values, row_head};

#[cfg(test)]
pub(crate) mod tests;
