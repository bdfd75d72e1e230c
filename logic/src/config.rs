//! Configuration of the logic environment.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::duration;

/// How the logic environment works: the part `logic` of the configuration.
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
}

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where it listens. Beyond loopback, put TLS in front of it.
    pub listen: SocketAddr,
    /// The most bytes of a request's body.
    pub body_limit: usize,
    /// A request is given up after this and its own `wait`.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// How many events are kept for clients of `/v1/events` that are slow to fetch them.
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
    /// How many reads that have ended are kept, in memory, to be looked at.
    pub ended_kept: usize,
    /// What was never read before is read at once: so many in a second at the most.
    pub first_reads_per_second: u32,
}

/// Operations that change something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// A control task is not begun later than this after it was asked for.
    #[serde(with = "duration")]
    pub lifetime: Duration,
    /// How long an outcome may take to come, beyond the lifetime and the timeout of the action,
    /// before the task is `unknown` (control) or `expired` (observe).
    #[serde(with = "duration")]
    pub grace: Duration,
}

/// The store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// How often the last readings are written. What was seen since is lost when the machine
    /// dies, and shows as stale until it is seen again.
    #[serde(with = "duration")]
    pub flush: Duration,
    /// The most rows of readings that are written at once; the others wait for the next time.
    pub flush_rows: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            body_limit: 16 * 1024 * 1024,
            timeout: Duration::from_secs(30),
            events_kept: 8192,
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
            grace: Duration::from_secs(5),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            flush: Duration::from_secs(1),
            flush_rows: 20_000,
        }
    }
}
