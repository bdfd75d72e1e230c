//! Certificates for the library: exactly the requested ones are trusted.

use std::{fs, path::Path};

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use utakata_interconnect::connection::Tls;

use super::config::TlsError;

/// The places where systems keep their certificates.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Reads the files; they may have been renewed since the last time.
pub(super) fn load(tls: &Tls) -> Result<OwnedTLSConfig, TlsError> {
    let identity = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Some(OwnedIdentity::PKCS8 {
            pem: read(certificate)?,
            key: read(key)?,
        }),
        (None, None) => None,
        _ => return Err(TlsError::Half),
    };
    let believed = match &tls.ca {
        Some(ca) => read(ca)?,
        None => read(system()?)?,
    };
    Ok(OwnedTLSConfig {
        identity,
        cert_chain: Some(String::from_utf8_lossy(&believed).into_owned()),
    })
}

fn system() -> Result<&'static Path, TlsError> {
    let mut paths = SYSTEM.into_iter().map(Path::new);
    paths.find(|path| path.exists()).ok_or(TlsError::NoSystem)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}
