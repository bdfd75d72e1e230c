//! Rollouts, pins and placement.

use utakata_model::{Kind, RolloutId};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    ledger::Reason,
    rollout::{KindAssignment, NewRollout, Pins, Placement, Rollout},
};

/// The verb by which a person acts on a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutVerb {
    /// Stay in the present phase.
    Pause,
    /// Resume a paused rollout.
    Resume,
    /// Leave the present phase without further evidence.
    Promote,
    /// Return to the previous release.
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
    /// Returns all rollouts, newest first.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn rollouts(&self) -> Result<Vec<Rollout>, Error> {
        self.all("/v1/rollouts", &()).await
    }

    /// Returns one rollout.
    ///
    /// # Errors
    /// There is no rollout with this identifier.
    pub async fn rollout(&self, id: RolloutId) -> Result<Rollout, Error> {
        self.get(&format!("/v1/rollouts/{id}"), &()).await
    }

    /// Begins a rollout.
    ///
    /// # Errors
    /// There is no such kind or release, the release serves already, or the kind has another
    /// rollout under way.
    pub async fn begin_rollout(&self, requested: &NewRollout) -> Result<Rollout, Error> {
        self.post("/v1/rollouts", requested, ANSWER_TIMEOUT).await
    }

    /// Acts on a rollout and returns its new state.
    ///
    /// # Errors
    /// There is no rollout with this identifier, or its state does not allow this.
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
    pub async fn kind_desired(&self, kind: &Kind) -> Result<KindAssignment, Error> {
        self.get(&format!("/v1/kinds/{kind}/desired"), &()).await
    }

    /// Sets the pins of a kind: targets that keep a release of their own.
    ///
    /// # Errors
    /// There is no such kind or release.
    pub async fn pin_kind(&self, kind: &Kind, pins: &Pins) -> Result<KindAssignment, Error> {
        self.put_json(&format!("/v1/kinds/{kind}/pins"), pins).await
    }

    /// Sets the environments that serve a kind.
    ///
    /// # Errors
    /// There is no such kind.
    pub async fn place_kind(
        &self,
        kind: &Kind,
        placement: &Placement,
    ) -> Result<KindAssignment, Error> {
        self.put_json(&format!("/v1/kinds/{kind}/placement"), placement)
            .await
    }
}
