//! The configuration of the logic environment.

mod control;
mod history;
mod http;
mod login;
mod mail;
mod url;
mod vault;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    LogicId, NameError, duration, setting,
    settings::{self, Setting as _},
};
use utakata_settings::Settings;

pub use control::{Approval, Control};
pub use history::History;
pub use http::{Http, HttpTls};
pub use login::Login;
pub use mail::{Mail, MailServer};
pub use url::{Invalid, Url};
pub use vault::{AppRole, KubernetesAuth, Vault};

/// The section `logic` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP API.
    pub http: Http,
    /// Logging in by an identity provider.
    pub login: Login,
    /// Reads, by schedule and on demand.
    pub observe: Observe,
    /// Operations that change something.
    pub control: Control,
    pub store: Store,
    /// Secrets in the store.
    pub secrets: Secrets,
    /// HashiCorp Vault.
    pub vault: Vault,
    /// The environments that may serve.
    pub environments: Environments,
    /// The history of readings, in DATA/history.
    pub history: History,
    /// The unique name of this logic environment; the name of the host when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<LogicId>,
    /// The division of duties among several logic environments.
    pub lease: Lease,
    /// The alarms.
    pub alarms: Alarms,
    /// The export of readings to a collector of OpenTelemetry.
    pub otlp: Otlp,
}

/// The export of readings to a collector of OpenTelemetry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// The URL of a collector that takes OTLP over HTTP in JSON, such as `http://127.0.0.1:4318`;
    /// nothing is exported when not set. For TLS, use a collector beside this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub url: Option<String>,
    /// The interval at which the latest readings are exported.
    #[serde(with = "duration")]
    pub interval: Duration,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            url: None,
            interval: Duration::from_secs(60),
        }
    }
}

/// Reads, by schedule and on demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Observe {
    /// The time after which a read on demand is no longer begun.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// The largest number of reads under way; further ones are refused or left out.
    #[setting(max = 100_000_000)]
    pub pending_limit: usize,
    /// The number of ended reads that are kept in memory.
    #[setting(or_zero, max = 10_000_000)]
    pub ended_kept: usize,
    /// The largest number of targets per second that are read at once because they have never been
    /// read.
    pub first_reads_per_second: u32,
}

/// The alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Alarms {
    /// The URLs to which alarms are posted in the form of Alertmanager, such as
    /// `http://alertmanager:9093/api/v2/alerts`.
    #[setting(form = "list of URLs")]
    pub webhooks: Vec<String>,
    /// Messages to people by mail.
    pub mail: Mail,
}

/// The division of duties among several logic environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Lease {
    /// The duration of a lease: the work of a logic environment that has died is taken over after
    /// it.
    #[serde(with = "duration")]
    pub lasts: Duration,
    /// The interval at which leases are renewed.
    #[serde(with = "duration")]
    pub renewed_every: Duration,
}

/// The store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The PostgreSQL database that keeps everything; a SQLite file in DATA when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Allows a database beyond this machine without `sslmode=require` or more: whoever listens on
    /// the way reads its password and everything stored.
    pub insecure: bool,
}

/// Secrets in the store, which are sealed with a key of the site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// The file with the keys, the same for all logic environments of a store. When not set, it is
    /// the credential `utakata-site-key` of the systemd unit if there is one, and otherwise
    /// DATA/site.key, which is made at the first start unless `logic.store.url` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

/// The environments that may serve. Each has a key, which a person accepts (`utakata environment
/// accept`) before it gets tasks and credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Environments {
    /// The file with a secret of the site: environments that have the same in their
    /// `execution.join_file` are accepted without a person. At least 32 characters, such as
    /// `openssl rand -base64 32` makes; the same for all logic environments. When not set,
    /// `utakata le` has that of its user on this machine (`~/.local/state/utakata/join.secret`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_file: Option<PathBuf>,
}

setting! {
    Url: "postgres://...",
}

/// A setting that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that is not allowed.
    #[error(transparent)]
    Wrong(#[from] settings::Wrong),
    /// Other logic environments could not use it.
    #[error(
        "logic.http.advertise is \"{url}\": write https:// or http:// and a host with its port, \
         such as https://le-1.example:7700"
    )]
    Advertise { url: String },
    /// It is no URL of a collector.
    #[error(
        "logic.otlp.url is \"{url}\": write http:// and a host with its port, such as \
         http://127.0.0.1:4318"
    )]
    Otlp { url: String },
    /// No alarm could be posted there.
    #[error(
        "logic.alarms.webhooks has \"{url}\": write http:// with a host and a path, such as \
         http://alertmanager.example:9093/api/v2/alerts"
    )]
    Webhook { url: String },
    /// Nobody could log in.
    #[error("logic.login: {problem}")]
    Login { problem: String },
    /// Vault could not be asked.
    #[error("logic.vault: {problem}")]
    Vault { problem: String },
    /// No mail would arrive.
    #[error("logic.alarms.mail: {problem}")]
    Mail { problem: String },
    /// Nothing could be written there.
    #[error(
        "logic.history.engine is \"{url}\": write http:// and a host with its port, such as \
         http://victoria.example:8428"
    )]
    Engine { url: String },
    /// A lease would expire between two renewals.
    #[error(
        "logic.lease.lasts ({}) must be at least twice logic.lease.renewed_every ({})",
        duration::format(*lasts),
        duration::format(*renewed_every)
    )]
    Lease {
        lasts: Duration,
        renewed_every: Duration,
    },
}

impl Config {
    /// Refuses settings with which nothing would work.
    ///
    /// # Errors
    /// The first such setting.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check("logic")?;
        if let Some(url) = &self.http.advertise
            && !is_address(&url.replacen("https://", "http://", 1))
        {
            return Err(ConfigError::Advertise { url: url.clone() });
        }
        if let Some(url) = &self.otlp.url
            && !is_address(url)
        {
            return Err(ConfigError::Otlp { url: url.clone() });
        }
        if let Some(url) = self.alarms.webhooks.iter().find(|url| !is_webhook(url)) {
            return Err(ConfigError::Webhook { url: url.clone() });
        }
        self.login.validate()?;
        self.vault.validate()?;
        self.alarms.mail.validate()?;
        if let Some(url) = &self.history.engine
            && !is_address(url)
        {
            return Err(ConfigError::Engine { url: url.clone() });
        }
        let Lease {
            lasts,
            renewed_every,
        } = self.lease;
        if lasts < renewed_every * 2 {
            return Err(ConfigError::Lease {
                lasts,
                renewed_every,
            });
        }
        Ok(())
    }

    /// Returns the name of this logic environment: as set, or that of the host.
    ///
    /// # Errors
    /// The name of the host is not a valid name.
    pub fn name(&self) -> Result<LogicId, NameError> {
        match &self.id {
            Some(id) => Ok(id.clone()),
            None => LogicId::new(rustix::system::uname().nodename().to_string_lossy()),
        }
    }
}

/// Returns true if the text is a URL of HTTP with a host.
fn is_webhook(url: &str) -> bool {
    url.parse::<axum::http::Uri>()
        .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some())
}

/// Returns true if the text is `http://host:port` and nothing more.
fn is_address(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let Some((host, port)) = rest.trim_end_matches('/').rsplit_once(':') else {
        return false;
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    let port: Result<u16, _> = port.parse();
    !host.is_empty() && host.chars().all(is_host) && port.is_ok_and(|port| port > 0)
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(6),
            renewed_every: Duration::from_secs(2),
        }
    }
}

impl Default for Observe {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(30),
            pending_limit: 500_000,
            ended_kept: 10_000,
            first_reads_per_second: 2_000,
        }
    }
}
