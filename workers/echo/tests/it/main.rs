//! The echo worker as a process, through the real protocol.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod conformance;
