//! Reports foreign messages without flooding the log: for each topic once a minute.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// The time after which a topic is reported again.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// The number of topics that are remembered; beyond it nothing is reported for a while.
const MAX_TOPICS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct ReportedTopics(HashMap<String, Instant>);

impl ReportedTopics {
    /// Returns true if a foreign message on this topic is to be reported now.
    pub(super) fn is_new(&mut self, topic: &str, now: Instant) -> bool {
        let is_fresh = |told: &Instant| now.duration_since(*told) < RETRY_AFTER;
        if self.0.get(topic).is_some_and(is_fresh) {
            return false;
        }
        if self.0.len() >= MAX_TOPICS {
            self.0.retain(|_, told| is_fresh(told));
        }
        if self.0.len() >= MAX_TOPICS {
            return false;
        }
        self.0.insert(topic.into(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_reported_once_a_minute_and_many_are_not_reported() {
        let (mut told, start) = (ReportedTopics::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(told.is_new("a", start));
        assert!(!told.is_new("a", after(59)));
        assert!(told.is_new("b", after(59)));
        assert!(told.is_new("a", after(60)));
        let new = (0..1_000).filter(|n| told.is_new(&format!("t{n}"), after(60)));
        assert_eq!(new.count(), MAX_TOPICS - 2);
        assert!(!told.is_new("c", after(118)));
        assert!(told.is_new("c", after(121)));
    }
}
