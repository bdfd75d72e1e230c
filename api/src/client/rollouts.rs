//! Rollouts, and which releases serve.

use utakata_model::{Kind, RolloutId};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    ledger::Reason,
    rollout::{KindAsked, NewRollout, Pins, Placement, Rollout},
};

/// A verb of a person about a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutVerb {
    /// To stay where it is.
    Pause,
    /// To go on.
    Resume,
    /// To leave the phase it is in without more evidence.
    Promote,
    /// To go back.
    Abort,
}

impl RolloutVerb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::Abort => "abort",
        }
    }
}

impl Client {
    /// All rollouts, newest first.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn rollouts(&self) -> Result<Vec<Rollout>, Error> {
        self.all("/v1/rollouts", &()).await
    }

    /// A rollout.
    ///
    /// # Errors
    /// There is none of this id.
    pub async fn rollout(&self, id: RolloutId) -> Result<Rollout, Error> {
        self.get(&format!("/v1/rollouts/{id}"), &()).await
    }

    /// Begins one.
    ///
    /// # Errors
    /// There is no such kind or release, it serves already, or the kind is on its way already.
    pub async fn begin_rollout(&self, asked: &NewRollout) -> Result<Rollout, Error> {
        self.post("/v1/rollouts", asked, ANSWER_TIMEOUT).await
    }

    /// Decides about one; gives how it is then.
    ///
    /// # Errors
    /// There is none of this id, or it is not in its state.
    pub async fn change_rollout(
        &self,
        id: RolloutId,
        verb: RolloutVerb,
        reason: &Reason,
    ) -> Result<Rollout, Error> {
        let path = format!("/v1/rollouts/{id}/{}", verb.as_str());
        self.post(&path, reason, ANSWER_TIMEOUT).await
    }

    /// Returns the desired state of a kind.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn kind_desired(&self, kind: &Kind) -> Result<KindAsked, Error> {
        self.get(&format!("/v1/kinds/{kind}/desired"), &()).await
    }

    /// Says which targets of a kind keep which release.
    ///
    /// # Errors
    /// There is no such kind or release.
    pub async fn pin_kind(&self, kind: &Kind, pins: &Pins) -> Result<KindAsked, Error> {
        self.put_json(&format!("/v1/kinds/{kind}/pins"), pins).await
    }

    /// Says which environments serve a kind.
    ///
    /// # Errors
    /// There is no such kind.
    pub async fn place_kind(&self, kind: &Kind, placement: &Placement) -> Result<KindAsked, Error> {
        self.put_json(&format!("/v1/kinds/{kind}/placement"), placement)
            .await
    }
}
