//! What every connection to a broker has in common: how it is, when it is tried again, how it is
//! hidden from others.

use std::{
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utakata_model::ConnectionStatus;

use crate::clock;

/// Certificates, as paths of PEM files. Without a `ca`, those of the system are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Who vouches for the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Our own certificate, where the broker wants one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The key of our own certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// A clock that is off by more than that was set.
const STEP_MIN: SignedDuration = SignedDuration::from_secs(1);

/// Keeps how a connection is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<Kept>>);

/// How a connection is, and since when by the clock that nobody sets.
#[derive(Debug)]
struct Kept {
    status: ConnectionStatus,
    since: Instant,
}

impl Health {
    /// Of a connection that was not made yet.
    pub fn new(name: &str, to: impl Into<String>) -> Self {
        let status = ConnectionStatus {
            name: name.into(),
            to: to.into(),
            since: clock::now(),
            problem: Some("it was not made yet".into()),
            lost: 0,
            waiting: 0,
            dropped: 0,
            ignored: 0,
        };
        let since = Instant::now();
        Self(Arc::new(Mutex::new(Kept { status, since })))
    }

    /// How it is.
    pub fn look(&self) -> ConnectionStatus {
        let mut kept = self.0.lock();
        let now = clock::now();
        let since = now.checked_sub(kept.since.elapsed()).unwrap_or(now);
        // The same moment each time, unless somebody has set the clock.
        if since.duration_since(kept.status.since).abs() >= STEP_MIN {
            kept.status.since = since;
        }
        kept.status.clone()
    }

    /// Why it is not there; absent while it is.
    pub fn problem(&self) -> Option<String> {
        self.0.lock().status.problem.clone()
    }

    /// It is there.
    pub fn made(&self) {
        let mut kept = self.0.lock();
        if kept.status.problem.take().is_some() {
            kept.since = Instant::now();
            kept.status.since = clock::now();
            let connection = &kept.status;
            tracing::info!(name = connection.name, to = connection.to, "connected");
        }
    }

    /// It is not there, or not any more.
    pub fn lost(&self, problem: impl Into<String>) {
        let mut kept = self.0.lock();
        let problem = problem.into();
        if kept.status.problem.is_none() {
            kept.since = Instant::now();
            kept.status.since = clock::now();
            kept.status.lost += 1;
        }
        let connection = &mut kept.status;
        if connection.problem.as_ref() != Some(&problem) {
            tracing::warn!(
                name = connection.name,
                to = connection.to,
                problem,
                "not connected; trying again"
            );
        }
        connection.problem = Some(problem);
    }

    /// So many messages wait to be sent.
    pub fn waiting(&self, count: usize) {
        self.0.lock().status.waiting = count as u64;
    }

    /// So many more expendable messages were dropped.
    pub fn dropped(&self, more: usize) {
        self.0.lock().status.dropped += more as u64;
    }

    /// So many more messages were ignored.
    pub fn ignored(&self, more: usize) {
        self.0.lock().status.ignored += more as u64;
    }
}

/// Waits between tries: doubled each time, up to a limit, and up to half of it more by chance,
/// so that clients of a broker that comes back do not all come at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(5))
    }
}

impl Backoff {
    /// From the first wait to the longest.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            next: first,
        }
    }

    /// It has worked: the next failure waits as the first one did.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait now.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        // The hasher's keys are as random as this needs.
        let part = u32::try_from(RandomState::new().hash_one(wait) % 512).unwrap_or_default();
        wait + wait / 1024 * part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
        for expect in [100, 200, 300, 300] {
            let wait = backoff.wait().as_millis();
            assert!((expect..=expect * 3 / 2).contains(&wait), "{wait}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(150));
    }

    #[test]
    fn a_connection_tells_since_when_it_is_away_and_how_often_it_was_lost() {
        let health = Health::new("tasks", "amqp://broker:5672/site");
        assert_eq!(health.look().lost, 0);
        health.lost("no route to host");
        assert_eq!(health.look().lost, 0, "it never was there");
        health.made();
        assert_eq!(health.problem(), None);
        health.lost("reset");
        health.lost("refused");
        health.dropped(3);
        let seen = health.look();
        assert_eq!((seen.lost, seen.dropped), (1, 3));
        assert_eq!(seen.problem.as_deref(), Some("refused"));
    }
}
