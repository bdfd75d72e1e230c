//! Environments, and what is asked of them.

use utakata_model::EnvironmentId;

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::environment::{
    EnvironmentView, NewOrder, NewSuspension, OrdersView, Suspension, SuspensionView,
};

/// A request to an environment, or to a kind in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentVerb {
    /// To begin nothing more.
    Pause,
    /// The same, and to stop its workers when what was begun has ended.
    Drain,
    /// To go on.
    Resume,
}

impl EnvironmentVerb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::Resume => "resume",
        }
    }
}

impl Client {
    /// The environments that were heard of.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn environments(&self) -> Result<Vec<EnvironmentView>, Error> {
        self.all("/v1/environments", &()).await
    }

    /// Asks an environment to stop something, or to go on; gives what is asked of it then.
    ///
    /// # Errors
    /// Nobody has heard of it, it does not serve the kind, or it is something else that is
    /// stopped.
    pub async fn order_environment(
        &self,
        id: &EnvironmentId,
        verb: EnvironmentVerb,
        order: &NewOrder,
    ) -> Result<OrdersView, Error> {
        let path = format!("/v1/environments/{id}/{}", verb.as_str());
        self.post(&path, order, ANSWER_TIMEOUT).await
    }

    /// Forgets an environment that is gone for good, or that has moved to another zone.
    ///
    /// # Errors
    /// Nobody has heard of it, or it is there.
    pub async fn forget_environment(&self, id: &EnvironmentId) -> Result<(), Error> {
        self.delete(&format!("/v1/environments/{id}")).await
    }

    /// Everything that people have stopped.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn orders(&self) -> Result<Vec<Suspension>, Error> {
        self.all("/v1/orders", &()).await
    }

    /// Asks a zone, a kind, an environment or a release to stop, or to go on.
    ///
    /// # Errors
    /// Nobody has heard of it, or it is something else that is stopped.
    pub async fn order(
        &self,
        verb: EnvironmentVerb,
        order: &NewSuspension,
    ) -> Result<SuspensionView, Error> {
        let path = format!("/v1/orders/{}", verb.as_str());
        self.post(&path, order, ANSWER_TIMEOUT).await
    }
}
