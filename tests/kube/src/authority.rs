//! The cluster's certificate authority, and its certificate for the loopback.

use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The certificate that clients believe, and what the server shows them.
#[derive(Debug)]
pub struct Authority {
    pub pem: String,
    pub server: Arc<ServerConfig>,
}

impl Authority {
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate().context("making the authority's key")?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-for-tests");
        let certificate = params.self_signed(&key).context("signing the authority")?;
        let pem = certificate.pem();
        let issuer = Issuer::new(params, key);

        let names = ["localhost", "127.0.0.1", "kubernetes.default.svc"];
        let params = CertificateParams::new(names.map(str::to_owned).to_vec())?;
        let key = KeyPair::generate().context("making the server's key")?;
        let certificate = params
            .signed_by(&key, &issuer)
            .context("signing the server")?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            pem,
            server: Arc::new(server),
        })
    }
}
