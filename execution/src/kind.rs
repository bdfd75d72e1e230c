//! One kind in this environment: it fetches its tasks, lets its workers run them, and publishes the
//! outcomes. Everything of a kind has one owner, and kinds do not wait for each other.
//!
//! The [`Service`] waits and acts: it has the clock, randomness and all channels. Decisions are
//! made by machines, each of which owns its fields and knows nothing of the others. The
//! [`State`](state::State) passes each event from one to the next, and collects the effects.
//!
//! ```text
//!   orders   deliveries   reports   permits, records   time
//!      └─────────┴───────────┼─────────────┴─────────────┘
//!                         Service ──► start, kill, park, send (workers)
//!                    events │  ▲      acknowledge, give back, ask, publish (the world)
//!                           ▼  │ effects
//!                          State
//!   Lifecycle ── stopped, going over, ending: whether new tasks are taken
//!   Lanes ────── waiting tasks, by target: conversations, rates, breakers
//!   Silences ─── the evidence of an outcome about its target
//!   Permits ──── control that is asked for, or permitted and not begun
//!   Attempts ─── the attempts of workers, and whether they may have begun
//!   Unrecorded ─ outcomes of control, repeated until they are recorded
//!   Unproven ─── outcomes of control whose workers are out of reach
//!   Workers ──── pools of workers: life and death, load, size, handover
//!   Rollout ──── decisions about a candidate, and the releases that serve
//!   Shadows ──── reads that are repeated to compare a candidate
//! ```
//!
//! A task goes from the lanes (control by way of the permits) to the attempts of a worker, and ends
//! as an outcome, of which the workers, the rollout and the lanes are informed.

mod attempts;
mod lanes;
mod lifecycle;
mod outcome;
mod permits;
mod rollout;
mod service;
mod shadows;
mod silence;
mod state;
mod unproven;
mod unrecorded;
mod workers;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use tokio::{sync::mpsc, time::Instant};
use utakata_interconnect::{Events, Sender, Tasks};
use utakata_model::{Stop, Zone};

use crate::{
    Config,
    catalogue::Chosen,
    decisions::DecisionLog,
    endpoint::Admission,
    lives::Lives,
    loans::Loans,
    quota::WorkerQuota,
    routes::Routes,
    runtime::{Door, Runtime},
    status::StatusBoard,
};
pub(crate) use service::{Handover, Inherited, Service};
pub(crate) use workers::Failures;

/// The desired state of a kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Order {
    /// The releases to serve; none: finish running tasks, then end.
    pub(crate) releases: Vec<Chosen>,
    /// The rollout to another one of them.
    pub(crate) rollout: Option<utakata_rollout::Order>,
    /// The stop of all of its releases.
    pub(crate) stop: Option<Stop>,
    /// The moment by which everything is to be ready for another program in this process.
    pub(crate) hold: Option<Instant>,
    /// The stops of single versions.
    pub(crate) stops: BTreeMap<Arc<str>, Stop>,
    /// Versions that are to serve and are not here yet: their tasks wait.
    pub(crate) coming: BTreeSet<Arc<str>>,
    /// The moment at which everything that runs is given up.
    pub(crate) give_up_at: Option<Instant>,
}

/// Everything that all kinds of an environment share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) config: Arc<Config>,
    pub(crate) zone: Zone,
    /// The next number of a worker.
    pub(crate) worker_numbers: Arc<AtomicU64>,
    /// No kind has used this number of an ask in this life, or a later one: a service that begins
    /// again goes on here, because the permit for an ask of the one before is none of its own.
    pub(crate) next_ask: Arc<AtomicU64>,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) runtime: Arc<dyn Runtime>,
    /// The socket to which workers connect.
    pub(crate) socket: PathBuf,
    /// The address to which those connect that may not use it.
    pub(crate) loopback: Option<SocketAddr>,
    /// The place to which those on other machines connect.
    pub(crate) door: Option<Arc<Door>>,
    pub(crate) board: StatusBoard,
    /// The workers that all of them may run together.
    pub(crate) quota: WorkerQuota,
    /// The sender of requests for permits.
    pub(crate) me: Sender,
    pub(crate) routes: Routes,
    /// The credentials lent to this environment.
    pub(crate) loans: Loans,
    /// The decisions about rollouts.
    pub(crate) decisions: DecisionLog,
    /// The record of the workers' processes.
    pub(crate) lives: Lives,
    pub(crate) admission: Admission,
    /// The receiver of what kinds leave to another program.
    pub(crate) handovers: mpsc::Sender<Handover>,
}
