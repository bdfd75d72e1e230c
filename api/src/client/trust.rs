//! The certificates that a client trusts.

use std::{fs, path::Path};

use reqwest::{Certificate, ClientBuilder};

use super::{CONNECT_TIMEOUT, Error};

/// The authorities whose certificates a client accepts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Those of a file; without one those of the operating system.
    authorities: Option<Vec<Certificate>>,
}

/// Returns true if a URL is one of TLS.
pub(super) fn is_tls(url: &str) -> bool {
    url.starts_with("https://")
}

impl Trust {
    /// Trusts the authorities in a PEM file, and no others.
    ///
    /// # Errors
    /// The file cannot be read, or has no certificate.
    pub fn file(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Authority {
            path: path.to_owned(),
            reason,
        };
        let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
        if found.is_empty() {
            return Err(wrong("it has no certificate".into()));
        }
        let authorities = Some(found);
        Ok(Self { authorities })
    }

    /// Returns what builds a client for URLs of a scheme.
    pub(super) fn builder(&self, is_tls: bool) -> ClientBuilder {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("utakata/", env!("CARGO_PKG_VERSION")));
        match &self.authorities {
            Some(authorities) => builder.tls_certs_only(authorities.iter().cloned()),
            // Reading those of the operating system takes time, and there may be none.
            None if !is_tls => builder.tls_certs_only([]),
            None => builder,
        }
    }
}
