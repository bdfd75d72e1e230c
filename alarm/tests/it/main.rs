//! Alarms, as pure decisions.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod causes;
mod life;
mod replays;
mod rules;
mod steps;
