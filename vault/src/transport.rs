//! Requests to Vault: each ends in time, follows nobody elsewhere, and reads a bounded answer.

use std::{fs, path::Path, time::Duration};

use reqwest::{Certificate, Client, Method, header::HeaderValue, redirect::Policy};
use serde_json::Value;
use utakata_model::{chain, target::Secret};
use zeroize::Zeroizing;

use crate::{Config, Error};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
    address: String,
    namespace: Option<String>,
}

/// A request: the path below `/v1/`, and what is posted if it is a POST.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'r> {
    pub path: &'r str,
    pub body: Option<&'r Value>,
}

/// An answer, which may have secrets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Zeroizing<Vec<u8>>,
}

impl Transport {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let address = config.url.trim_end_matches('/').to_owned();
        let builder = Client::builder()
            .connect_timeout(config.timeout.min(Duration::from_secs(5)))
            .timeout(config.timeout)
            // A token goes where the settings say, and nowhere else.
            .redirect(Policy::none())
            .user_agent(concat!("utakata/", env!("CARGO_PKG_VERSION")));
        let builder = match &config.ca {
            Some(path) => builder.tls_certs_only(authorities(path)?),
            None if address.starts_with("http://") => builder.tls_certs_only([]),
            None => builder,
        };
        let built = builder.build().map_err(|error| Error::Client {
            reason: error.to_string(),
        })?;
        Ok(Self {
            client: built,
            address,
            namespace: config.namespace.clone(),
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request, as somebody if there is a token.
    pub(crate) async fn send(
        &self,
        request: Request<'_>,
        token: Option<&Secret>,
    ) -> Result<Answer, Error> {
        let away = |reason: String| Error::Away {
            address: self.address.clone(),
            reason,
        };
        let url = format!("{}/v1/{}", self.address, request.path);
        let method = request.body.map_or(Method::GET, |_| Method::POST);
        let mut sent = self.client.request(method, url);
        // Vault Agent and proxies refuse requests without it where they are told to.
        sent = sent.header("X-Vault-Request", "true");
        if let Some(namespace) = &self.namespace {
            sent = sent.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = token {
            let value = HeaderValue::from_str(token.reveal());
            let mut value = value.map_err(|_| away("the token has control characters".into()))?;
            value.set_sensitive(true);
            sent = sent.header("X-Vault-Token", value);
        }
        if let Some(body) = request.body {
            sent = sent.json(body);
        }
        let lost = |error: reqwest::Error| away(chain(&error.without_url()));
        let mut response = sent.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        // Within its first allocation: growing it would leave a clear copy.
        let mut body = Zeroizing::new(Vec::with_capacity(length(&response)));
        while let Some(part) = response.chunk().await.map_err(lost)? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err(away(format!(
                    "its answer is longer than {MAX_ANSWER} bytes"
                )));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, body })
    }
}

fn length(response: &reqwest::Response) -> usize {
    let told = response.content_length().unwrap_or_default();
    usize::try_from(told).map_or(MAX_ANSWER, |told| told.min(MAX_ANSWER))
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Error> {
    let wrong = |reason: String| Error::File {
        path: path.to_owned(),
        reason,
    };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
    match found.is_empty() {
        true => Err(wrong("it has no certificate".into())),
        false => Ok(found),
    }
}
