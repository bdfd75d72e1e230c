//! A typed client of the HTTP API.

mod alarms;
mod clock;
mod discovery;
mod environments;
mod error;
mod events;
mod ledger;
mod lists;
mod login;
mod notifications;
mod people;
mod policies;
pub mod relay;
mod releases;
mod rollouts;
mod secrets;
mod sse;
mod trust;
mod webhook;

use std::{path::Path, time::Duration};

use reqwest::{Method, RequestBuilder, Response, header};
use serde::{Serialize, de::DeserializeOwned};
use utakata_model::{OperationId, TaskId};

pub use alarms::AlarmQuery;
pub use clock::server_now;
pub use environments::EnvironmentVerb;
pub use error::Error;
pub use events::{EventStream, Followed};
pub use ledger::Verb;
pub use lists::{HistoryQuery, ReadingQuery, TaskQuery};
pub use notifications::NotificationQuery;
pub use people::TokenRequest;
pub use releases::Pushed;
pub use rollouts::RolloutVerb;
pub use trust::Trust;
pub use webhook::Webhook;

use crate::{
    Problem,
    apply::{Applied, Apply},
    operation::{Control, ControlAnswer, OperationView, Read},
    overview::Overview,
    status::Status,
    task::TaskView,
};

/// The deadline of a request that does not itself wait for something.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The header with the key of the local socket: the content of a file that the user of the server can
/// read, and a confined worker cannot.
pub const LOCAL_KEY: &str = "utakata-local-key";
/// The deadline for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of one logic environment. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    /// The beginning of the URLs of requests. It is not `url` where they go over a socket.
    base: String,
    /// The bearer token; absent where the socket tells the server who asks.
    authorization: Option<header::HeaderValue>,
}

impl Client {
    /// Creates a client of the API at a URL such as `http://127.0.0.1:7700`, with a bearer token.
    ///
    /// # Errors
    /// The token has characters that no HTTP header can carry.
    pub fn new(url: &str, token: &str) -> Result<Self, Error> {
        Self::trusting(url, token, &Trust::default())
    }

    /// Creates a client that accepts the certificates of certain authorities.
    ///
    /// # Errors
    /// The token has characters that no HTTP header can carry.
    pub fn trusting(url: &str, token: &str, trust: &Trust) -> Result<Self, Error> {
        let mut authorization = header::HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| Error::Token)?;
        authorization.set_sensitive(true);
        let builder = trust.builder(trust::is_tls(url));
        let http = builder.build().map_err(Error::Build)?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self {
            http,
            base: url.clone(),
            url,
            authorization: Some(authorization),
        })
    }

    /// Creates a client that reaches the server at a URL by its unix socket, as the user of the
    /// server, which the key of the socket proves.
    ///
    /// # Errors
    /// The HTTP client could not be set up, or the key has characters that no HTTP header can carry.
    pub fn local(url: &str, socket: &Path, key: &str) -> Result<Self, Error> {
        let mut key = header::HeaderValue::from_str(key.trim()).map_err(|_| Error::Token)?;
        key.set_sensitive(true);
        let headers = [(header::HeaderName::from_static(LOCAL_KEY), key)];
        let builder = Trust::default().builder(false).unix_socket(socket);
        let builder = builder.default_headers(headers.into_iter().collect());
        Ok(Self {
            http: builder.build().map_err(Error::Build)?,
            url: url.trim_end_matches('/').to_owned(),
            base: "http://localhost".into(),
            authorization: None,
        })
    }

    /// Returns the URL of the server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the status of the system.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn status(&self) -> Result<Status, Error> {
        self.get("/v1/status", &()).await
    }

    /// Returns the overview of the site: its present findings, and counts of everything.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn overview(&self) -> Result<Overview, Error> {
        self.get("/v1/overview", &()).await
    }

    /// Makes the site as the documents describe, completely or not at all.
    ///
    /// # Errors
    /// A document is wrong: the problem lists every mistake.
    pub async fn apply(&self, apply: &Apply) -> Result<Applied, Error> {
        self.post("/v1/apply", apply, ANSWER_TIMEOUT).await
    }

    /// Reads targets now.
    ///
    /// # Errors
    /// The selector matches nothing, or the action is not possible.
    pub async fn read(&self, read: &Read) -> Result<OperationView, Error> {
        self.post("/v1/reads", read, ANSWER_TIMEOUT + read.wait)
            .await
    }

    /// Controls targets, or returns the plan of what would be done.
    ///
    /// # Errors
    /// Nothing was sent: the selector matches nothing, or the action is not possible.
    pub async fn control(&self, control: &Control) -> Result<ControlAnswer, Error> {
        let within = ANSWER_TIMEOUT + control.wait;
        self.post("/v1/operations", control, within).await
    }

    /// Returns an operation and its progress.
    ///
    /// # Errors
    /// There is no operation with this identifier.
    pub async fn operation(&self, id: OperationId) -> Result<OperationView, Error> {
        self.get(&format!("/v1/operations/{id}"), &()).await
    }

    /// Returns a task and its progress.
    ///
    /// # Errors
    /// There is no task with this identifier.
    pub async fn task(&self, id: TaskId) -> Result<TaskView, Error> {
        self.get(&format!("/v1/tasks/{id}"), &()).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Error> {
        let request = self.request(Method::GET, path).query(query);
        self.json(path, request.timeout(ANSWER_TIMEOUT)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<T, Error> {
        let request = self.request(Method::POST, path).json(body);
        self.json(path, request.timeout(within)).await
    }

    async fn put_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let request = self.request(Method::PUT, path).json(body);
        self.json(path, request.timeout(ANSWER_TIMEOUT)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization.clone()),
            None => request,
        }
    }

    async fn json<T: DeserializeOwned>(
        &self,
        path: &str,
        request: RequestBuilder,
    ) -> Result<T, Error> {
        let response = self.send(request).await?;
        let body = response.bytes().await.map_err(|source| self.away(source))?;
        serde_json::from_slice(&body).map_err(|source| self.strange(path, source))
    }

    /// Sends a request, and turns any answer other than 2xx into an error.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|source| self.away(source))?;
        clock::note(response.headers());
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|source| self.away(source))?;
        Err(match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Error::Refused(Box::new(problem)),
            Err(_) => Error::NotOurs {
                url: self.url.clone(),
                status,
            },
        })
    }

    fn away(&self, source: reqwest::Error) -> Error {
        let url = self.url.clone();
        if source.is_timeout() {
            return Error::Silent { url, source };
        }
        Error::Unreachable { url, source }
    }

    fn strange(&self, path: &str, source: serde_json::Error) -> Error {
        Error::Strange {
            url: format!("{}{path}", self.url),
            source,
        }
    }
}

#[cfg(test)]
mod tests;
