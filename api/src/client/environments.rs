//! Environments, and the orders to them.

use reqwest::Method;
use utakata_model::EnvironmentId;

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::environment::{
    AcceptanceView, EnvironmentView, NewAcceptance, NewOrder, NewSuspension, OrdersView,
    Suspension, SuspensionView,
};

/// An order to an environment, or to one kind in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentVerb {
    /// Begin no further tasks.
    Pause,
    /// Begin no further tasks, and stop the workers when the running ones have ended.
    Drain,
    /// Resume work.
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
    /// Returns the known environments.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn environments(&self) -> Result<Vec<EnvironmentView>, Error> {
        self.all("/v1/environments", &()).await
    }

    /// Orders an environment to stop something or to resume it, and returns the orders that now
    /// apply.
    ///
    /// # Errors
    /// The environment is unknown or does not serve the kind, or it was stopped by another order.
    pub async fn order_environment(
        &self,
        id: &EnvironmentId,
        verb: EnvironmentVerb,
        order: &NewOrder,
    ) -> Result<OrdersView, Error> {
        let path = format!("/v1/environments/{id}/{}", verb.as_str());
        self.post(&path, order, ANSWER_TIMEOUT).await
    }

    /// Accepts the key that an environment reports, for its zone.
    ///
    /// # Errors
    /// The environment is unknown, or has no key, or not the one with this fingerprint.
    pub async fn accept_environment(
        &self,
        id: &EnvironmentId,
        acceptance: &NewAcceptance,
    ) -> Result<AcceptanceView, Error> {
        let path = format!("/v1/environments/{id}/accept");
        self.post(&path, acceptance, ANSWER_TIMEOUT).await
    }

    /// Revokes the key of an environment.
    ///
    /// # Errors
    /// The environment is unknown, or has no key.
    pub async fn revoke_environment(&self, id: &EnvironmentId) -> Result<AcceptanceView, Error> {
        let path = format!("/v1/environments/{id}/revoke");
        let request = self.request(Method::POST, &path);
        self.json(&path, request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Forgets an environment that is gone for good, or that has moved to another zone.
    ///
    /// # Errors
    /// The environment is unknown, or it is running.
    pub async fn forget_environment(&self, id: &EnvironmentId) -> Result<(), Error> {
        self.delete(&format!("/v1/environments/{id}")).await
    }

    /// Returns every order by which somebody has stopped something.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn orders(&self) -> Result<Vec<Suspension>, Error> {
        self.all("/v1/orders", &()).await
    }

    /// Orders a zone, kind, environment or release to stop or to resume.
    ///
    /// # Errors
    /// It is unknown, or it was stopped by another order.
    pub async fn order(
        &self,
        verb: EnvironmentVerb,
        order: &NewSuspension,
    ) -> Result<SuspensionView, Error> {
        let path = format!("/v1/orders/{}", verb.as_str());
        self.post(&path, order, ANSWER_TIMEOUT).await
    }
}
