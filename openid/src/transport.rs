//! Requests to the provider: each ends in time, follows nobody elsewhere, and reads a bounded answer.

use std::{fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::{Certificate, Client, RequestBuilder, header, redirect::Policy};
use url::form_urlencoded;

use crate::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// A client of the provider. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Transport(Client);

/// An answer of the provider.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Transport {
    /// Creates a client that accepts the authorities in a file, or those of the system.
    pub(crate) fn new(ca: Option<&Path>, is_tls: bool) -> Result<Self, Error> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A secret goes where the provider says, and nowhere else.
            .redirect(Policy::none())
            .user_agent(concat!("utakata/", env!("CARGO_PKG_VERSION")));
        let builder = match ca {
            Some(path) => builder.tls_certs_only(authorities(path)?),
            None if !is_tls => builder.tls_certs_only([]),
            None => builder,
        };
        let built = builder
            .build()
            .map_err(|error| Error::refused(error.to_string()))?;
        Ok(Self(built))
    }

    /// Fetches a document, as somebody if there is an access token.
    pub(crate) async fn get(&self, url: &str, access: Option<&str>) -> Result<Answer, String> {
        let request = self.0.get(url).header(header::ACCEPT, "application/json");
        let request = match access {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        answer(url, request).await
    }

    /// Posts a form, with an identifier and a secret in the header if there are any.
    pub(crate) async fn post(
        &self,
        url: &str,
        form: &[(&str, &str)],
        client: Option<(&str, &str)>,
    ) -> Result<Answer, String> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .0
            .post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let request = match client {
            Some((id, secret)) => request.header(header::AUTHORIZATION, basic(id, secret)?),
            None => request,
        };
        answer(url, request).await
    }
}

/// Returns the header of a client with a secret (RFC 6749, 2.3.1: both are encoded as in forms).
fn basic(id: &str, secret: &str) -> Result<header::HeaderValue, String> {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let text = format!("{}:{}", encoded(id), encoded(secret));
    let value = header::HeaderValue::from_str(&format!("Basic {}", BASE64.encode(text)));
    let mut value = value.map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
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

async fn answer(url: &str, request: RequestBuilder) -> Result<Answer, String> {
    let lost = |error: reqwest::Error| format!("{url}: {}", utakata_model::chain(&error));
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(lost)? {
        if body.len() + part.len() > MAX_ANSWER {
            return Err(format!(
                "{url}: the answer is longer than {MAX_ANSWER} bytes"
            ));
        }
        body.extend_from_slice(&part);
    }
    Ok(Answer { status, body })
}
