//! A rollout from one release to the next: what is seen of the candidate, and what is decided
//! because of it, in one environment and in all of them. No IO, no clock and no chance.
//!
//! In an environment:
//!
//! ```text
//!              candidate's worker     compared         share by share      took over, watched
//! waiting ─► starting ─────► shadow ─────► canary ──────────► rolling ─────────► done
//!                └──────────────┴──────────────┴──────────────────┴───────────────► back
//! ```
//!
//! - [`RolloutRun`]: one rollout, as it goes on; `phases` says what is next,
//! - [`compare`]: whether a candidate reads what the stable release reads,
//! - [`Recent`], [`Decision`]: what is remembered besides, in memory and on disk.
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
