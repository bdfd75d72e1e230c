//! Connections by TCP and TLS, each step of which says how it failed.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{
        CryptoProvider,
        aws_lc_rs::{self, kx_group},
    },
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::trust::{Fingerprint, Seen, Trust, Verifier};

/// The longest time for connecting, and for the handshake after it: a slow BMC takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Without the key exchange that is safe from quantum computers: its first message takes two packets,
/// of which old devices read only the first (<https://tldr.fail>), and none of them has it.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let groups = [kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    Arc::new(CryptoProvider {
        kx_groups: groups.to_vec(),
        ..aws_lc_rs::default_provider()
    })
});

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there, or there is no way to it.
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    /// No answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// It has another certificate than before, or than was expected.
    #[error("it has another certificate than expected: {found}")]
    Certificate {
        /// The fingerprint of the one that it has.
        found: Fingerprint,
    },
    /// Its certificate is not signed by the authorities, or is not for this name or time.
    #[error("its certificate is not accepted")]
    Unsigned(#[source] io::Error),
    /// The handshake failed.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
}

/// A verifier of certificates that these authorities have signed, in PEM. None: those of the
/// system.
///
/// # Errors
/// A sentence about what is wrong with them.
pub fn authorities(pem: Option<&str>) -> Result<Trust, String> {
    let mut roots = RootCertStore::empty();
    match pem {
        Some(text) => {
            for one in CertificateDer::pem_slice_iter(text.as_bytes()) {
                let one = one.map_err(|error| format!("the authority is no PEM: {error}"))?;
                let added = roots.add(one);
                added.map_err(|error| format!("the authority is no certificate: {error}"))?;
            }
        }
        None => {
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier.build();
    verifier
        .map(Trust::Authorities)
        .map_err(|error| format!("there is no authority: {error}"))
}

/// Connects by TCP.
///
/// # Errors
/// Nobody answers.
pub async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let until = deadline.min(Instant::now() + PATIENCE);
    let stream = timeout_at(until, TcpStream::connect(addresses)).await;
    let stream = stream
        .map_err(|_| Error::Silence)?
        .map_err(Error::Connect)?;
    stream.set_nodelay(true).map_err(Error::Connect)?;
    Ok(stream)
}

/// Makes the handshake of TLS, and tells the certificate of the other side.
///
/// # Errors
/// It fails, or the certificate is another one.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    trust: &Trust,
    deadline: Instant,
) -> Result<(TlsStream<S>, Option<Vec<u8>>), Error> {
    let seen = Seen::default();
    let config = config(trust, &seen).map_err(Error::Handshake)?;
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| Error::Handshake(io::Error::other(error)))?;
    let until = deadline.min(Instant::now() + PATIENCE);
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let shaken = timeout_at(until, connecting)
        .await
        .map_err(|_| Error::Silence)?;
    let certificate = seen.certificate();
    let stream = shaken.map_err(|error| failed(error, certificate.as_deref()))?;
    if let (Trust::FirstSeen(known), Some(certificate)) = (trust, &certificate) {
        known.lock().get_or_insert(Fingerprint::of(certificate));
    }
    Ok((stream, certificate))
}

fn config(trust: &Trust, seen: &Seen) -> io::Result<ClientConfig> {
    let verifier = Verifier::new(trust.clone(), seen.clone(), provider());
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // A resumed session shows no certificate, which a probe must see.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

fn failed(error: io::Error, certificate: Option<&[u8]>) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match (inner, certificate) {
        (
            Some(rustls::Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            )),
            Some(certificate),
        ) => Error::Certificate {
            found: Fingerprint::of(certificate),
        },
        (Some(rustls::Error::InvalidCertificate(_)), _) => Error::Unsigned(error),
        _ => Error::Handshake(error),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    /// The payload of a packet of Ethernet.
    const PACKET: usize = 1460;

    #[tokio::test]
    async fn the_first_message_fits_into_one_packet() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let stream = connect(&[address], deadline).await.unwrap();
        let asking = handshake(stream, "bmc.example.org", &Trust::Anything, deadline);
        let heard = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The type, the version, and the length of what follows.
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            head.len() + usize::from(u16::from_be_bytes([head[3], head[4]]))
        };
        let (asked, length) = tokio::join!(asking, heard);
        assert!(asked.is_err(), "nobody has answered");
        assert!((100..PACKET).contains(&length), "{length} bytes");
    }
}
