//! The configuration of the logic environment.

mod login;
mod mail;
mod url;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    LogicId, NameError, duration, setting,
    settings::{self, Setting as _},
};
use utakata_settings::Settings;

pub use login::Login;
pub use mail::{Mail, MailServer};
pub use url::{Invalid, Url};

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

/// Operations that change something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The time after its turn has come within which a control task must begin.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// The longest time for which an operation may wait for an approval, a pause or its pace.
    #[serde(with = "duration")]
    pub patience: Duration,
    /// The time that the end of an attempt may take beyond the timeout of its action, and the
    /// outcome of a read beyond its lifetime, before it counts as missing.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// The validity of a permit: an environment that receives it later does not begin.
    #[serde(with = "duration")]
    pub window: Duration,
    /// The time that a target may take to show an effect, unless the manifest sets another.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub settling: Duration,
    /// The time for which a read-back is retried if the target does not answer, before a person has
    /// to settle the task.
    #[serde(with = "duration")]
    pub read_back_within: Duration,
    /// The time that reading the present value of a target may take before it is changed, if the
    /// change can be undone.
    #[serde(with = "duration")]
    pub capture_within: Duration,
    /// The time after which a task that nobody has asked for is published again. It doubles each
    /// time.
    #[serde(with = "duration")]
    pub publish_again: Duration,
    /// The largest number of attempts at a task without a person.
    pub attempts: u32,
    /// The risk of actions that somebody other than the requester has to approve.
    pub approval: Approval,
    /// The number of targets above which an operation must state their number, or show its plan.
    #[setting(or_zero)]
    pub many: usize,
    /// Unsafe, for a drill that must detect what envelopes prevent: none is asked. Neither a key,
    /// nor a field in a program that users run.
    #[cfg(feature = "test-support")]
    #[serde(skip)]
    pub without_envelopes: bool,
}

/// The actions that somebody other than the requester has to approve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// No operation.
    #[default]
    Never,
    /// Operations of high risk.
    High,
    /// All operations.
    Always,
}

/// The store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The PostgreSQL database that keeps everything; a SQLite file in DATA when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
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
    /// `openssl rand -base64 32` makes; the same for all logic environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_file: Option<PathBuf>,
}

/// The history of readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// The time for which every value is kept, in whole days.
    #[serde(with = "duration")]
    pub keep: Duration,
    /// The time for which the figures of each hour are kept (least, greatest, sum, number, last),
    /// in whole days.
    #[serde(with = "duration")]
    pub keep_hours: Duration,
    /// The largest space on the disk, in MiB: beyond it the oldest values are deleted first.
    #[setting(max = 1_000_000_000)]
    pub max_disk_mib: usize,
    /// The space on the disk, in MiB, that is left to others, though at most a twentieth of the
    /// disk: history yields first, so that control can still be recorded.
    #[setting(max = 1_000_000_000)]
    pub min_free_mib: usize,
    /// The URL of an engine that speaks Prometheus, such as `http://victoria.example:8428`: readings
    /// are written there as well, and questions about the past are answered from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub engine: Option<String>,
}

setting! {
    Approval: "never, high or always",
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

impl Default for Control {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(60),
            patience: Duration::from_secs(24 * 3600),
            grace: Duration::from_secs(5),
            window: Duration::from_secs(5),
            settling: Duration::from_secs(2),
            read_back_within: Duration::from_secs(60),
            capture_within: Duration::from_secs(5),
            publish_again: Duration::from_secs(10),
            attempts: 5,
            approval: Approval::Never,
            many: 100,
            #[cfg(feature = "test-support")]
            without_envelopes: false,
        }
    }
}

impl Control {
    /// Returns false if no envelope is asked, which happens only in drills.
    #[cfg(feature = "test-support")]
    pub(crate) fn asks_envelopes(&self) -> bool {
        !self.without_envelopes
    }

    #[cfg(not(feature = "test-support"))]
    pub(crate) fn asks_envelopes(&self) -> bool {
        true
    }
}

impl Default for History {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            keep: DAY * 90,
            keep_hours: DAY * 1825,
            max_disk_mib: 20_000,
            min_free_mib: 1000,
            engine: None,
        }
    }
}
