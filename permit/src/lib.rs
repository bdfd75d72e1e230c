//! The permit of control: the promise that nothing is lost and nothing is done twice.
//!
//! A logic environment and the execution environments keep that promise together. Both halves
//! are decided here, side by side, without a clock, chance or IO, so that every order of events
//! can be tried (`tests/it`):
//!
//! - [`life`]: what becomes of a task, as the ledger of the logic environment decides it,
//! - [`asks`]: whether an attempt may begin, as an execution environment decides it,
//! - [`message`]: what the two say to each other,
//! - [`evidence`]: what a target proves when it is read back.

pub mod asks;
pub mod evidence;
pub mod life;
pub mod message;

pub use evidence::Evidence;
