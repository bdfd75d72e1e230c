//! The times at which messages to people are sent: the first soon, later ones later and later while
//! a storm lasts. Pure.

use std::time::Duration;

/// The pause after the first message; it doubles with each one.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(600);
/// The time without a message, beyond the pause, after which the next one is a first one.
const CALM: Duration = Duration::from_secs(600);

/// The pace of messages. Times are those since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    gather: Duration,
    /// The time of the last message, and the pause after it.
    last: Option<(Duration, Duration)>,
}

impl Pace {
    /// Creates a pace whose first message gathers for a time.
    pub fn gathering(gather: Duration) -> Self {
        Self { gather, last: None }
    }

    /// Returns the time at which what has waited since a time is sent.
    pub fn due(&self, since: Duration) -> Duration {
        let gathered = since + self.gather;
        match self.last {
            Some((at, pause)) => gathered.max(at + pause),
            None => gathered,
        }
    }

    /// Notes that a message was sent.
    pub fn sent(&mut self, at: Duration) {
        let pause = match self.last {
            Some((last, pause)) if at < last + pause + CALM => (pause * 2).min(MAX_PAUSE),
            _ => FIRST_PAUSE,
        };
        self.last = Some((at, pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the seconds at which messages are sent while something new comes each second.
    fn storm(lasts: u64) -> Vec<u64> {
        let mut pace = Pace::gathering(Duration::from_secs(10));
        let (mut sent, mut since) = (Vec::new(), None);
        for second in 0..lasts {
            let now = Duration::from_secs(second);
            let waits = *since.get_or_insert(now);
            if pace.due(waits) <= now {
                pace.sent(now);
                sent.push(second);
                since = None;
            }
        }
        sent
    }

    #[test]
    fn an_hour_of_storm_is_nine_messages_and_the_first_comes_soon() {
        let sent = storm(3600);
        assert_eq!(sent[..4], [10, 70, 190, 430]);
        assert_eq!(sent.len(), 9, "{sent:?}");
    }

    #[test]
    fn after_a_calm_the_next_message_comes_soon_again() {
        let at = Duration::from_secs;
        let mut pace = Pace::gathering(at(10));
        pace.sent(at(10));
        pace.sent(at(70));
        assert_eq!(pace.due(at(100)), at(190));
        assert_eq!(pace.due(at(2_000)), at(2_010));
        pace.sent(at(2_010));
        assert_eq!(pace.due(at(2_011)), at(2_070));
    }
}
