//! Blocks: rows of one source in columns, sealed, never changed.
//!
//! ```text
//! "uB" version crc  rows  seen  heard  dictionary  holes  directory  columns
//! ```
//!
//! The times are kept once for all values of a row. Numbers are columns of pco, or one number if
//! all are the same. Texts are numbers of a dictionary, kept only where they change. The checksum
//! is verified before anything else is read, and no length is believed.

mod build;
mod column;
mod read;

pub use build::{Builder, concatenate, from_rows};
pub use column::{Column, Shape};
pub(crate) use column::{put_numbers, skip_numbers, take_numbers};
pub use read::Block;

/// The largest number of rows in a block.
pub const MAX_ROWS: usize = 1 << 17;
/// The largest number of cells in a block: rows times columns.
pub const MAX_CELLS: usize = 1 << 23;

const MAGIC: [u8; 2] = *b"uB";
const VERSION: u8 = 1;
/// The bytes before those that the checksum covers.
const HEAD: usize = 7;

#[cfg(test)]
pub(crate) mod tests;
