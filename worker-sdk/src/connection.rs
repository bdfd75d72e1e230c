//! The connection from a worker to its manager.

use std::{io, time::Duration};

use tonic::{
    client::Grpc,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint as Dial},
};
use utakata_protocol::{AUTHORITY_VARIABLE, MESSAGE_MAX};

/// The form of an address at which the manager proves who it is.
const SECURE: &str = "https://";
/// The flow-control window, in bytes: a few hundred messages.
const WINDOW: u32 = 2 * 1024 * 1024;
/// The time within which a manager must accept the connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The interval at which an idle connection is tested, and the time that the test may take.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The place where a manager listens, and by what it is known there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `unix:/path`, `http://host:port` or `https://host:port`.
    pub address: String,
    /// The certificate, as PEM, of the one authority that is believed at `https://`.
    pub authority: Option<String>,
}

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address has no known form.
    #[error(
        "\"{endpoint}\" is not where a manager listens: unix:/path, http://host:port or \
         https://host:port"
    )]
    Form {
        /// The address of the manager.
        endpoint: String,
    },
    /// Nobody could be believed there.
    #[error("there is no certificate to know the manager at {endpoint} by: {variable} is not set")]
    NoAuthority {
        /// The address of the manager.
        endpoint: String,
        /// The variable that names it.
        variable: &'static str,
    },
    /// Nothing listens on the address.
    #[error("no manager listens at {endpoint}")]
    Connect {
        /// The address of the manager.
        endpoint: String,
        /// The error of the transport.
        #[source]
        source: tonic::transport::Error,
    },
}

impl Error {
    /// Returns true if the operating system says that nothing listens there.
    pub fn is_nobody(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if matches!(
                kind,
                Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
            ) {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// Connects to the manager there.
pub async fn connect(endpoint: &Endpoint) -> Result<Grpc<Channel>, Error> {
    let address = endpoint.address.as_str();
    let source = |source| Error::Connect {
        endpoint: address.into(),
        source,
    };
    let mut dial = dial(address)?
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .connect_timeout(CONNECT_LIMIT)
        .tcp_nodelay(true);
    if address.starts_with(SECURE) {
        dial = dial.tls_config(trust(endpoint)?).map_err(source)?;
    }
    let channel = dial.connect().await.map_err(source)?;
    Ok(Grpc::new(channel)
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX))
}

fn dial(address: &str) -> Result<Dial, Error> {
    let form = || Error::Form {
        endpoint: address.into(),
    };
    let forms = ["unix:/", "http://", SECURE];
    if !forms.iter().any(|known| address.starts_with(known)) {
        return Err(form());
    }
    Dial::from_shared(address.to_owned()).map_err(|_| form())
}

/// Believes the one authority, and none of those that the system believes.
fn trust(endpoint: &Endpoint) -> Result<ClientTlsConfig, Error> {
    let authority = endpoint.authority.as_ref();
    let authority = authority.ok_or_else(|| Error::NoAuthority {
        endpoint: endpoint.address.clone(),
        variable: AUTHORITY_VARIABLE,
    })?;
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)))
}
