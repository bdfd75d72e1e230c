//! The address of the broker, and its version of MQTT.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use utakata_interconnect::connection::Tls;
use utakata_model::{duration, setting};
use utakata_settings::Settings;

/// The MQTT ports assigned by IANA: without TLS, and with it.
const PORTS: [u16; 2] = [1883, 8883];
/// The length of the longest client name: two bytes of length precede it on the wire.
const MAX_CLIENT: usize = 200;

/// The settings of a connection to an MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address of the MQTT broker, for `le` and `wee`: `mqtts://user:password@host:8883`, or
    /// `mqtt://` without TLS, which beyond this machine needs `insecure`. Characters with a meaning in URLs are written as `%` and two digits:
    /// `:` in a user name is `%3A`.
    pub url: Url,
    /// Allows `mqtt://` beyond this machine: whoever listens on the way reads the password and
    /// everything.
    pub insecure: bool,
    /// The version of MQTT that the broker speaks.
    pub version: Version,
    /// The client name of this process; utakata-le-NAME or utakata-wee-NAME when not set.
    #[setting(form = "name")]
    pub client: String,
    /// Certificates for `mqtts://`.
    pub tls: Tls,
    /// The time within which the broker must acknowledge; otherwise it counts as away.
    #[serde(with = "duration")]
    pub ack_timeout: Duration,
    /// The largest number of readings and outcomes of reads that wait; beyond it the oldest are
    /// dropped.
    #[setting(max = 100_000_000)]
    pub limit: usize,
    /// The size of the largest message, in bytes; batches are split.
    #[setting(max = 268_435_456, form = "bytes")]
    pub message_bytes: usize,
}

impl Default for Config {
    /// Returns a version 5 broker on this machine.
    fn default() -> Self {
        Self {
            url: Url::default(),
            insecure: false,
            version: Version::default(),
            client: String::new(),
            tls: Tls::default(),
            ack_timeout: Duration::from_secs(5),
            limit: 200_000,
            message_bytes: 256 * 1024,
        }
    }
}

/// The version of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// 3.1.1: for brokers that support nothing newer, such as RabbitMQ before 3.13.
    #[serde(rename = "3.1.1")]
    V3,
    /// MQTT 5.
    #[default]
    #[serde(rename = "5")]
    V5,
}

/// The address of a broker. User and password are never shown, nor written.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url {
    /// True if the connection is encrypted.
    pub(super) is_tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// The user and password.
    pub(super) login: Option<(String, String)>,
}

setting!(Url: "URL", Version: "5 or 3.1.1");

/// An error of a configuration that can never work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The text is not a URL.
    #[error("the broker's url is not one: {problem}; write mqtt://user:password@host:1883")]
    Url { problem: String },
    /// The URL has another scheme.
    #[error("the broker's url begins with \"{scheme}://\": write mqtt:// or, for TLS, mqtts://")]
    Scheme { scheme: String },
    /// Certificates are given, and nothing uses them.
    #[error("tls is set, and the broker's url begins with mqtt://: write mqtts://")]
    NoTls,
    /// No broker would accept the name.
    #[error(
        "the client name \"{client}\" cannot be used: write 1 to {MAX_CLIENT} characters, and \
         no blank, slash, plus or hash"
    )]
    Client { client: String },
}

impl Config {
    /// Checks that a connection can be made with it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let forbidden = |c: char| "/+#".contains(c) || c.is_whitespace() || c.is_control();
        let is_named = (1..=MAX_CLIENT).contains(&self.client.len());
        if !is_named || self.client.contains(forbidden) {
            return Err(ConfigError::Client {
                client: self.client.clone(),
            });
        }
        if self.tls != Tls::default() && !self.url.is_tls {
            return Err(ConfigError::NoTls);
        }
        Ok(())
    }
}

impl Url {
    /// Returns the host, if the connection to it is not encrypted.
    pub fn plain_host(&self) -> Option<&str> {
        (!self.is_tls).then_some(&self.host)
    }
}

impl Default for Url {
    fn default() -> Self {
        Self {
            is_tls: false,
            host: "127.0.0.1".into(),
            port: PORTS[0],
            login: None,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for Url {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl std::str::FromStr for Url {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let problem = |problem: &str| ConfigError::Url {
            problem: problem.into(),
        };
        let url = url::Url::parse(text).map_err(|error| problem(&error.to_string()))?;
        let is_tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            scheme => {
                return Err(ConfigError::Scheme {
                    scheme: scheme.into(),
                });
            }
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let part = |text| unescape(text).ok_or_else(|| problem("a % that escapes nothing"));
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((part(user)?, part(password.unwrap_or_default())?)),
        };
        if !matches!(url.path(), "" | "/") {
            return Err(problem("it has a path"));
        }
        Ok(Self {
            is_tls,
            host: host.ok_or_else(|| problem("it has no host"))?.into(),
            port: url.port().unwrap_or(PORTS[usize::from(is_tls)]),
            login,
        })
    }
}

/// Replaces escapes: `%41` is `A`.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [*rest.next()?, *rest.next()?];
        bytes.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
