//! The verdict on a pod as it is seen now: is it waited for, and how long?

use std::time::Duration;

use tokio::time::Instant;
use utakata_execution::{config, runtime::Exit};

use crate::{error::Error, seen::Seen};

/// The time beyond its grace in which the end of a pod that is deleted is seen, as a rule.
const BEYOND_GRACE: Duration = Duration::from_secs(15);

/// The moments from which waits are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    created: Instant,
    unstartable: Option<Instant>,
    must_go: Option<Instant>,
}

/// The verdict on a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is looked at again when something has changed, and after this time.
    Wait(Option<Duration>),
    /// It has ended.
    Ended(Exit),
    /// Its container will not be started.
    CannotBeHad(Cause),
    /// Nobody has seen its end in time: it may go on.
    OutOfReach,
}

/// The reason for which a container is not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Container { reason: String, message: String },
    Nowhere { message: String },
    Slow { within: Duration },
}

impl Cause {
    pub(super) fn error(self, image: &str) -> Error {
        match self {
            Self::Container { reason, message } => Error::of_container(image, &reason, &message),
            Self::Nowhere { message } => Error::Nowhere { message },
            Self::Slow { within } => Error::Slow { within },
        }
    }
}

impl Times {
    pub(super) fn new(created: Instant) -> Self {
        Self {
            created,
            unstartable: None,
            must_go: None,
        }
    }

    /// Notes since when it is as it is seen.
    pub(super) fn note(&mut self, seen: &Seen, now: Instant) {
        if seen.is_running {
            self.unstartable = None;
        } else if seen.unstartable.is_some() {
            // It goes between two tries: that is no progress.
            self.unstartable.get_or_insert(now);
        }
        if seen.must_go.is_some() {
            self.must_go.get_or_insert(now);
        }
    }
}

/// Decides what is to be made of a pod.
pub(super) fn judge(
    seen: &Seen,
    times: &Times,
    config: &config::Kubernetes,
    now: Instant,
) -> Verdict {
    let left = |since: Instant, within: Duration| {
        within.saturating_sub(now.saturating_duration_since(since))
    };
    if let Some(exit) = seen.exit() {
        return Verdict::Ended(exit);
    }
    if let Some((grace, since)) = seen.must_go.zip(times.must_go) {
        let left = left(since, grace + BEYOND_GRACE);
        return match left.is_zero() {
            true => Verdict::OutOfReach,
            false => Verdict::Wait(Some(left)),
        };
    }
    if seen.is_running {
        return Verdict::Wait(None);
    }
    let mut wait = left(times.created, config.starts_within);
    if wait.is_zero() {
        return Verdict::CannotBeHad(match &seen.unschedulable {
            Some(message) => Cause::Nowhere {
                message: message.clone(),
            },
            None => Cause::Slow {
                within: config.starts_within,
            },
        });
    }
    if let Some((reason, message)) = &seen.unstartable
        && let Some(since) = times.unstartable
    {
        let left = left(since, config.pull_grace);
        if left.is_zero() {
            return Verdict::CannotBeHad(Cause::Container {
                reason: reason.clone(),
                message: message.clone(),
            });
        }
        wait = wait.min(left);
    }
    Verdict::Wait(Some(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> config::Kubernetes {
        config::Kubernetes {
            starts_within: Duration::from_secs(60),
            pull_grace: Duration::from_secs(30),
            ..config::Kubernetes::default()
        }
    }

    /// The verdict so many seconds after a pod was first seen so.
    fn after(seconds: u64, seen: &Seen) -> Verdict {
        let start = Instant::now();
        let mut times = Times::new(start);
        times.note(seen, start);
        judge(
            seen,
            &times,
            &config(),
            start + Duration::from_secs(seconds),
        )
    }

    #[test]
    fn a_pod_is_waited_for_as_long_as_its_start_may_take() {
        let pending = Seen::default();
        let wait = Verdict::Wait(Some(Duration::from_secs(10)));
        assert_eq!(after(50, &pending), wait);
        let within = Duration::from_secs(60);
        let slow = Verdict::CannotBeHad(Cause::Slow { within });
        assert_eq!(after(60, &pending), slow);
        let nowhere = Seen {
            unschedulable: Some("0/1 nodes".into()),
            ..Seen::default()
        };
        let message = "0/1 nodes".into();
        let expect = Verdict::CannotBeHad(Cause::Nowhere { message });
        assert_eq!(after(60, &nowhere), expect);
        let running = Seen {
            is_running: true,
            ..Seen::default()
        };
        assert_eq!(after(10_000, &running), Verdict::Wait(None));
    }

    #[test]
    fn an_image_that_cannot_be_pulled_has_a_grace() {
        let pulled = Seen {
            unstartable: Some(("ErrImagePull".into(), "no".into())),
            ..Seen::default()
        };
        let wait = Verdict::Wait(Some(Duration::from_secs(1)));
        assert_eq!(after(29, &pulled), wait);
        let (reason, message) = ("ErrImagePull".into(), "no".into());
        let expect = Verdict::CannotBeHad(Cause::Container { reason, message });
        assert_eq!(after(30, &pulled), expect);
    }

    #[test]
    fn a_pod_that_must_go_and_is_not_seen_to_end_is_out_of_reach() {
        let deleted = Seen {
            is_running: true,
            must_go: Some(Duration::from_secs(5)),
            ..Seen::default()
        };
        let wait = Verdict::Wait(Some(Duration::from_secs(1)));
        assert_eq!(after(19, &deleted), wait);
        assert_eq!(after(20, &deleted), Verdict::OutOfReach);
        let gone = deleted.deleted();
        assert_eq!(after(1, &gone), Verdict::Ended(Exit::Evicted));
    }
}
