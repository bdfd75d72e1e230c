//! The running services of the kinds, and those that have panicked: a bug of ours, after which the
//! kind is served again, later each time.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use utakata_model::{Kind, environment::RestartedKind};

use crate::{config::Backoff, kind::Failures};

/// The running services: each returns the number of attempts that it has given up.
#[derive(Debug, Default)]
pub(super) struct Running {
    services: JoinSet<usize>,
    /// A service that has panicked leaves only its id.
    kinds: HashMap<Id, (Kind, Instant)>,
}

/// The end of a service.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) kind: Kind,
    pub(super) lived: Duration,
    /// The number of attempts that it has given up, unless it has panicked.
    pub(super) given_up: Result<usize, JoinError>,
}

impl Running {
    pub(super) fn spawn(
        &mut self,
        kind: Kind,
        service: impl Future<Output = usize> + Send + 'static,
    ) {
        let task = self.services.spawn(service);
        self.kinds.insert(task.id(), (kind, Instant::now()));
    }

    /// Waits for the next end; `None` if nothing is running. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        loop {
            let (id, given_up) = match self.services.join_next_with_id().await? {
                Ok((id, given_up)) => (id, Ok(given_up)),
                Err(error) => (error.id(), Err(error)),
            };
            let kind = self.kinds.remove(&id);
            if let Some((kind, since)) =
                utakata_invariant::present(kind, "a service has no kind", &id)
            {
                let lived = since.elapsed();
                return Some(Ended {
                    kind,
                    lived,
                    given_up,
                });
            }
        }
    }

    pub(super) async fn shutdown(&mut self) {
        self.services.shutdown().await;
    }
}

/// The kinds whose services have panicked.
#[derive(Debug)]
pub(super) struct Restarts {
    backoff: Backoff,
    kinds: BTreeMap<Kind, Restart>,
}

#[derive(Debug)]
struct Restart {
    count: u64,
    last: Timestamp,
    failures: Failures,
}

impl Restarts {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            kinds: BTreeMap::new(),
        }
    }

    /// Counts the panic of a service that had lived for this long.
    pub(super) fn on_panic(&mut self, kind: Kind, lived: Duration, now: Instant, clock: Timestamp) {
        let restart = self.kinds.entry(kind).or_insert(Restart {
            count: 0,
            last: clock,
            failures: Failures::default(),
        });
        restart.count += 1;
        restart.last = clock;
        restart.failures = restart.failures.on_death(now, lived, &self.backoff);
    }

    /// Returns true if a kind may be served.
    pub(super) fn allow(&self, kind: &Kind, now: Instant) -> bool {
        let restart = self.kinds.get(kind);
        restart.is_none_or(|restart| restart.failures.allow(now))
    }

    /// Returns the next moment at which a kind may be served again.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let all = self.kinds.values();
        let moments = all.filter_map(|restart| restart.failures.not_before());
        moments.filter(|at| *at > now).min()
    }

    /// Returns the kinds for the status.
    pub(super) fn status(&self) -> Vec<RestartedKind> {
        let all = self.kinds.iter();
        let status = all.map(|(kind, restart)| RestartedKind {
            kind: kind.clone(),
            count: restart.count,
            last: restart.last,
        });
        status.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_served_again_later_each_time_and_others_are_not_held_up() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            max: Duration::from_secs(3),
            forgiven_after: Duration::from_secs(60),
        };
        let (snmp, ups): (Kind, Kind) = ("snmp".parse().unwrap(), "ups".parse().unwrap());
        let (now, clock) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let mut restarts = Restarts::new(backoff);
        assert!(restarts.allow(&snmp, now) && restarts.next(now).is_none());
        for seconds in [1, 2, 3, 3] {
            restarts.on_panic(snmp.clone(), Duration::ZERO, now, clock);
            let at = now + Duration::from_secs(seconds);
            assert!(!restarts.allow(&snmp, now) && restarts.allow(&ups, now));
            assert_eq!(restarts.next(now), Some(at));
            assert!(restarts.allow(&snmp, at) && restarts.next(at).is_none());
        }
        // A long life in between resets the back-off; all panics are counted.
        restarts.on_panic(snmp.clone(), backoff.forgiven_after, now, clock);
        assert_eq!(restarts.next(now), Some(now + backoff.first));
        let expect = RestartedKind {
            kind: snmp,
            count: 5,
            last: clock,
        };
        assert_eq!(restarts.status(), [expect]);
    }
}
