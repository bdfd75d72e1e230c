//! The door for workers on other machines: TCP with TLS, under a certificate that this life of the
//! environment made for itself.
//!
//! ```text
//! authority (key forgotten at once) ──signs──► certificate of this life, for its address
//!     └── in the environment of each worker, which believes nothing else
//! ```

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

use super::{Door, Listen};

/// The time that a peer has to agree on a connection.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// The protocol that is spoken above TLS (RFC 7540).
const HTTP2: &[u8] = b"h2";

/// The door: where it is, and by what it is known.
pub(crate) struct OpenDoor {
    pub(crate) door: Arc<Door>,
    pub(crate) listener: TcpListener,
    pub(crate) acceptor: Acceptor,
}

/// A connection through the door.
pub(crate) type Stream = TlsStream<TcpStream>;

/// Agrees on connections with those who come. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Acceptor(TlsAcceptor);

/// A certificate, the key to it, and the authority that has signed it.
struct Identity {
    authority: String,
    config: ServerConfig,
}

/// The reason for which there is no door.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened.
    #[error(
        "cannot listen for workers on {at}: set execution.kubernetes.port to one that is free, \
         or to 0"
    )]
    Listen {
        at: SocketAddr,
        #[source]
        source: io::Error,
    },
    /// Its certificate cannot be made.
    #[error("the certificate of this environment cannot be made")]
    Make(#[from] rcgen::Error),
    /// Its certificate cannot be used.
    #[error("the certificate of this environment cannot be used")]
    Use(#[from] rustls::Error),
}

impl OpenDoor {
    /// Listens there from now on. Must be called within a tokio runtime.
    pub(crate) fn open(listen: &Listen) -> Result<Self, Error> {
        let unheard = |source| Error::Listen {
            at: listen.at,
            source,
        };
        let listener = bind(listen.at).map_err(unheard)?;
        let port = listener.local_addr().map_err(unheard)?.port();
        let Identity { authority, config } = Identity::generate(&listen.host)?;
        let host = match listen.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => listen.host.clone(),
        };
        Ok(Self {
            door: Arc::new(Door {
                endpoint: format!("https://{host}:{port}"),
                authority,
            }),
            listener,
            acceptor: Acceptor(TlsAcceptor::from(Arc::new(config))),
        })
    }
}

fn bind(at: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(at)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

impl Acceptor {
    /// Agrees on a connection. Errors: the peer does not, or takes too long.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        stream.set_nodelay(true)?;
        let accepted = tokio::time::timeout(HANDSHAKE_TIMEOUT, self.0.accept(stream)).await;
        accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Identity {
    /// Makes an authority, has it sign one certificate, and forgets its key.
    fn generate(host: &str) -> Result<Self, Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority
            .distinguished_name
            .push(DnType::CommonName, "utakata environment");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate()?;
        let certificate = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut own = CertificateParams::new(vec![host.to_owned()])?;
        own.distinguished_name
            .push(DnType::CommonName, "utakata manager");
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let signed = own.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));

        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key)?;
        config.alpn_protocols = vec![HTTP2.to_vec()];
        Ok(Self {
            authority: certificate,
            config,
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::{
        TlsConnector,
        rustls::{
            ClientConfig, RootCertStore,
            pki_types::{CertificateDer, ServerName, pem::PemObject as _},
        },
    };

    use super::*;

    fn open() -> OpenDoor {
        OpenDoor::open(&Listen {
            at: ([127, 0, 0, 1], 0).into(),
            host: "127.0.0.1".into(),
        })
        .unwrap()
    }

    /// Somebody who believes one authority.
    fn visitor(door: &Door) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(door.authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    async fn visit(open: OpenDoor, visitor: TlsConnector, name: &'static str) -> io::Result<u8> {
        let at = open.listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (stream, _) = open.listener.accept().await?;
            open.acceptor.accept(stream).await?.write_u8(7).await
        });
        let stream = TcpStream::connect(at).await?;
        let name = ServerName::try_from(name).unwrap();
        let said = visitor.connect(name, stream).await?.read_u8().await;
        server.await.unwrap()?;
        said
    }

    #[tokio::test]
    async fn a_worker_believes_the_manager_that_started_it_at_its_address_and_nobody_else() {
        let mine = open();
        let visitor_of_mine = visitor(&mine.door);
        assert!(mine.door.endpoint.starts_with("https://127.0.0.1:"));
        assert_eq!(visit(mine, visitor_of_mine, "127.0.0.1").await.unwrap(), 7);
        let (other, mine) = (open(), open());
        let visitor_of_other = visitor(&other.door);
        assert!(visit(mine, visitor_of_other, "127.0.0.1").await.is_err());
        let mine = open();
        let visitor_of_mine = visitor(&mine.door);
        assert!(visit(mine, visitor_of_mine, "127.0.0.2").await.is_err());
    }
}
