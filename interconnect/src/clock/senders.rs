//! The senders whose stamps were received: their clocks, and the transit of their messages. Pure.
//!
//! The difference between a sender's monotonic clock and ours is constant. What a message shows of
//! it is larger, by the time that it was under way: so the least difference that was seen is
//! nearest to the truth, and the excess of a message above it is the time that it lay somewhere.
//!
//! A monotonic clock stands still while a virtual machine does. So the least difference is only
//! that of the last minutes, and a message has lain somewhere only if the wall clocks say so, too.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Sent, Transit};

/// The length of the periods of which one or two determine the least difference, in milliseconds.
const WHILE: u64 = 5 * 60 * 1000;
/// The largest number of senders that are remembered: beyond it, the ones silent for longest are
/// forgotten.
const MAX_SENDERS: usize = 4096;

/// The known senders.
#[derive(Debug, Default)]
pub(super) struct Senders {
    senders: HashMap<Arc<str>, KnownSender>,
}

#[derive(Debug)]
struct KnownSender {
    steady: Least,
    wall: Least,
    ahead: SignedDuration,
    last: u64,
}

/// The least of differences, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Least {
    now: i64,
    before: i64,
    since: u64,
}

impl Senders {
    /// Records a message that arrived at this moment of our clocks.
    pub(super) fn receive(&mut self, sent: &Sent, steady: u64, wall: Timestamp) -> Transit {
        let differs = difference(steady, sent.at);
        let on_wall = wall
            .as_millisecond()
            .saturating_sub(sent.clock.as_millisecond());
        if !self.senders.contains_key(&sent.by) {
            self.make_room();
        }
        let sender = self
            .senders
            .entry(Arc::clone(&sent.by))
            .or_insert(KnownSender {
                steady: Least::new(differs, steady),
                wall: Least::new(on_wall, steady),
                ahead: SignedDuration::ZERO,
                last: steady,
            });
        let waited = sender.steady.above(differs, steady);
        let on_wall_waited = sender.wall.above(on_wall, steady);
        sender.last = steady;
        // By the monotonic clock alone: so a clock that is set is noticed at once.
        let ahead = i64::try_from(waited)
            .unwrap_or(i64::MAX)
            .saturating_sub(on_wall);
        sender.ahead = SignedDuration::from_millis(ahead);
        Transit {
            waited: std::time::Duration::from_millis(waited.min(on_wall_waited)),
            ahead: sender.ahead,
        }
    }

    pub(super) fn forget(&mut self, by: &str) {
        self.senders.remove(by);
    }

    pub(super) fn ahead(&self, by: &str) -> Option<SignedDuration> {
        self.senders.get(by).map(|sender| sender.ahead)
    }

    fn make_room(&mut self) {
        if self.senders.len() < MAX_SENDERS {
            return;
        }
        let oldest = self.senders.iter().min_by_key(|(_, sender)| sender.last);
        if let Some(by) = oldest.map(|(by, _)| Arc::clone(by)) {
            self.senders.remove(&by);
        }
    }
}

impl Least {
    fn new(first: i64, now: u64) -> Self {
        Self {
            now: first,
            before: first,
            since: now,
        }
    }

    /// Returns the excess of one above the least, itself included.
    fn above(&mut self, one: i64, now: u64) -> u64 {
        if now.saturating_sub(self.since) > WHILE {
            self.before = self.now;
            self.now = one;
            self.since = now;
        }
        self.now = self.now.min(one);
        let above = one.saturating_sub(self.now.min(self.before));
        u64::try_from(above).unwrap_or_default()
    }
}

fn difference(one: u64, other: u64) -> i64 {
    let signed = |value| i64::try_from(value).unwrap_or(i64::MAX);
    signed(one).saturating_sub(signed(other))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: i64 = 3_600_000;

    /// Two hosts: the truth, and what their clocks show of it.
    struct Hosts {
        senders: Senders,
        /// The differences between the sender's clocks and ours.
        steady: i64,
        wall: i64,
    }

    impl Hosts {
        fn new(steady: i64, wall: i64) -> Self {
            Self {
                senders: Senders::default(),
                steady,
                wall,
            }
        }

        /// Sends a message at that millisecond, which is under way for that long.
        fn send(&mut self, at: i64, way: i64) -> Transit {
            let wall = |at| Timestamp::from_millisecond(1_800_000_000_000 + at).unwrap();
            let steady = |at: i64| u64::try_from(10_000 * HOUR + at).unwrap();
            let sent = Sent {
                by: "le-1".into(),
                at: steady(at + self.steady),
                clock: wall(at + self.wall),
            };
            self.senders
                .receive(&sent, steady(at + way), wall(at + way))
        }
    }

    #[test]
    fn what_lay_in_a_queue_is_told_whatever_the_clocks_show() {
        for wall in [
            0,
            2 * HOUR,
            -2 * HOUR,
            15_000,
            -15_000,
            20 * 365 * 24 * HOUR,
        ] {
            for steady in [0, 9_000 * HOUR, -9_000 * HOUR] {
                let mut hosts = Hosts::new(steady, wall);
                assert_eq!(hosts.send(0, 5).waited, Duration::ZERO);
                let late = hosts.send(1000, 4005);
                assert_eq!(late.waited, Duration::from_secs(4), "{wall} {steady}");
                let ahead = SignedDuration::from_millis(wall - 5);
                assert_eq!(late.ahead, ahead, "{wall} {steady}");
                assert_eq!(hosts.send(6000, 5).waited, Duration::ZERO);
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_late_and_is_reported_at_once() {
        for step in [HOUR, -HOUR] {
            let mut hosts = Hosts::new(7, 0);
            hosts.send(0, 1);
            hosts.wall = step;
            let next = hosts.send(1000, 1);
            assert_eq!(next.waited, Duration::ZERO);
            assert_eq!(next.ahead, SignedDuration::from_millis(step - 1));
        }
    }

    #[test]
    fn a_machine_that_froze_makes_nothing_late() {
        for stood in [HOUR, -HOUR] {
            let mut hosts = Hosts::new(0, 0);
            hosts.send(0, 1);
            hosts.steady = stood;
            assert_eq!(hosts.send(1000, 1).waited, Duration::ZERO);
        }
    }

    #[test]
    fn what_was_least_long_ago_is_forgotten() {
        let mut hosts = Hosts::new(0, 0);
        hosts.send(0, 1);
        // The way has become longer, for good.
        assert_eq!(hosts.send(1000, 3001).waited, Duration::from_secs(3));
        for minute in 1..20 {
            hosts.send(minute * 60_000, 3001);
        }
        assert_eq!(hosts.send(20 * 60_000, 3001).waited, Duration::ZERO);
    }

    #[test]
    fn only_so_many_senders_are_remembered() {
        let mut senders = Senders::default();
        for number in 0..MAX_SENDERS + 10 {
            let sent = Sent {
                by: number.to_string().into(),
                at: 0,
                clock: Timestamp::UNIX_EPOCH,
            };
            senders.receive(&sent, number as u64, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(senders.senders.len(), MAX_SENDERS);
        assert!(senders.ahead("0").is_none() && senders.ahead("4105").is_some());
    }
}
