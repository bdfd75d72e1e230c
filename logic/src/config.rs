//! Configuration of the logic environment.

mod url;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    LogicId, NameError, duration, setting,
    settings::{self, Setting as _},
};
use utakata_settings::Settings;

pub use url::{Invalid, Url};

/// The part `logic` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP API.
    pub http: Http,
    /// Reads, by schedule and on demand.
    pub observe: Observe,
    /// Operations that change something.
    pub control: Control,
    /// The store.
    pub store: Store,
    /// The name of this logic environment, unique among all; the name of the host when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<LogicId>,
    /// The sharing of duties, where there are several logic environments.
    pub lease: Lease,
}

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The address that the HTTP API listens on. Beyond loopback, put TLS in front of it.
    pub listen: SocketAddr,
    /// The URL at which the other logic environments reach the API, such as
    /// `http://le-1.example:7700`; the address that it listens on when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub advertise: Option<String>,
    /// The token of admin, the same for all logic environments; made in the data directory when not
    /// set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The most connections at a time; fewer where the system gives fewer open files.
    #[setting(max = 1_000_000)]
    pub connections: usize,
    /// The most of them from one address: of a proxy, from all behind it.
    #[setting(max = 1_000_000)]
    pub connections_per_address: usize,
    /// The most clients of /v1/events at a time, counted apart.
    #[setting(max = 1_000_000)]
    pub streams: usize,
    /// A connection that has shown no valid token ends after this.
    #[serde(with = "duration")]
    pub header_timeout: Duration,
    /// A connection on which nothing is asked ends after this.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// A body that has not arrived within this time is refused.
    #[serde(with = "duration")]
    pub body_timeout: Duration,
    /// The most bytes of a request's body.
    #[setting(max = 1_073_741_824, form = "bytes")]
    pub body_limit: usize,
    /// A request is given up after this and its own wait.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The number of events that are kept for clients of `/v1/events` that are slow to fetch them.
    #[setting(max = 1_000_000)]
    pub events_kept: usize,
}

/// Reads, by schedule and on demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Observe {
    /// A read on demand is not begun later than this after it was asked for.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// The most reads under way at once; beyond it they are refused or left out.
    #[setting(max = 100_000_000)]
    pub pending_limit: usize,
    /// The number of reads that have ended that are kept, in memory, to be looked at.
    #[setting(or_zero, max = 10_000_000)]
    pub ended_kept: usize,
    /// The most targets in a second that are read at once because they were never read before.
    pub first_reads_per_second: u32,
}

/// The sharing of duties, where there are several logic environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Lease {
    /// The life of a lease: the work of one that has died is taken over after it.
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
    /// A control task is not begun later than this after it was its turn.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// An operation that waits longer, for an approval, a pause or its pace, is not begun.
    #[serde(with = "duration")]
    pub patience: Duration,
    /// The time that the end of an attempt may take beyond the timeout of its action, and an
    /// outcome of a read beyond its lifetime, before it counts as missing.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// The life of a permit: an environment that gets it later does not begin.
    #[serde(with = "duration")]
    pub window: Duration,
    /// The time that a target may take to show what was done to it, where the manifest says nothing
    /// of that.
    #[serde(with = "duration")]
    #[setting(or_zero)]
    pub settling: Duration,
    /// The time for which it is tried to read back a target that does not answer, before a person
    /// has to say what became of a task.
    #[serde(with = "duration")]
    pub read_back_within: Duration,
    /// The time that reading the present value of a target may take before it is changed, where the
    /// change can be undone.
    #[serde(with = "duration")]
    pub capture_within: Duration,
    /// A task that nobody asks for is published again after this, then twice as long.
    #[serde(with = "duration")]
    pub publish_again: Duration,
    /// The most attempts at one task that are made without a person.
    pub attempts: u32,
    /// The risk of actions that somebody else than who asks has to approve.
    pub approval: Approval,
    /// An operation on more targets than this must say how many, or show its plan.
    #[setting(or_zero)]
    pub many: usize,
}

/// The actions that somebody else than the one who asks has to approve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// None.
    #[default]
    Never,
    /// Those of high risk.
    High,
    /// All.
    Always,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The PostgreSQL database that keeps everything; a SQLite file in DATA when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// The interval at which the last readings are written. What was seen since is lost when the
    /// machine dies, and shows as stale until it is seen again.
    #[serde(with = "duration")]
    pub flush: Duration,
    /// The most rows of readings that are written at once.
    #[setting(max = 10_000_000)]
    pub flush_rows: usize,
}

setting! {
    Approval: "never, high or always",
    Url: "postgres://...",
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that cannot be.
    #[error(transparent)]
    Wrong(#[from] settings::Wrong),
    /// No other logic environment could use it.
    #[error(
        "logic.http.advertise is \"{url}\": write http:// and a host with its port, such as \
         http://le-1.example:7700"
    )]
    Advertise {
        /// As set.
        url: String,
    },
    /// A lease would be lost between two renewals.
    #[error(
        "logic.lease.lasts ({}) must be at least twice logic.lease.renewed_every ({})",
        duration::format(*lasts),
        duration::format(*renewed_every)
    )]
    Lease {
        /// As set.
        lasts: Duration,
        /// As set.
        renewed_every: Duration,
    },
}

impl Config {
    /// Refuses settings with which nothing would work.
    ///
    /// # Errors
    /// The first that is found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check("logic")?;
        if let Some(url) = &self.http.advertise
            && !is_address(url)
        {
            return Err(ConfigError::Advertise { url: url.clone() });
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

    /// The name of this logic environment: as set, or that of the host.
    ///
    /// # Errors
    /// The host has no name that could name it.
    pub fn name(&self) -> Result<LogicId, NameError> {
        match &self.id {
            Some(id) => Ok(id.clone()),
            None => LogicId::new(rustix::system::uname().nodename().to_string_lossy()),
        }
    }
}

/// `http://host:port`, and nothing behind it.
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
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: None,
            flush: Duration::from_secs(1),
            flush_rows: 20_000,
        }
    }
}
