//! Logging in by an identity provider.

use reqwest::Method;
use utakata_model::PersonName;

use super::{ANSWER_TIMEOUT, Client, Error, Trust, trust};
use crate::{
    login::{DeviceAnswer, DeviceLogin, DeviceQuestion, LoginOptions},
    person::{NewLink, PersonView},
};

impl Client {
    /// Creates a client of somebody who has no token yet, and can only log in.
    ///
    /// # Errors
    /// The HTTP client could not be set up.
    pub fn stranger(url: &str, trust: &Trust) -> Result<Self, Error> {
        let builder = trust.builder(trust::is_tls(url));
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self {
            http: builder.build().map_err(Error::Build)?,
            base: url.clone(),
            url,
            authorization: None,
        })
    }

    /// Returns the ways to log in besides tokens.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn login_options(&self) -> Result<LoginOptions, Error> {
        self.get("/v1/login", &()).await
    }

    /// Begins a login that somebody agrees to in a browser.
    ///
    /// # Errors
    /// There is no identity provider, or it is away, or does not do that.
    pub async fn begin_login(&self) -> Result<DeviceLogin, Error> {
        let request = self.request(Method::POST, "/v1/login/device");
        self.json("/v1/login/device", request.timeout(ANSWER_TIMEOUT))
            .await
    }

    /// Asks whether it was agreed to.
    ///
    /// # Errors
    /// It was refused, or has taken too long.
    pub async fn ask_login(&self, code: &str) -> Result<DeviceAnswer, Error> {
        let question = DeviceQuestion {
            code: code.to_owned(),
        };
        self.post("/v1/login/device/token", &question, ANSWER_TIMEOUT)
            .await
    }

    /// Ends the login to which the token of this client belongs.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn end_login(&self) -> Result<(), Error> {
        self.delete("/v1/session").await
    }

    /// Says who at the identity provider a person is.
    ///
    /// # Errors
    /// There is nobody of this name, or somebody else is that one.
    pub async fn link_person(
        &self,
        name: &PersonName,
        link: &NewLink,
    ) -> Result<PersonView, Error> {
        self.put_json(&format!("/v1/people/{name}/link"), link)
            .await
    }
}
