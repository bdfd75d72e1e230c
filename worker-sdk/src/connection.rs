//! The connection from a worker to its manager.

use std::{io, time::Duration};

use tonic::{
    client::Grpc,
    transport::{Channel, Endpoint},
};
use utakata_protocol::MESSAGE_MAX;

/// The flow-control window, in bytes: a few hundred messages.
const WINDOW: u32 = 2 * 1024 * 1024;
/// The time within which a manager must accept the connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The interval at which an idle connection is tested, and the time that the test may take.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The reason why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address has no known form.
    #[error("\"{endpoint}\" is not where a manager listens: unix:/path or http://host:port")]
    Form {
        /// The address of the manager.
        endpoint: String,
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

/// Connects to the manager at `unix:/path` or `http://host:port`.
pub async fn connect(endpoint: &str) -> Result<Grpc<Channel>, Error> {
    if !(endpoint.starts_with("unix:/") || endpoint.starts_with("http://")) {
        return Err(Error::Form {
            endpoint: endpoint.into(),
        });
    }
    let form = |_| Error::Form {
        endpoint: endpoint.into(),
    };
    let channel = Endpoint::from_shared(endpoint.to_owned())
        .map_err(form)?
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .connect_timeout(CONNECT_LIMIT)
        .tcp_nodelay(true)
        .connect()
        .await
        .map_err(|source| Error::Connect {
            endpoint: endpoint.into(),
            source,
        })?;
    Ok(Grpc::new(channel)
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX))
}
