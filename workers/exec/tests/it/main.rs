//! Programs that behave well and programs that do not, as workers.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod bent;
mod examples;
