//! Fuzz targets for everything that reads bytes from strangers: no input may make it panic, hang or
//! exhaust memory, and whatever was read must survive being written and read again.
//!
//! Each function is a target of `cargo fuzz`, and runs over its seeds in the ordinary tests.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a target reports what it found"
)]

mod documents;
mod frames;
mod history;
mod rules;
mod selector;
mod snmp;
mod wire;

pub use documents::documents;
pub use frames::frames;
pub use history::history;
pub use rules::rules;
pub use selector::selector;
pub use snmp::snmp;
pub use wire::wire;

/// A text from bytes; `None` if they are not UTF-8.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
