//! Envelopes as a pure gate: what may be begun now, whoever asks.
//!
//! ```text
//!  envelopes, acts (permits that were written down), the site, a task, a moment
//!        │
//!        ▼
//!      gate ──► admit │ wait (for so long, why) │ refuse (why)
//! ```
//!
//! Acts are counted in **ledger time**: the time for which a ledger was kept, which is written with
//! them. It never runs faster than the clocks of the world, whatever is killed, started or set; so a
//! window that is counted in it errs towards fewer acts.

#![warn(missing_docs)]

mod act;
mod check;
mod gate;
mod in_force;
mod quiet;
mod site;

pub use act::{Act, Acts};
pub use check::{Wrong, check};
pub use gate::{Moment, Task, Verdict, gate};
pub use in_force::{Bound, InForce};
pub use site::{Feed, Seen, Site};
