//! The common parts of connections to brokers: their health, the waits between attempts, and TLS.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utakata_model::{Backoff, ConnectionStatus};
use utakata_settings::Settings;

use crate::{clock, signatures::Distrust};

/// Certificates, as paths of PEM files. Without a `ca`, those of the system are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The authority that vouches for the broker, as PEM; those of the system when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Our own certificate, if the broker requires one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The key of our own certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// The time for which a loss of a connection counts among its notices.
const NOTICED: Duration = Duration::from_secs(600);
/// The number of losses within that time from which a connection is unsteady.
const UNSTEADY: usize = 3;
/// The largest number of losses of a connection that are remembered.
const MAX_LOSSES: usize = 1_000;
/// The largest number of notices of a connection that are kept.
const MAX_NOTICES: usize = 20;

/// The difference from which a clock counts as set.
const MIN_STEP: SignedDuration = SignedDuration::from_secs(1);

/// The health of a connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    connection: ConnectionStatus,
    /// The time since which it is so, on the monotonic clock.
    since: Instant,
    /// The times of its recent losses, with the last reason.
    losses: VecDeque<Instant>,
    last_problem: String,
    /// The notices, with the time at which each was last given.
    notices: Vec<(String, Instant)>,
}

impl State {
    /// Returns the notices about it, although it is up.
    fn notices(&self, now: Instant) -> Vec<String> {
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < NOTICED;
        let noticed = self.notices.iter().filter(|(_, at)| is_recent(at));
        let mut notices: Vec<String> = noticed.map(|(notice, _)| notice.clone()).collect();
        let lost = self.losses.iter().filter(|at| is_recent(at)).count();
        if lost >= UNSTEADY {
            let (minutes, last) = (NOTICED.as_secs() / 60, &self.last_problem);
            notices.push(format!(
                "it was lost {lost} times within {minutes} minutes, the last time: {last}"
            ));
        }
        notices
    }
}

impl Health {
    /// Creates the health of a connection that was not made yet.
    pub fn new(name: &str, to: impl Into<String>) -> Self {
        let connection = ConnectionStatus {
            name: name.into(),
            to: to.into(),
            since: clock::now(),
            problem: Some("it was not made yet".into()),
            lost: 0,
            waiting: 0,
            dropped: 0,
            ignored: 0,
            distrusted: 0,
            notices: Vec::new(),
        };
        Self(Arc::new(Mutex::new(State {
            connection,
            since: Instant::now(),
            losses: VecDeque::new(),
            last_problem: String::new(),
            notices: Vec::new(),
        })))
    }

    /// Returns the status of the connection.
    pub fn look(&self) -> ConnectionStatus {
        let mut state = self.0.lock();
        let now = clock::now();
        let since = now.checked_sub(state.since.elapsed()).unwrap_or(now);
        // The same moment each time, unless somebody has set the clock.
        if since.duration_since(state.connection.since).abs() >= MIN_STEP {
            state.connection.since = since;
        }
        ConnectionStatus {
            notices: state.notices(Instant::now()),
            ..state.connection.clone()
        }
    }

    /// Returns the reason why it is down; `None` while it is up.
    pub fn problem(&self) -> Option<String> {
        self.0.lock().connection.problem.clone()
    }

    /// Records a problem of a connection that is up, with its cure. It is reported for a while, and
    /// logged when it is new.
    pub fn notice(&self, notice: impl Into<String>) {
        let (notice, now) = (notice.into(), Instant::now());
        let mut state = self.0.lock();
        state
            .notices
            .retain(|(_, at)| now.saturating_duration_since(*at) < NOTICED);
        if let Some((_, at)) = state.notices.iter_mut().find(|(one, _)| *one == notice) {
            *at = now;
            return;
        }
        let ConnectionStatus { name, to, .. } = &state.connection;
        tracing::warn!(name, to, notice, "a connection is not as it should be");
        if state.notices.len() < MAX_NOTICES {
            state.notices.push((notice, now));
        }
    }

    /// Records that the connection was made.
    pub fn made(&self) {
        let State {
            connection, since, ..
        } = &mut *self.0.lock();
        if connection.problem.take().is_some() {
            connection.since = clock::now();
            *since = Instant::now();
            tracing::info!(name = connection.name, to = connection.to, "connected");
        }
    }

    /// Records that it is down, or was lost.
    pub fn lost(&self, problem: impl Into<String>) {
        let state = &mut *self.0.lock();
        let connection = &mut state.connection;
        let problem = problem.into();
        state.last_problem.clone_from(&problem);
        if connection.problem.is_none() {
            connection.since = clock::now();
            state.since = Instant::now();
            connection.lost += 1;
            state.losses.push_back(Instant::now());
            if state.losses.len() > MAX_LOSSES {
                state.losses.pop_front();
            }
        }
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

    /// Records the number of messages waiting to be sent.
    pub fn waiting(&self, count: usize) {
        self.0.lock().connection.waiting = count as u64;
    }

    /// Counts expendable messages that were dropped.
    pub fn dropped(&self, more: usize) {
        self.0.lock().connection.dropped += more as u64;
    }

    /// Counts a message that did not count, and reports it for a while.
    pub fn distrusted(&self, place: &str, reason: &Distrust) {
        self.0.lock().connection.distrusted += 1;
        self.notice(format!("a message for {place} did not count: {reason}"));
    }

    /// Counts messages that were ignored.
    pub fn ignored(&self, more: usize) {
        self.0.lock().connection.ignored += more as u64;
    }
}

/// The waits between attempts to connect.
pub const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// Returns a random number to jitter a wait.
pub fn draw() -> u16 {
    // The keys of a new hasher are as random as this needs.
    let [low, high, ..] = RandomState::new().hash_one(()).to_le_bytes();
    u16::from_le_bytes([low, high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_connection_that_is_there_is_reported_for_a_while() {
        let health = Health::new("events", "mqtt://broker:1883");
        for _ in 0..UNSTEADY - 1 {
            health.made();
            health.lost("the broker has hung up");
        }
        health.made();
        assert_eq!(health.look().notices, [""; 0]);
        health.lost("reset");
        health.made();
        let notices = health.look().notices;
        assert!(notices[0].contains("3 times") && notices[0].contains("reset"));
        health.notice("another process has its name");
        health.notice("another process has its name");
        assert_eq!(health.look().notices.len(), 2);
        let later = Instant::now() + NOTICED;
        assert_eq!(health.0.lock().notices(later), [""; 0]);
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
