//! People, services, tokens and roles.

use std::time::Duration;

use serde::Serialize;
use utakata_model::{Binding, BindingName, PersonName, TokenName, duration};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::person::{NewBinding, NewToken, PersonView, RoleView, TokenView};

/// A token to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// True for a service, which acts on its own behalf.
    pub service: bool,
    /// The time for which the token is accepted.
    pub lasts: Option<Duration>,
}

#[derive(Serialize)]
struct TokenQuery {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    service: bool,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    lasts: Option<String>,
}

impl Client {
    /// Returns everybody who has access, without their tokens.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn people(&self) -> Result<Vec<PersonView>, Error> {
        self.all("/v1/people", &()).await
    }

    /// Creates a new token for a person or service, who may be new. It is shown only this once.
    ///
    /// # Errors
    /// The person is `admin`, whose token is in a file of the server.
    pub async fn put_person(
        &self,
        name: &PersonName,
        request: TokenRequest,
    ) -> Result<NewToken, Error> {
        self.new_token(&format!("/v1/people/{name}"), request).await
    }

    /// Removes a person or service, with all tokens and roles.
    ///
    /// # Errors
    /// There is nobody of this name, or it is `admin`.
    pub async fn delete_person(&self, name: &PersonName) -> Result<(), Error> {
        self.delete(&format!("/v1/people/{name}")).await
    }

    /// Returns all tokens, without the tokens themselves.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn tokens(&self) -> Result<Vec<TokenView>, Error> {
        self.all("/v1/tokens", &()).await
    }

    /// Creates a token for somebody, replacing one of the same name.
    ///
    /// # Errors
    /// There is nobody of this name, or it is `admin`.
    pub async fn put_token(
        &self,
        owner: &PersonName,
        name: &TokenName,
        request: TokenRequest,
    ) -> Result<NewToken, Error> {
        let path = format!("/v1/people/{owner}/tokens/{name}");
        self.new_token(&path, request).await
    }

    /// Confirms that the owner of a token is the person who has it.
    ///
    /// # Errors
    /// There is no such token, or the caller could have made it.
    pub async fn confirm_token(
        &self,
        owner: &PersonName,
        name: &TokenName,
    ) -> Result<TokenView, Error> {
        let path = format!("/v1/people/{owner}/tokens/{name}/confirm");
        let request = self.request(reqwest::Method::POST, &path);
        self.json(&path, request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// There is no such token.
    pub async fn delete_token(&self, owner: &PersonName, name: &TokenName) -> Result<(), Error> {
        let path = format!("/v1/people/{owner}/tokens/{name}");
        self.delete(&path).await
    }

    /// Returns the roles of everybody.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn bindings(&self) -> Result<Vec<Binding>, Error> {
        self.all("/v1/bindings", &()).await
    }

    /// Gives somebody a role.
    ///
    /// # Errors
    /// There is nobody of this name, or it is the caller.
    pub async fn put_binding(
        &self,
        name: &BindingName,
        binding: &NewBinding,
    ) -> Result<Binding, Error> {
        self.put_json(&format!("/v1/bindings/{name}"), binding)
            .await
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// There is no such binding.
    pub async fn delete_binding(&self, name: &BindingName) -> Result<(), Error> {
        self.delete(&format!("/v1/bindings/{name}")).await
    }

    /// Returns the built-in roles.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn roles(&self) -> Result<Vec<RoleView>, Error> {
        self.all("/v1/roles", &()).await
    }

    async fn new_token(&self, path: &str, request: TokenRequest) -> Result<NewToken, Error> {
        let query = TokenQuery {
            service: request.service,
            lasts: request.lasts.map(duration::format),
        };
        let request = self.request(reqwest::Method::PUT, path).query(&query);
        self.json(path, request.timeout(ANSWER_TIMEOUT)).await
    }
}
