//! Expressions as people write them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod checked;
mod total;
mod values;
