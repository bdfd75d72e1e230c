//! The topics to which some client of the broker listens.

use std::time::Duration;

use tokio::time::Instant;
use utakata_interconnect::topic;

/// The time for which a client that is about to subscribe counts as subscribed.
const GRACE: Duration = Duration::from_secs(10);

/// The wanted topics. One may count as wanted for longer than it is, never shorter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WantedTopics {
    pub(super) readings: bool,
    pub(super) outcomes: bool,
    last: Option<Instant>,
}

impl WantedTopics {
    pub(super) fn any(self) -> bool {
        self.readings || self.outcomes
    }

    /// Records that somebody is about to subscribe to this filter.
    pub(super) fn listen(&mut self, filter: &str, now: Instant) {
        self.readings |= reaches(filter, topic::READINGS);
        self.outcomes |= reaches(filter, topic::OUTCOMES);
        self.last = Some(now);
    }

    /// Records the number of filters with subscribers.
    pub(super) fn settle(&mut self, subscribed: usize, now: Instant) {
        if subscribed == 0 && self.last.is_none_or(|last| now >= last + GRACE) {
            *self = Self::default();
        }
    }
}

/// Returns true if a filter can match a topic below `root`, a filter that ends in `/#`.
fn reaches(filter: &str, root: &str) -> bool {
    for (level, wanted) in root.split('/').zip(filter.split('/')) {
        if level == "#" || wanted == "#" {
            return true;
        }
        if wanted != "+" && wanted != level {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_tells_what_can_come_through_it() {
        for (filter, readings, outcomes) in [
            ("utakata/v1/#", true, true),
            ("utakata/v1/+/+/+", true, true),
            ("utakata/v1/reading/#", true, false),
            ("utakata/v1/reading/pdu-a1/read", true, false),
            ("utakata/v1/outcome/+/snmp", false, true),
            ("utakata/v1/environment/#", false, false),
            ("utakata/v1/+", false, false),
        ] {
            let mut wanted = WantedTopics::default();
            wanted.listen(filter, Instant::now());
            assert_eq!(
                (wanted.readings, wanted.outcomes),
                (readings, outcomes),
                "{filter}"
            );
        }
    }

    #[test]
    fn what_was_wanted_is_so_until_nobody_is_left_and_some_time_has_passed() {
        let (mut wanted, now) = (WantedTopics::default(), Instant::now());
        wanted.listen("utakata/v1/#", now);
        wanted.settle(0, now + GRACE - Duration::from_millis(1));
        assert!(wanted.any(), "it may be about to be subscribed to");
        wanted.settle(1, now + GRACE);
        assert!(wanted.any(), "somebody is subscribed");
        wanted.settle(0, now + GRACE);
        assert!(!wanted.any());
    }
}
