//! Passing requests on as they are, from one logic environment to another.

use std::time::Duration;

use reqwest::{Method, header};

use super::{CONNECT_TIMEOUT, Error};

/// The header that says that a request was passed on already.
pub const RELAYED: &str = "utakata-relayed";

/// Passes requests on. Cheap to clone; connections are kept and shared.
#[derive(Debug, Clone)]
pub struct Relay {
    http: reqwest::Client,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Relayed {
    /// The method.
    pub method: Method,
    /// With what: `/v1/operations?limit=3`.
    pub path: String,
    /// Its headers; those of the connection are left out.
    pub headers: header::HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// The answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The type of the body.
    pub content_type: Option<header::HeaderValue>,
    /// The body.
    pub body: Vec<u8>,
}

impl Relay {
    /// A relay with no connection yet.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new() -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("utakata/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Build)?;
        Ok(Self { http })
    }

    /// Passes a request on to the API at a URL, and gives the answer, whatever it is.
    ///
    /// # Errors
    /// Nobody is there ([`Error::Unreachable`]: it was not done), or the answer did not come
    /// ([`Error::Silent`]: nobody knows).
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
        let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
        let body = response.bytes().await.map_err(failed)?.to_vec();
        Ok(Answer {
            status,
            content_type,
            body,
        })
    }
}
