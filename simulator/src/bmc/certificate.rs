//! Certificates that nobody has signed, made at the start, as BMCs have them.

use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate, and the one that is shown in its place after a change.
pub struct Certificates {
    own: TlsAcceptor,
    other: TlsAcceptor,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

/// The reason why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate for `{name}`")]
pub struct Error {
    name: String,
    source: io::Error,
}

impl Certificates {
    /// Makes both certificates for a name.
    ///
    /// # Errors
    /// There is no randomness for a key.
    pub fn make(name: &str) -> Result<Self, Error> {
        let make = || {
            acceptor(name).map_err(|source| Error {
                name: name.to_owned(),
                source,
            })
        };
        Ok(Self {
            own: make()?,
            other: make()?,
        })
    }

    /// Returns what shows the own certificate, or the other one.
    pub fn acceptor(&self, shown: Shown) -> TlsAcceptor {
        match shown {
            Shown::Own => self.own.clone(),
            Shown::Other => self.other.clone(),
        }
    }
}

/// The certificate that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Own,
    Other,
}

fn acceptor(name: &str) -> io::Result<TlsAcceptor> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names = vec![name.to_owned()];
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
