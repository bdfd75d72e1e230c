//! Relaying of requests, unchanged, from one logic environment to another.

use std::time::Duration;

use reqwest::{Method, header, redirect::Policy};

use super::{Error, Trust};

/// The header that marks a relayed request.
pub const RELAYED: &str = "utakata-relayed";

/// A client that relays requests. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Relay {
    http: reqwest::Client,
}

/// A request to relay.
#[derive(Debug, Clone)]
pub struct Relayed {
    /// The HTTP method.
    pub method: Method,
    /// The path and query: `/v1/operations?limit=3`.
    pub path: String,
    /// The headers, without those of the connection.
    pub headers: header::HeaderMap,
    /// The body, unchanged.
    pub body: Vec<u8>,
}

/// The answer to a relayed request, unchanged.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The headers, without those of the connection.
    pub headers: header::HeaderMap,
    /// The body, unchanged.
    pub body: Vec<u8>,
}

impl Relay {
    /// Creates a relay without connections.
    ///
    /// # Errors
    /// The HTTP client could not be set up.
    pub fn new() -> Result<Self, Error> {
        Self::trusting(None)
    }

    /// Creates a relay that accepts the certificates of certain authorities; without any, those of
    /// the operating system as far as there are any.
    ///
    /// # Errors
    /// The HTTP client could not be set up.
    pub fn trusting(trust: Option<&Trust>) -> Result<Self, Error> {
        let of_system = Trust::default();
        let trust = trust.unwrap_or(&of_system);
        // A redirection is the answer, for whoever asked.
        let builder = |is_tls| trust.builder(is_tls).redirect(Policy::none());
        let built = builder(true).build();
        // A machine without authorities can still be reached without TLS.
        let built = built.or_else(|_| builder(false).build());
        let http = built.map_err(Error::Build)?;
        Ok(Self { http })
    }

    /// Relays a request to the API at a URL and returns its answer, whatever it is.
    ///
    /// # Errors
    /// Nothing listens there ([`Error::Unreachable`]: the request had no effect), or no answer
    /// arrived ([`Error::Silent`]: its effect is unknown).
    pub async fn pass(
        &self,
        url: &str,
        request: Relayed,
        within: Duration,
    ) -> Result<Answer, Error> {
        let failed = |source: reqwest::Error| {
            let url = url.to_owned();
            if source.is_connect() {
                return Error::Unreachable { url, source };
            }
            Error::Silent { url, source }
        };
        let mut headers = request.headers;
        for name in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION] {
            headers.remove(name);
        }
        headers.insert(RELAYED, header::HeaderValue::from_static("1"));
        let response = self
            .http
            .request(request.method, format!("{url}{}", request.path))
            .headers(headers)
            .body(request.body)
            .timeout(within)
            .send()
            .await
            .map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(failed)?.to_vec();
        Ok(Answer {
            status,
            headers: of_answer(headers),
            body,
        })
    }
}

/// Leaves out of an answer's headers what is about the connection, and what whoever passes it on
/// says themselves. Everything else belongs to the answer: that it must not be stored, for one.
fn of_answer(mut headers: header::HeaderMap) -> header::HeaderMap {
    for name in [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::DATE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::HeaderName::from_static("keep-alive"),
    ] {
        headers.remove(name);
    }
    headers
}
