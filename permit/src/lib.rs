//! The permit of control: the promise that nothing is lost and nothing is done twice.
//!
//! A logic environment and the execution environments keep that promise together. Both halves are
//! decided here, side by side, without a clock, randomness or IO, so that every order of events can
//! be tested (`tests/it`):
//!
//! - [`life`]: the life of a task, as decided by the ledger of the logic environment,
//! - [`asks`]: the start of an attempt, as decided by an execution environment,
//! - [`message`]: the messages between the two,
//! - [`evidence`]: the proof that a target gives when it is read back.

pub mod asks;
pub mod evidence;
pub mod life;
pub mod message;

pub use evidence::Evidence;
