//! What every connection to a broker has in common: how it is, when it is tried again, how it is
//! hidden from others.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utakata_model::ConnectionStatus;

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

/// What happened to a connection counts among its notices for so long.
const NOTICED: Duration = Duration::from_secs(600);
/// A connection that is lost so often within that time is unsteady.
const UNSTEADY: usize = 3;
/// The most losses of a connection that are remembered.
const LOSSES_MAX: usize = 1_000;
/// The most notices of a connection that are kept.
const NOTICES_MAX: usize = 20;

/// Keeps how a connection is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    connection: ConnectionStatus,
    /// When it was lost, lately, and why the last time.
    losses: VecDeque<Instant>,
    last_problem: String,
    /// What was noticed, and when it was last.
    notices: Vec<(String, Instant)>,
}

impl State {
    /// What is wrong with it although it is there.
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
    /// Of a connection that was not made yet.
    pub fn new(name: &str, to: impl Into<String>) -> Self {
        let connection = ConnectionStatus {
            name: name.into(),
            to: to.into(),
            since: Timestamp::now(),
            problem: Some("it was not made yet".into()),
            lost: 0,
            waiting: 0,
            dropped: 0,
            ignored: 0,
            notices: Vec::new(),
        };
        Self(Arc::new(Mutex::new(State {
            connection,
            losses: VecDeque::new(),
            last_problem: String::new(),
            notices: Vec::new(),
        })))
    }

    /// How it is.
    pub fn look(&self) -> ConnectionStatus {
        let state = self.0.lock();
        ConnectionStatus {
            notices: state.notices(Instant::now()),
            ..state.connection.clone()
        }
    }

    /// Why it is not there; absent while it is.
    pub fn problem(&self) -> Option<String> {
        self.0.lock().connection.problem.clone()
    }

    /// Something is wrong with it although it is there: what, and what to do. It is told for a
    /// while, and logged when it is new.
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
        if state.notices.len() < NOTICES_MAX {
            state.notices.push((notice, now));
        }
    }

    /// It is there.
    pub fn made(&self) {
        let connection = &mut self.0.lock().connection;
        if connection.problem.take().is_some() {
            connection.since = Timestamp::now();
            tracing::info!(name = connection.name, to = connection.to, "connected");
        }
    }

    /// It is not there, or not any more.
    pub fn lost(&self, problem: impl Into<String>) {
        let state = &mut *self.0.lock();
        let connection = &mut state.connection;
        let problem = problem.into();
        state.last_problem.clone_from(&problem);
        if connection.problem.is_none() {
            connection.since = Timestamp::now();
            connection.lost += 1;
            state.losses.push_back(Instant::now());
            if state.losses.len() > LOSSES_MAX {
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

    /// So many messages wait to be sent.
    pub fn waiting(&self, count: usize) {
        self.0.lock().connection.waiting = count as u64;
    }

    /// So many more expendable messages were dropped.
    pub fn dropped(&self, more: usize) {
        self.0.lock().connection.dropped += more as u64;
    }

    /// So many more messages were ignored.
    pub fn ignored(&self, more: usize) {
        self.0.lock().connection.ignored += more as u64;
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
    fn what_is_wrong_with_a_connection_that_is_there_is_told_for_a_while() {
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
