//! Open asks for permits. Pure, so that every order of events can be tested.
//!
//! ```text
//! delivery ─► asked ─► permitted ─► begun ─► outcome, until it is recorded
//!               │          └► too late: void
//!               ├► refused: void
//!               └► no answer within the window: asked again, under a new number
//! ```
//!
//! A permit counts from the moment its ask was first sent. After the window the ask is void, and
//! a permit that still arrives for it belongs to nobody: the logic environment settles that attempt
//! once nobody can act on it any more.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;
use utakata_model::TaskKey;

use crate::message::{Answer, Ask, Refused, Verdict};

/// The intervals after which an unanswered ask is repeated or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Times {
    /// The interval after which an unanswered ask is sent again under the same number.
    pub repeat_after: Duration,
    /// The age at which an unanswered ask becomes void and a new one takes its place. There is no
    /// point in making it longer than the window of a permit.
    pub void_after: Duration,
}

/// The open asks, at most one per attempt. Kept in order, so that the same events always produce
/// the same numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OpenAsks {
    times: Times,
    next: u64,
    open: BTreeMap<TaskKey, Open>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Open {
    ask: u64,
    /// The time at which it was first sent; the permit's window counts from here.
    since: Instant,
    /// The time at which it was last sent.
    sent: Instant,
}

/// The consequence of an answer for the environment that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Begin the attempt no later than `until`.
    Begin {
        /// The number of the ask that was permitted.
        ask: u64,
        /// The end of the permit.
        until: Instant,
    },
    /// The delivery is void; drop it.
    Drop(Refused),
    /// It answers nothing that is open; ignore it.
    Ignore,
}

impl OpenAsks {
    /// Returns a set with no open asks.
    pub fn new(times: Times) -> Self {
        Self {
            times,
            next: 1,
            open: BTreeMap::new(),
        }
    }

    /// The number of the next ask.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Skips the numbers below `next`, which an earlier process of this incarnation has used.
    pub fn begin_at(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// Asks for a permit for an attempt. Returns `None` if an ask for it is already open.
    pub fn ask(&mut self, key: TaskKey, now: Instant) -> Option<Ask> {
        if self.open.contains_key(&key) {
            return None;
        }
        let ask = self.next;
        self.next += 1;
        let open = Open {
            ask,
            since: now,
            sent: now,
        };
        self.open.insert(key, open);
        Some(Ask { key, ask })
    }

    /// Returns true if an ask for the attempt is open.
    pub fn has(&self, key: TaskKey) -> bool {
        self.open.contains_key(&key)
    }

    /// Returns true if nothing is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Returns the number of open asks.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Closes the ask of an attempt that is no longer wanted here. A permit that still arrives for
    /// it is ignored.
    pub fn forget(&mut self, key: TaskKey) {
        self.open.remove(&key);
    }

    /// Applies an answer. Answers to closed or replaced asks are ignored.
    pub fn on_answer(&mut self, answer: Answer, now: Instant) -> Decision {
        let Ask { key, ask } = answer.ask;
        let Some(open) = self.open.get(&key).filter(|open| open.ask == ask) else {
            return Decision::Ignore;
        };
        match answer.verdict {
            Verdict::Permitted(window) => {
                let until = open.since + window;
                if now > until {
                    // As if it had never arrived: the next ask is refused, and says so.
                    return Decision::Ignore;
                }
                self.open.remove(&key);
                Decision::Begin { ask, until }
            }
            Verdict::Refused(why) => {
                self.open.remove(&key);
                Decision::Drop(why)
            }
        }
    }

    /// Returns the asks to send now: those unanswered for `repeat_after`, and replacements for
    /// those that have become void.
    pub fn due(&mut self, now: Instant) -> Vec<Ask> {
        let mut due = Vec::new();
        for (key, open) in &mut self.open {
            if now.saturating_duration_since(open.since) >= self.times.void_after {
                *open = Open {
                    ask: self.next,
                    since: now,
                    sent: now,
                };
                self.next += 1;
            } else if now.saturating_duration_since(open.sent) >= self.times.repeat_after {
                open.sent = now;
            } else {
                continue;
            }
            due.push(Ask {
                key: *key,
                ask: open.ask,
            });
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::TaskId;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(2);

    fn open_asks() -> OpenAsks {
        OpenAsks::new(Times {
            repeat_after: Duration::from_millis(500),
            void_after: WINDOW,
        })
    }

    fn key() -> TaskKey {
        TaskKey {
            task: TaskId::from_bytes([1; 16]),
            attempt: 1,
        }
    }

    fn permitted(ask: Ask) -> Answer {
        Answer {
            ask,
            verdict: Verdict::Permitted(WINDOW),
        }
    }

    #[test]
    fn a_permit_is_used_once() {
        let (mut asks, now) = (open_asks(), Instant::now());
        let ask = asks.ask(key(), now).unwrap();
        assert_eq!(asks.ask(key(), now), None);
        let begin = Decision::Begin {
            ask: ask.ask,
            until: now + WINDOW,
        };
        assert_eq!(asks.on_answer(permitted(ask), now), begin);
        assert_eq!(asks.on_answer(permitted(ask), now), Decision::Ignore);
        // Another delivery of the same attempt: the old permit does not belong to it.
        let again = asks.ask(key(), now).unwrap();
        assert_eq!(asks.on_answer(permitted(ask), now), Decision::Ignore);
        assert_ne!(again.ask, ask.ask);
    }

    #[test]
    fn a_permit_counts_from_the_first_ask_and_not_from_its_repetition() {
        let (mut asks, start) = (open_asks(), Instant::now());
        let ask = asks.ask(key(), start).unwrap();
        let later = start + Duration::from_secs(1);
        assert_eq!(asks.due(later), [ask]);
        let answer = asks.on_answer(permitted(ask), later);
        assert_eq!(
            answer,
            Decision::Begin {
                ask: ask.ask,
                until: start + WINDOW
            }
        );
    }

    #[test]
    fn a_permit_that_comes_after_its_window_begins_nothing() {
        let (mut asks, start) = (open_asks(), Instant::now());
        let ask = asks.ask(key(), start).unwrap();
        let late = start + WINDOW + Duration::from_millis(1);
        assert_eq!(asks.on_answer(permitted(ask), late), Decision::Ignore);
        let due = asks.due(late);
        assert_ne!(due[0].ask, ask.ask);
        assert_eq!(asks.on_answer(permitted(ask), late), Decision::Ignore);
    }

    #[test]
    fn a_refusal_makes_the_delivery_void() {
        let (mut asks, now) = (open_asks(), Instant::now());
        let ask = asks.ask(key(), now).unwrap();
        let refused = Answer {
            ask,
            verdict: Verdict::Refused(Refused::Superseded),
        };
        assert_eq!(
            asks.on_answer(refused, now),
            Decision::Drop(Refused::Superseded)
        );
        assert!(!asks.has(key()));
    }
}
