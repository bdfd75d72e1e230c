//! Alarms: decided where the ledger is kept, stored with it before they are told.
//!
//! ```text
//!  readings, outcomes, acts ──► keeper ──► engine (pure) ──► ledger: one transaction
//!                                 ▲            │ suspects             │ written
//!                                 └── reads ◄──┘                      ▼
//!                                            inter connect, API, channels out
//! ```

mod alertmanager;
mod causes;
mod channel;
mod engine;
mod error;
mod keeper;
mod mail;
mod own;
mod parts;
mod record;
pub mod replay;
mod rules;
mod shown;
mod told;
mod trends;
mod trouble;
mod view;
mod watched;

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};
use utakata_alarm::Seen;
use utakata_api::alarm::AlarmView;
use utakata_model::{AlarmId, Outcome, OutcomeStatus, Readings, TargetName};

pub use self::{
    error::Error,
    keeper::AlarmKeeper,
    own::OwnFigures,
    parts::Parts,
    rules::Rules,
    shown::{Shown, order},
    trouble::Troubles,
    view::{Filter, freshened},
};
use crate::{inventory::TargetEntry, observed::Contact};

/// The number of inputs that may wait. Readings beyond it are left out and counted: the next one
/// says the same.
const INPUTS: usize = 65_536;

/// The alarms. Cheap to clone.
#[derive(Clone)]
pub struct Alarms {
    inputs: mpsc::Sender<Input>,
    shown: Arc<RwLock<Shown>>,
    figures: Arc<OwnFigures>,
}

/// Everything that the keeper of alarms hears.
#[derive(Debug)]
enum Input {
    Readings(Arc<TargetEntry>, Arc<Readings>, Timestamp),
    /// An attempt to observe a target has ended.
    Ended(Arc<TargetEntry>, Contact),
    /// A target is locked until a time, or not.
    Locked(TargetName, Option<Timestamp>),
    Act(Act, oneshot::Sender<Result<AlarmView, Error>>),
}

/// An act of a person on an alarm.
#[derive(Debug, Clone)]
pub struct Act {
    pub alarm: AlarmId,
    pub verb: ActVerb,
    pub by: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActVerb {
    Acknowledge,
    /// Until a time.
    Shelve(Timestamp),
    Unshelve,
}

impl Alarms {
    /// Creates the alarms, and their keeper, which runs in the background.
    pub fn new(parts: Parts) -> (Self, AlarmKeeper) {
        let (sender, inputs) = mpsc::channel(INPUTS);
        let alarms = Self {
            inputs: sender,
            shown: Arc::default(),
            figures: Arc::default(),
        };
        let shown = Arc::clone(&alarms.shown);
        let figures = Arc::clone(&alarms.figures);
        (alarms, AlarmKeeper::new(parts, inputs, shown, figures))
    }

    /// Hears readings of a target. Never waits.
    pub fn saw(&self, entry: &Arc<TargetEntry>, readings: &Arc<Readings>) {
        let now = crate::clock::now();
        let input = Input::Readings(Arc::clone(entry), Arc::clone(readings), now);
        if self.inputs.try_send(input).is_err() {
            self.figures.missed();
        }
    }

    /// Hears the end of an attempt to observe a target. Never waits.
    pub fn ended(&self, entry: &Arc<TargetEntry>, outcome: &Outcome) {
        if outcome.status == OutcomeStatus::Cancelled {
            return;
        }
        let input = Input::Ended(Arc::clone(entry), Contact::of(outcome));
        if self.inputs.try_send(input).is_err() {
            self.figures.missed();
        }
    }

    /// Hears that a target was locked until a time, or unlocked.
    pub async fn locked(&self, target: TargetName, until: Option<Timestamp>) {
        // Where alarms are not kept any more, whoever keeps them reads the locks.
        let _ = self.inputs.send(Input::Locked(target, until)).await;
    }

    /// Carries out an act of a person. When it returns, it is recorded.
    ///
    /// # Errors
    /// There is no such alarm, it cannot be done to it, or it could not be recorded.
    pub async fn act(&self, act: Act) -> Result<AlarmView, Error> {
        let (to, answer) = oneshot::channel();
        let sent = self.inputs.send(Input::Act(act, to)).await;
        sent.map_err(|_| Error::Ending)?;
        answer.await.map_err(|_| Error::Ending)?
    }

    /// Looks at the alarms as they were last recorded.
    pub fn look<R>(&self, look: impl FnOnce(&Shown) -> R) -> R {
        look(&self.shown.read())
    }

    /// Returns utakata's own figures, which alarms watch.
    pub fn figures(&self) -> &Arc<OwnFigures> {
        &self.figures
    }
}
