//! Well-behaved and misbehaving programs as workers.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod bent;
mod examples;
