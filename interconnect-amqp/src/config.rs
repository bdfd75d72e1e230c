//! The address of the broker, and the limits of its queues.

use std::{fmt, path::PathBuf, time::Duration};

use lapin::uri::{AMQPScheme, AMQPUri};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;
use utakata_interconnect::connection::Tls;
use utakata_model::{duration, setting};
use utakata_settings::Settings;

/// The address of the broker, and the limits of its queues.
///
/// The limits apply to queues that are made from then on: an existing queue keeps those with which
/// it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address of RabbitMQ, for `le` and `wee`: `amqps://user:password@host:port/vhost`, or
    /// `amqp://` without TLS, which beyond this machine needs `insecure`.
    pub url: Url,
    /// Allows `amqp://` beyond this machine: whoever listens on the way reads the password and all
    /// tasks.
    pub insecure: bool,
    /// The certificates, if the URL begins with `amqps`.
    pub tls: Tls,
    /// The largest number of tasks in one message.
    #[setting(max = 10_000)]
    pub tasks_per_message: usize,
    /// The largest number of messages of each class under way to RabbitMQ at a time.
    #[setting(max = 100_000)]
    pub in_flight: usize,
    /// The time within which RabbitMQ must confirm that it keeps control; otherwise it counts as
    /// away.
    #[serde(with = "duration")]
    pub confirm_timeout: Duration,
    /// The largest number of control messages in one queue. Beyond it tasks are refused.
    pub control_limit: u32,
    /// The number of times that a message of control may return to its queue before it becomes a
    /// dead letter. Messages also return when an environment ends, loses its connection or has no
    /// time for them, none of which is the fault of a task: keep this generous.
    pub delivery_limit: u32,
    /// The largest number of read messages in one queue; beyond it the oldest are dropped.
    pub observe_limit: u32,
    /// The longest time that a read waits in a queue.
    #[serde(with = "duration")]
    pub observe_lifetime: Duration,
    /// The largest number of reads that wait in this process for RabbitMQ; beyond it the oldest are
    /// dropped.
    #[setting(max = 100_000_000)]
    pub observe_buffer: usize,
    /// The time after which a task that was handed to an environment and not fetched goes to
    /// others.
    #[serde(with = "duration")]
    pub stalled_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: Url::default(),
            insecure: false,
            tls: Tls::default(),
            tasks_per_message: 32,
            in_flight: 256,
            confirm_timeout: Duration::from_secs(10),
            control_limit: 100_000,
            delivery_limit: 100,
            observe_limit: 10_000,
            observe_lifetime: Duration::from_secs(600),
            observe_buffer: 100_000,
            stalled_after: Duration::from_secs(1),
        }
    }
}

/// The address of a broker, with user and password. It is never shown with the password, so its
/// written form cannot be read again.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(AMQPUri);

setting!(Url: "URL");

/// An error in the URL of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// The scheme of the URL is not known.
    #[error("the URL of a broker begins with amqps:// or amqp://")]
    Scheme,
    /// The URL cannot be parsed. It is not repeated here, because of its password.
    #[error(
        "the URL of the broker cannot be read: it is amqps://user:password@host:port/vhost, and \
         what is special in a user, a password or a vhost is written as %2F"
    )]
    Form,
}

/// An error of certificates that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("the file {} cannot be read: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Only one of the two is given.
    #[error("a certificate of our own needs its key, and a key its certificate: give both")]
    Half,
    /// The certificates of the system are in none of the usual places.
    #[error("this system has no file of trusted certificates: set `ca`")]
    NoSystem,
}

impl Url {
    /// Parses a URL.
    ///
    /// # Errors
    /// It is not an AMQP URL.
    pub fn new(text: &str) -> Result<Self, UrlError> {
        let rest = text
            .strip_prefix("amqps://")
            .or_else(|| text.strip_prefix("amqp://"));
        let rest = rest.ok_or(UrlError::Scheme)?;
        let mut uri: AMQPUri = text.parse().map_err(|_| UrlError::Form)?;
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if let Some(address) = host.strip_prefix('[') {
            // The parser takes an IPv6 address for none at all, and substitutes this machine.
            let address = address.split(']').next().unwrap_or_default();
            address.clone_into(&mut uri.authority.host);
        }
        if host.is_empty() || uri.authority.host.is_empty() {
            return Err(UrlError::Form);
        }
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        Ok(Self(uri))
    }

    /// Returns the URL for the library, with the parameters to use.
    pub(super) fn uri(&self) -> AMQPUri {
        let mut uri = self.0.clone();
        uri.query.heartbeat.get_or_insert(10);
        uri.query.connection_timeout.get_or_insert(5_000);
        uri
    }

    /// Returns the host, if the connection to it is not encrypted.
    pub fn plain_host(&self) -> Option<&str> {
        (!self.is_encrypted()).then_some(&self.0.authority.host)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme == AMQPScheme::AMQPS
    }

    pub(super) fn user(&self) -> &str {
        &self.0.authority.userinfo.username
    }

    pub(super) fn vhost(&self) -> &str {
        &self.0.vhost
    }

    /// Returns the place, without user and password.
    pub(super) fn place(&self) -> String {
        let (authority, vhost) = (&self.0.authority, &self.0.vhost);
        let host = if authority.host.contains(':') {
            format!("[{}]", authority.host)
        } else {
            authority.host.clone()
        };
        let vhost = vhost.replace('%', "%25").replace('/', "%2F");
        format!("{}://{host}:{}/{vhost}", self.0.scheme, authority.port)
    }
}

impl Default for Url {
    /// Returns the URL of this machine, as `guest`, without TLS.
    fn default() -> Self {
        Self(AMQPUri::default())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_user_and_password() {
        for (text, place, vhost) in [
            ("amqp://host", "amqp://host:5672/%2F", "/"),
            ("amqps://host/", "amqps://host:5671/%2F", "/"),
            (
                "amqps://u:pass%2Fword@host:7/site",
                "amqps://host:7/site",
                "site",
            ),
            ("amqp://u:p@127.0.0.1/%2F", "amqp://127.0.0.1:5672/%2F", "/"),
            (
                "amqp://u:p@[2001:db8::1]:9/a",
                "amqp://[2001:db8::1]:9/a",
                "a",
            ),
        ] {
            let url = Url::new(text).unwrap();
            assert_eq!(url.place(), place);
            assert_eq!(format!("{url} {url:?}"), format!("{place} {place}"));
            assert_eq!(url.vhost(), vhost);
        }
    }

    #[test]
    fn what_is_not_a_url_of_a_broker_is_not_repeated() {
        for (text, expect) in [
            ("http://u:secret@host", UrlError::Scheme),
            ("amqp://", UrlError::Form),
            ("amqp://u:secret@host:port", UrlError::Form),
        ] {
            let refused = Url::new(text).unwrap_err();
            assert_eq!(refused, expect, "{text}");
            assert!(!refused.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_configuration_has_defaults_and_no_unknown_keys() {
        let read = |text: &str| serde_json::from_str::<Config>(text);
        let config = read(r#"{"url":"amqps://u:secret@host/site","stalled_after":"3s"}"#).unwrap();
        assert_eq!(config.stalled_after, Duration::from_secs(3));
        assert_eq!(config.tasks_per_message, 32);
        assert!(config.url.is_encrypted());
        assert!(!format!("{config:?}").contains("secret"));
        assert!(!serde_json::to_string(&config).unwrap().contains("secret"));
        assert!(read(r#"{"uri":"amqps://host"}"#).is_err());
    }
}
