//! Policies in a closed loop: a simulated room, in which every act has its effect.
//!
//! ```text
//!   story (utilities fail, compressors, people close breakers)
//!     │
//!     ▼                 polled                          the policies' own
//!   Room::advance ──► readings ──► utakata_policy::decide ──► requests ──► utakata_envelope::gate
//!     ▲                                                                        │ admitted
//!     └──────────────────────────── devices: outlets, setpoints ◄──────────────┘
//! ```
//!
//! Pure: time is counted in steps, chance is that of a seed, so that two days pass in seconds and
//! every run can be had again. What is decided and what is held back is decided by the same functions
//! as at a site; what is simulated is the room, the reading of it, and the ledger's part of an
//! operation: recorded once, carried out once, read back.

#![warn(missing_docs)]

mod audit;
mod devices;
mod engine;
mod ledger;
mod report;
mod run;
mod scope;
mod site;
mod story;

#[cfg(test)]
mod tests;

pub use ledger::Gate;
pub use report::{Broken, Happened, Outcome, Promise, Report};
pub use run::{Config, Kills, run};
pub use site::Error;
