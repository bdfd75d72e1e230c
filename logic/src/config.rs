//! Configuration of the logic environment.

mod url;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{LogicId, NameError, duration};

pub use url::{Invalid, Url};

/// The part `logic` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// The name of the logic environment, unique among all. Default: the name of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<LogicId>,
    /// The sharing of duties, where there are several logic environments.
    pub lease: Lease,
}

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// The address that it listens on. Beyond loopback, put TLS in front of it.
    pub listen: SocketAddr,
    /// The URL at which the other logic environments reach it: `http://le-1.example:7700`. Default:
    /// the address that it listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// The file with the token of `admin`, the same for all logic environments. Default: one is
    /// made in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The most connections at a time. Where the system gives fewer open files, there are fewer.
    pub connections: usize,
    /// The most of them from one address.
    pub connections_per_address: usize,
    /// The most clients that follow the events, which are counted apart.
    pub streams: usize,
    /// A connection without a valid token ends after this.
    #[serde(with = "duration")]
    pub header_timeout: Duration,
    /// A connection on which nothing is asked ends after this.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// A body that has not arrived within this time is refused.
    #[serde(with = "duration")]
    pub body_timeout: Duration,
    /// The most bytes of a request's body.
    pub body_limit: usize,
    /// A request is given up after this and its own `wait`.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The number of events that are kept for clients of `/v1/events` that are slow to fetch them.
    pub events_kept: usize,
}

/// Reads, by schedule and on demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Observe {
    /// A read on demand is not begun later than this after it was asked for (or than its
    /// `wait`, where that is longer). A scheduled read is not begun after its interval.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// The most reads that are under way at once. Beyond it, reads on demand are refused and
    /// scheduled ones are left out.
    pub pending_limit: usize,
    /// The number of reads that have ended that are kept, in memory, to be looked at.
    pub ended_kept: usize,
    /// The most targets in a second that are read at once because they were never read before.
    pub first_reads_per_second: u32,
}

/// The sharing of duties, where there are several logic environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// A control task is not begun later than this after it was its turn.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// An operation that waits longer than this, for an approval, a pause or its own pace, is
    /// not begun any more.
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
    pub settling: Duration,
    /// The time for which it is tried to read back a target that does not answer, before a person
    /// has to say what became of a task.
    #[serde(with = "duration")]
    pub read_back_within: Duration,
    /// The time that reading the present value of a target may take before it is changed, where the
    /// change can be undone.
    #[serde(with = "duration")]
    pub capture_within: Duration,
    /// A task that no environment asks for is published again after this, then after twice as
    /// long.
    #[serde(with = "duration")]
    pub publish_again: Duration,
    /// The most attempts at one task that are made without a person.
    pub attempts: u32,
    /// The risk of actions that somebody else than who asks has to approve.
    pub approval: Approval,
    /// An operation on more targets than this must say so.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The database that keeps everything; a SQLite file in the data directory when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// The interval at which the last readings are written. What was seen since is lost when the
    /// machine dies, and shows as stale until it is seen again.
    #[serde(with = "duration")]
    pub flush: Duration,
    /// The most rows of readings that are written at once; the others wait for the next time.
    pub flush_rows: usize,
}

impl Config {
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
