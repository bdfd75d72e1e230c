//! The settings of the HTTP API.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::duration;
use utakata_settings::Settings;

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The address on which the HTTP API listens. Beyond loopback it needs `tls`, or `insecure`.
    pub listen: SocketAddr,
    /// Allows plain HTTP beyond loopback: whoever listens on the way reads all tokens.
    pub insecure: bool,
    /// TLS on the API.
    pub tls: HttpTls,
    /// The URL at which other logic environments reach the API, such as `http://le-1.example:7700`;
    /// the address on which it listens when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub advertise: Option<String>,
    /// The file with the token of admin, which is the same for all logic environments; made in the
    /// data directory when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The largest number of connections at a time; fewer if the system grants fewer open files.
    #[setting(max = 1_000_000)]
    pub connections: usize,
    /// The largest number of connections from one address: for a proxy, from all clients behind it.
    #[setting(max = 1_000_000)]
    pub connections_per_address: usize,
    /// The largest number of clients of /v1/events and /v1/view at a time, counted separately.
    #[setting(max = 1_000_000)]
    pub streams: usize,
    /// The time after which a connection without a valid token is closed.
    #[serde(with = "duration")]
    pub header_timeout: Duration,
    /// The time after which a connection without requests is closed.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// The time within which a body must arrive.
    #[serde(with = "duration")]
    pub body_timeout: Duration,
    /// The size of the largest request body, in bytes.
    #[setting(max = 1_073_741_824, form = "bytes")]
    pub body_limit: usize,
    /// The time after which a request is given up, in addition to its own wait.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The number of events kept for clients of `/v1/events` that fetch them slowly.
    #[setting(max = 1_000_000)]
    pub events_kept: usize,
}

/// TLS on the API, as paths of PEM files. They are read again when they change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct HttpTls {
    /// The certificate of the API, followed by those between it and its authority; plain HTTP when
    /// not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The key of the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The authority that vouches for the logic environments, for those that connect from this
    /// machine; those of the system when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            insecure: false,
            tls: HttpTls::default(),
            advertise: None,
            token_file: None,
            connections: 2048,
            connections_per_address: 512,
            streams: 4096,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            body_timeout: Duration::from_secs(30),
            body_limit: 16 * 1024 * 1024,
            timeout: Duration::from_secs(30),
            events_kept: 8192,
        }
    }
}
