//! Messages to other systems over HTTP.

use std::time::Duration;

use serde::Serialize;

use super::{Error, Trust, trust};

/// The time that one message may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A place to which messages are posted as JSON. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhook {
    http: reqwest::Client,
    url: String,
}

impl Webhook {
    /// Creates one for a URL.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(url: &str) -> Result<Self, Error> {
        let builder = Trust::default().builder(trust::is_tls(url));
        let http = builder.timeout(TIMEOUT).build().map_err(Error::Build)?;
        let url = url.to_owned();
        Ok(Self { http, url })
    }

    /// Posts a message, which is taken once this returns.
    ///
    /// # Errors
    /// Nobody answers, or the answer is not 2xx.
    pub async fn post(&self, message: &impl Serialize) -> Result<(), Error> {
        let away = |source: reqwest::Error| Error::Unreachable {
            url: self.url.clone(),
            source,
        };
        let response = self.http.post(&self.url).json(message).send().await;
        let response = response.map_err(away)?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(Error::NotOurs {
                url: self.url.clone(),
                status: response.status().as_u16(),
            }),
        }
    }
}
