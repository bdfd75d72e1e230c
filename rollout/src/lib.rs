//! A rollout from one release to the next: the evidence about the candidate and the decisions that
//! follow, in one environment and in all of them. No IO, clock or randomness.
//!
//! In an environment:
//!
//! ```text
//!              candidate's worker     compared         share by share      took over, watched
//! waiting ─► starting ─────► shadow ─────► canary ──────────► rolling ─────────► done
//!                └──────────────┴──────────────┴──────────────────┴───────────────► back
//! ```
//!
//! - [`RolloutRun`]: one rollout as it proceeds; `phases` determines the next step,
//! - [`compare`]: the comparison of a candidate's reads with those of the stable release,
//! - [`Recent`], [`Decision`]: the memory of it, in RAM and on disk.
//!
//! In all environments of a zone, by the logic environment: [`site`].

pub mod compare;
mod decision;
mod enough;
mod evidence;
mod judge;
mod order;
mod phases;
mod run;
mod share;
pub mod site;
mod statistics;

pub use decision::Decision;
pub use evidence::Recent;
pub use order::Order;
pub use phases::Facts;
pub use run::{Change, RolloutRun, Summary};

#[cfg(test)]
fn candidate() -> utakata_model::ReleaseId {
    utakata_model::ReleaseId {
        kind: "echo".parse().unwrap(),
        version: "2".into(),
        digest: utakata_model::ReleaseDigest("echo-2".into()),
    }
}
