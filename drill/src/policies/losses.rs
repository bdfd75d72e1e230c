//! The losses of a utility feed, each judged: was the breaker of the other feed relieved in time?
//! Pure.
//!
//! A loss has a **deadline**: the time after which the breaker trips if nothing is done, by its
//! thermal curve, its heat and its load when the feed is lost. A policy **could** prevent that if
//! the deadline is no earlier than the time that it needs when all is well ([`NEEDED`]) and the
//! longest stretch in which something that it needs was killed, frozen or without a disk.

use std::time::Duration;

use serde::Serialize;

/// The time in which the policy of the drill relieves the breaker when all is well: two readings, its
/// hold, its acts, of which the later ones wait for its envelope, and a machine that is slow.
pub const NEEDED: Duration = Duration::from_secs(30);

/// The breaker at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The number of times that it has tripped.
    pub trips: u32,
    /// The time after which its load trips it, if it ever does.
    pub trips_within: Option<Duration>,
    /// True if everything runs that a decision and its acts need.
    pub is_whole: bool,
}

/// The losses so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    now: Option<Loss>,
    trips: u32,
    judged: Vec<Judged>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loss {
    since: Duration,
    /// The time from the loss after which the breaker trips if nothing is done.
    deadline: Option<Duration>,
    /// The beginning of the stretch in which something is out.
    out_since: Option<Duration>,
    longest: Duration,
    is_judged: bool,
}

/// One loss that was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Judged {
    pub end: End,
    /// The time from the loss to that end, in milliseconds.
    pub after_ms: u64,
    /// The time from the loss after which the breaker trips if nothing is done, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// The longest stretch in which something was out meanwhile, in milliseconds.
    pub out_ms: u64,
}

/// The end of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The breaker was relieved: its load never trips it.
    Relieved,
    /// The feed came back before.
    CameBack,
    /// The breaker tripped, and the policy could have prevented it.
    Tripped,
    /// The breaker tripped before the policy could have done anything about it.
    TooSoon,
}

impl Losses {
    /// Notes that the feed is lost.
    pub fn begin(&mut self, now: Duration) {
        self.now = Some(Loss {
            since: now,
            deadline: None,
            out_since: None,
            longest: Duration::ZERO,
            is_judged: false,
        });
    }

    /// Notes that the feed is back.
    pub fn end(&mut self, now: Duration) {
        if let Some(loss) = self.now.take().filter(|loss| !loss.is_judged) {
            self.judged.push(loss.judged(End::CameBack, now));
        }
    }

    /// Takes a look at the breaker.
    pub fn look(&mut self, look: Look, now: Duration) {
        let has_tripped = look.trips > self.trips;
        self.trips = look.trips;
        let Some(loss) = &mut self.now else {
            if has_tripped {
                // Without a loss, nothing but an act can have tripped it.
                self.judged.push(Judged {
                    end: End::Tripped,
                    after_ms: 0,
                    deadline_ms: None,
                    out_ms: 0,
                });
            }
            return;
        };
        loss.watch(look.is_whole, now);
        if loss.deadline.is_none() {
            let passed = now.saturating_sub(loss.since);
            loss.deadline = look.trips_within.map(|within| passed + within);
        }
        if has_tripped {
            let end = match loss.could_be_prevented() || loss.is_judged {
                true => End::Tripped,
                false => End::TooSoon,
            };
            loss.is_judged = true;
            self.judged.push(loss.judged(end, now));
        } else if !loss.is_judged && loss.deadline.is_some() && look.trips_within.is_none() {
            loss.is_judged = true;
            self.judged.push(loss.judged(End::Relieved, now));
        }
    }

    /// Returns true if nothing of the loss is open, or there is none.
    pub fn is_judged(&self) -> bool {
        self.now.is_none_or(|loss| loss.is_judged)
    }

    /// Returns the losses that were judged.
    pub fn all(&self) -> &[Judged] {
        &self.judged
    }
}

impl Loss {
    fn watch(&mut self, is_whole: bool, now: Duration) {
        match (is_whole, self.out_since) {
            (true, _) => self.out_since = None,
            (false, None) => self.out_since = Some(now),
            (false, Some(since)) => self.longest = self.longest.max(now.saturating_sub(since)),
        }
    }

    fn could_be_prevented(&self) -> bool {
        let deadline = self.deadline.unwrap_or_default();
        deadline >= NEEDED + self.longest
    }

    fn judged(&self, end: End, now: Duration) -> Judged {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Judged {
            end,
            after_ms: millis(now.saturating_sub(self.since)),
            deadline_ms: self.deadline.map(millis),
            out_ms: millis(self.longest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Looks at a loss at 10 s: `(second, trips, seconds to the next trip, everything is whole)`.
    fn ends(looks: &[(u64, u32, Option<u64>, bool)], back: Option<u64>) -> Vec<End> {
        let mut losses = Losses::default();
        losses.begin(at(10));
        for (second, trips, within, is_whole) in looks {
            let look = Look {
                trips: *trips,
                trips_within: within.map(at),
                is_whole: *is_whole,
            };
            losses.look(look, at(*second));
        }
        if let Some(back) = back {
            losses.end(at(back));
        }
        losses.all().iter().map(|one| one.end).collect()
    }

    #[test]
    fn a_loss_ends_relieved_or_tripped_or_before_either() {
        let begun = (11, 0, Some(100), true);
        assert_eq!(ends(&[begun], None), []);
        assert_eq!(ends(&[begun], Some(40)), [End::CameBack]);
        let relieved = (40, 0, None, true);
        assert_eq!(ends(&[begun, relieved], Some(60)), [End::Relieved]);
        assert_eq!(ends(&[begun, (112, 1, None, true)], None), [End::Tripped]);
    }

    #[test]
    fn it_could_be_prevented_if_the_deadline_leaves_enough_after_the_longest_outage() {
        let (out, still, whole) = (
            (20, 0, Some(90), false),
            (85, 0, Some(25), false),
            (86, 0, Some(24), true),
        );
        let begun = (11, 0, Some(99), true);
        let tripped = (110, 1, None, true);
        // Something was out for 65 s of 100 s, and 30 s are enough.
        let ended = ends(&[begun, out, still, whole, tripped], None);
        assert_eq!(ended, [End::Tripped]);
        let longer = (95, 0, Some(15), false);
        let ended = ends(&[begun, out, still, longer, tripped], None);
        assert_eq!(ended, [End::TooSoon]);
    }

    #[test]
    fn what_trips_without_a_loss_or_after_it_was_relieved_was_tripped_by_an_act() {
        let mut losses = Losses::default();
        let tripped = Look {
            trips: 1,
            trips_within: None,
            is_whole: false,
        };
        losses.look(tripped, at(5));
        assert_eq!(losses.all()[0].end, End::Tripped);
        let looks = [
            (11, 0, Some(20), false),
            (12, 0, None, false),
            (60, 1, None, false),
        ];
        assert_eq!(ends(&looks, None), [End::Relieved, End::Tripped]);
    }
}
