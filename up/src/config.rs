//! The configuration of `up`: a file, over it the environment, over that the flags.

mod absolute;
mod layers;
pub mod reference;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utakata_interconnect_amqp as amqp;
use utakata_interconnect_mqtt::{broker, client as mqtt};
use utakata_model::settings::{self, Setting as _};
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
    /// The address on which it listens. Every client that can connect can read everything, so keep
    /// it on loopback.
    pub listen: SocketAddr,
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
    /// A value that is not allowed.
    #[error("the configuration is wrong: {0}")]
    Wrong(#[from] settings::Wrong),
    /// Settings that contradict each other.
    #[error("the configuration contradicts itself: {0}")]
    Contradiction(String),
}

/// The file that is meant: the one that was named, else `utakata.toml` of the data directory
/// when it is there.
pub fn file(named: Option<&Path>, data: Option<&Path>) -> Option<PathBuf> {
    let named = named.map(Path::to_owned);
    let own = || {
        data.map(|data| data.join("utakata.toml"))
            // One that cannot be looked at is told when it is read.
            .filter(|path| path.try_exists().unwrap_or(true))
    };
    named.or_else(own)
}

/// Reads the file, if there is one, and lays variables and flags over it, in their order. All
/// paths of the result are absolute.
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
    let mut config = layers::lay(&name, text.as_deref().unwrap_or_default(), overrides)?;
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
