//! Discoveries, and proposals of targets.

use reqwest::Method;
use utakata_model::OperationId;

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    apply::Applied,
    discovery::{Accept, Discover, DiscoveryView, Dismiss, ProposalView},
};

impl Client {
    /// Begins to ask addresses what is there.
    ///
    /// # Errors
    /// The addresses are none, or a discovery runs already; and as every call: see [`Error`].
    pub async fn discover(&self, request: &Discover) -> Result<DiscoveryView, Error> {
        self.post("/v1/discoveries", request, ANSWER_TIMEOUT).await
    }

    /// Returns the latest discoveries, the oldest first.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn discoveries(&self) -> Result<Vec<DiscoveryView>, Error> {
        self.all("/v1/discoveries", &()).await
    }

    /// Returns a discovery.
    ///
    /// # Errors
    /// There is none with this identifier; and as every call: see [`Error`].
    pub async fn discovery(&self, id: OperationId) -> Result<DiscoveryView, Error> {
        self.get(&format!("/v1/discoveries/{id}"), &()).await
    }

    /// Ends a discovery before it has asked all addresses.
    ///
    /// # Errors
    /// There is none with this identifier; and as every call: see [`Error`].
    pub async fn cancel_discovery(&self, id: OperationId) -> Result<DiscoveryView, Error> {
        let path = format!("/v1/discoveries/{id}/cancel");
        let request = self.request(Method::POST, &path);
        self.json(&path, request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Returns all proposals of targets.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn proposals(&self) -> Result<Vec<ProposalView>, Error> {
        self.all("/v1/proposals", &()).await
    }

    /// Makes a target of a proposal, or changes the one that it is about.
    ///
    /// # Errors
    /// There is no such proposal, or the target has a mistake; and as every call: see [`Error`].
    pub async fn accept_proposal(&self, id: &str, accept: &Accept) -> Result<Applied, Error> {
        let path = format!("/v1/proposals/{id}/accept");
        self.post(&path, accept, ANSWER_TIMEOUT).await
    }

    /// Dismisses a proposal.
    ///
    /// # Errors
    /// There is no such proposal; and as every call: see [`Error`].
    pub async fn dismiss_proposal(&self, id: &str) -> Result<ProposalView, Error> {
        let path = format!("/v1/proposals/{id}/dismiss");
        self.post(&path, &Dismiss {}, ANSWER_TIMEOUT).await
    }
}
