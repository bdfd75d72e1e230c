//! Policies as pure decisions: no clock, no IO, no async, no chance.
//!
//! ```text
//!  document ── check ──► Compiled ─┐
//!  view of the site, state, now ───┴─ decide ──► Decided: the next state, acts, hand-backs, why
//! ```
//!
//! [`decide`] is total (any number, hole and jump of the clock has a decision) and deterministic:
//! the same view, state and moment give the same decision, live and from history.

#![warn(missing_docs)]

mod back;
mod chain;
mod check;
mod choose;
mod compiled;
mod conflict;
mod decide;
mod effects;
mod evaluate;
mod renew;
mod request;
mod state;
mod view;

pub use check::Wrong;
pub use compiled::{Compiled, CompiledAct, InputOf};
pub use conflict::{Conflict, conflicts};
pub use decide::{Decided, Purpose, Word, decide};
pub use evaluate::{Evaluation, InputSeen, Known};
pub use request::{HandBack, Renewal, Request};
pub use state::{Acted, Change, Episode, Set, Stage, State, Swing, Timer};
pub use view::{Candidate, Cause, Fate, InputView, Sample, SampleValue, View};
