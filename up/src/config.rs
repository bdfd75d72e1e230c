//! The configuration of `up`: a file, overridden by environment variables, overridden by flags.

mod absolute;
mod layers;
mod plain;
pub mod reference;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utakata_interconnect_amqp as amqp;
use utakata_interconnect_mqtt::{broker, client as mqtt};
use utakata_model::{
    duration,
    settings::{self, Setting as _},
};
use utakata_settings::Settings;

pub use layers::{Override, from_environment};

/// Everything that can be set. Each box owns its part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The logic environment.
    pub logic: utakata_logic::Config,
    /// The worker execution environment.
    pub execution: utakata_execution::Config,
    /// The embedded MQTT broker.
    pub mqtt: Mqtt,
    /// The brokers between `le` and `wee`.
    pub interconnect: InterConnect,
    /// The answers to probes: of Kubernetes, of Prometheus.
    pub probes: Probes,
    /// The end of a process.
    pub stop: Stop,
}

/// The answers to probes: `/livez`, `/readyz` and `/metrics`, without a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Probes {
    /// The address at which /livez, /readyz and /metrics are answered to anybody, without a token.
    /// They are not answered when it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
}

/// The end of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// The time that tasks under way have to end after SIGTERM, before they are given up. The
    /// process may need 20 s more: leave it so much.
    #[serde(with = "duration")]
    pub within: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(10),
        }
    }
}

/// The brokers between processes. Without `--hub`, `le` and `wee` need both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct InterConnect {
    /// RabbitMQ, for tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amqp: Option<amqp::Config>,
    /// The MQTT broker, for events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<mqtt::Config>,
}

/// The embedded MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    /// Runs the embedded MQTT broker.
    pub enabled: bool,
    /// The address on which it listens. Every client that comes in can read everything: beyond
    /// loopback it needs `tokens` and `tls`, or `insecure`.
    pub listen: SocketAddr,
    /// Allows it to listen beyond loopback without tokens or without TLS.
    pub insecure: bool,
    /// True if clients need a token of utakata as their password, with the right to see everything;
    /// with that to read metrics they follow readings alone. The name of the user does not matter.
    pub tokens: bool,
    /// TLS, with the certificate of the API (`logic.http.tls`).
    pub tls: bool,
    /// The most clients at a time; fewer where the system gives fewer open files.
    #[setting(max = 1_000_000)]
    pub max_clients: usize,
    /// The most of them from one address.
    #[setting(max = 1_000_000)]
    pub max_clients_per_address: usize,
    /// The most messages that wait for one client; beyond it readings are dropped.
    #[setting(max = 10_000_000)]
    pub client_queue: usize,
}

impl Default for Mqtt {
    fn default() -> Self {
        let broker = broker::Config::default();
        Self {
            enabled: true,
            listen: broker.listen,
            insecure: false,
            tokens: false,
            tls: false,
            max_clients: broker.max_clients,
            max_clients_per_address: broker.max_clients_per_address,
            client_queue: broker.client_queue,
        }
    }
}

impl Mqtt {
    /// Returns the configuration of the broker.
    pub fn broker(&self) -> broker::Config {
        broker::Config {
            listen: self.listen,
            max_clients: self.max_clients,
            max_clients_per_address: self.max_clients_per_address,
            client_queue: self.client_queue,
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    #[error("the configuration {} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Something in the file is wrong.
    #[error("{file}:{line}:{column}: {problem}")]
    File {
        file: String,
        line: usize,
        column: usize,
        problem: String,
    },
    /// A path in it cannot be made absolute.
    #[error("a path of the configuration cannot be used")]
    Path(#[source] io::Error),
    /// A variable or a flag is wrong.
    #[error("{origin}: {problem}")]
    Override {
        /// The name of the variable or the flag.
        origin: String,
        problem: String,
    },
    /// The file of a variable cannot be read.
    #[error("{origin}: {} cannot be read", path.display())]
    ValueFile {
        /// The name of the variable.
        origin: String,
        path: PathBuf,
        source: io::Error,
    },
    /// A value that is not allowed.
    #[error("the configuration is wrong: {0}")]
    Wrong(#[from] settings::Wrong),
    /// Settings contradict each other.
    #[error("the configuration contradicts itself: {0}")]
    Contradiction(String),
}

/// The variable that names the configuration file if no flag does: commands in a container then
/// see the settings of its main process.
const FILE_VARIABLE: &str = "UTAKATA_CONFIG";

/// Returns the configuration file: the one that a flag or `UTAKATA_CONFIG` names, or else
/// `utakata.toml` in the data directory if it exists.
pub fn file(named: Option<&Path>, data: Option<&Path>) -> Option<PathBuf> {
    let variable = || {
        let path = std::env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty())?;
        std::path::absolute(path).ok()
    };
    let named = named.map(Path::to_owned).or_else(variable);
    let own = || {
        data.map(|data| data.join("utakata.toml"))
            // A file that cannot be accessed is reported when it is read.
            .filter(|path| path.try_exists().unwrap_or(true))
    };
    named.or_else(own)
}

/// Reads the file, if there is one, and applies variables and then flags over it. All paths in the
/// result are absolute.
pub fn load(file: Option<&Path>, overrides: &[Override]) -> Result<Config, Error> {
    let text = file
        .map(|path| {
            fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })
        })
        .transpose()?;
    let name = file
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let overrides = layers::read(overrides)?;
    let mut config = layers::lay(&name, text.as_deref().unwrap_or_default(), &overrides)?;
    check(&config)?;
    config.make_absolute().map_err(Error::Path)?;
    Ok(config)
}

/// Refuses values with which nothing would work, and settings that contradict each other.
fn check(config: &Config) -> Result<(), Error> {
    config.check("")?;
    let validated = config.logic.validate();
    validated.map_err(|error| Error::Contradiction(error.to_string()))?;
    let validated = config.execution.validate();
    validated.map_err(|error| Error::Contradiction(error.to_string()))?;
    plain::refuse(config)?;
    let Some(mqtt) = &config.interconnect.mqtt else {
        return Ok(());
    };
    let mut named = mqtt.clone();
    if named.client.is_empty() {
        "utakata".clone_into(&mut named.client);
    }
    let checked = named.check();
    checked.map_err(|error| Error::Contradiction(format!("interconnect.mqtt: {error}")))
}

#[cfg(test)]
mod tests;
