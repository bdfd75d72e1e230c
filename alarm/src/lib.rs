//! Alarms as pure decisions: no clock, no IO, no async.
//!
//! ```text
//!  rule ── compile ──► Compiled ─┐
//!  value, silence, time ─────────┴─ step ──► State, Change      is it so?
//!  Change, people, locks, causes ── Facts::on ──► Facts, Notice  who is told?
//!  relations, other alarms ──────── explain ──► cause            what explains it?
//!  the past of a series ──────────── Replay ───► Spell            when would it have been so?
//! ```

#![warn(missing_docs)]

mod check;
mod compiled;
mod condition;
mod explain;
mod facts;
mod inputs;
mod isa;
mod quantity;
mod replay;
mod report;
mod shipped;
mod text;
mod trend;

pub use check::Wrong;
pub use compiled::{Compiled, Watch};
pub use condition::{Change, Heard, Lasting, State, step};
pub use explain::{Explanation, Parent, Standing, Topology, explain};
pub use facts::{Event, Facts, Held, Hold, Notice, Seen};
pub use inputs::Subject;
pub use isa::{IsaState, isa};
pub use quantity::of as type_of;
pub use replay::{Replay, Spell};
pub use report::{Occurrence, Report, report};
pub use shipped::shipped;
pub use text::{Template, number};
pub use trend::Trend;
