//! Certificates: read again for each connection, so that new ones are used.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use thiserror::Error;
use utakata_interconnect::connection::Tls;

#[derive(Debug, Error)]
pub(super) enum Error {
    #[error("the certificates in {} cannot be read: {problem}", path.display())]
    Certificates { path: PathBuf, problem: String },
    #[error("the key in {} cannot be read: {problem}", path.display())]
    Key { path: PathBuf, problem: String },
    #[error("tls.certificate and tls.key belong together, and one of them is not set")]
    Half,
    #[error("the certificate in {} cannot be used: {problem}", path.display())]
    Own { path: PathBuf, problem: String },
    #[error("TLS cannot be used: {0}")]
    Library(#[from] rustls::Error),
}

/// Converts them for the library. The provider is named explicitly, because another library of the
/// program may bring along a different one.
pub(super) fn config(tls: &Tls) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(tls.ca.as_deref())?);
    let config = match (&tls.certificate, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(|error| Error::Own {
                path: certificate.clone(),
                problem: error.to_string(),
            })?,
        _ => return Err(Error::Half),
    };
    Ok(Arc::new(config))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(ca) => {
            for one in certificates(ca)? {
                roots.add(one).map_err(|error| unreadable(ca, &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| unreadable(path, &error))?;
    if all.is_empty() {
        return Err(unreadable(path, &"there is none"));
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| Error::Key {
        path: path.into(),
        problem: error.to_string(),
    })
}

fn unreadable(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Certificates {
        path: path.into(),
        problem: problem.to_string(),
    }
}
