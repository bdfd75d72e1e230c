//! TLS on the API: its certificate, read again when its files change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::connections::Version;
use crate::config::HttpTls;

/// The interval between looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// A reason why the API has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("logic.http.tls needs both a certificate and a key")]
    Half,
    /// A file cannot be read.
    #[error("the file {} of logic.http.tls cannot be read", path.display())]
    File {
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file has no PEM of the wanted sort.
    #[error("the file {} of logic.http.tls has no usable {what}", path.display())]
    Pem {
        path: PathBuf,
        what: &'static str,
        source: pem::Error,
    },
    #[error("the file {} of logic.http.tls has no certificate", path.display())]
    NoCertificate { path: PathBuf },
    /// The key and the certificate do not work together.
    #[error("the certificate and the key of logic.http.tls do not work together: {0}")]
    Pair(rustls::Error),
}

/// The certificate of the API, as it is in its files. Cheap to clone.
#[derive(Clone)]
pub struct Certificate {
    files: Files,
    current: Arc<Current>,
}

#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

/// The state of a file, by which a change is noticed.
type State = Option<(SystemTime, u64)>;

impl Certificate {
    /// Reads the certificate and its key, if the API has one.
    ///
    /// # Errors
    /// They cannot be read, or do not work together.
    pub fn read(config: &HttpTls) -> Result<Option<Self>, Error> {
        let files = match (&config.certificate, &config.key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => Files {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            _ => return Err(Error::Half),
        };
        let current = Arc::new(Current(RwLock::new(Arc::new(pair(&files)?))));
        Ok(Some(Self { files, current }))
    }

    /// Returns what accepts connections with it.
    ///
    /// # Errors
    /// The provider of cryptography has no usable protocol, which is a mistake.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, rustls::Error> {
        let mut config = self.server_config()?;
        config.alpn_protocols = Version::ALL.map(|version| version.alpn().to_vec()).into();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Returns the configuration of a server with it, which has the certificate of the files also
    /// after they have changed.
    ///
    /// # Errors
    /// The provider of cryptography has no usable protocol, which is a mistake.
    pub fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&self.current) as _;
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_safe_default_protocol_versions()?;
        Ok(config.with_no_client_auth().with_cert_resolver(resolver))
    }

    /// Reads the files again whenever they change, until it is cancelled. While they are wrong, the
    /// previous certificate stays.
    pub(super) async fn follow(&self, cancel: CancellationToken) {
        let mut seen = self.states();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let now = self.states();
            if now == seen {
                continue;
            }
            match pair(&self.files) {
                Ok(pair) => {
                    *self.current.0.write() = Arc::new(pair);
                    tracing::info!("the certificate of the API was read again");
                    seen = now;
                }
                // The two files change one after the other.
                Err(Error::Pair(error)) => tracing::debug!(%error, "the certificate is changing"),
                Err(error) => {
                    tracing::warn!(%error, "the previous certificate of the API stays");
                    seen = now;
                }
            }
        }
    }

    fn states(&self) -> [State; 2] {
        [&self.files.certificate, &self.files.key].map(|path| state(path))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

fn state(path: &Path) -> State {
    let data = fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn pair(files: &Files) -> Result<CertifiedKey, Error> {
    let certificates = read(&files.certificate)?;
    let wrong = |path: &Path, what: &'static str, source: pem::Error| Error::Pem {
        path: path.to_owned(),
        what,
        source,
    };
    let chain = CertificateDer::pem_slice_iter(&certificates);
    let chain: Vec<_> = chain
        .collect::<Result<_, _>>()
        .map_err(|source| wrong(&files.certificate, "certificate", source))?;
    if chain.is_empty() {
        let path = files.certificate.clone();
        return Err(Error::NoCertificate { path });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|source| wrong(&files.key, "key", source))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(Error::Pair)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
