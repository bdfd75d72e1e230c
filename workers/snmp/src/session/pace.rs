//! The timeouts and retries of a target. Pure.
//!
//! As in TCP (RFC 6298), a smoothed round trip and its variation give the timeout, which doubles
//! with every retry. Each try has a request id of its own, so that every answer gives a sound
//! sample, even one to an earlier try: a device that answers late is waited for, and from then on
//! asked less often. A target that has never answered gets few tries, and one that has been silent
//! for long gets one: the network is not the place to find out that a rack is switched off.

use std::time::Duration;

use super::Repeat;

/// The first timeout, before anything is known about the target.
const INITIAL: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(30);
/// The time to wait for an answer, if the task has that long.
const LISTEN: Duration = Duration::from_secs(12);
/// The same, for a target that has been silent for long.
const LISTEN_TO_GONE: Duration = Duration::from_secs(5);
const TRIES: u32 = 5;
const TRIES_OF_A_STRANGER: u32 = 3;
/// After this many unanswered exchanges a target counts as gone until it answers again.
const GONE: u32 = 3;
/// The round trip from which on a target counts as slow: requests are then sent in parallel.
const SLOW: Duration = Duration::from_millis(800);

/// The times at which to send, and for which to listen.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pace: Pace,
    repeat: Repeat,
    left: Duration,
    /// The number of tries.
    pub tries: u32,
    /// The total time to listen.
    pub listen: Duration,
}

impl Schedule {
    /// Returns the time to wait after a try, counted from 0, before the next one, or before
    /// diagnosing. `None` if there is no such try.
    pub fn wait(&self, try_: u32) -> Option<Duration> {
        let timeout = self.pace.timeout(try_);
        (try_ < self.tries).then_some(match self.repeat {
            Repeat::Never => self.left,
            Repeat::Seldom => timeout.max(self.left / 3),
            Repeat::Adaptive => timeout,
        })
    }
}

/// Statistics of a target's answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// The smoothed round trip and its variation, in seconds.
    trip: Option<(f64, f64)>,
    /// Consecutive exchanges without any answer.
    silences: u32,
}

impl Pace {
    /// Returns the schedule of tries within the time left.
    pub fn schedule(&self, repeat: Repeat, left: Duration) -> Schedule {
        let listen = match (self.silences, self.trip) {
            (GONE.., None) => LISTEN_TO_GONE,
            (GONE.., Some(_)) => LISTEN_TO_GONE.max(self.timeout(0)),
            _ => LISTEN.max(self.timeout(0).saturating_mul(2)),
        };
        let tries = match (repeat, self.silences, self.trip) {
            (Repeat::Never, ..) | (_, GONE.., _) => 1,
            (_, _, None) => TRIES_OF_A_STRANGER,
            _ => TRIES,
        };
        Schedule {
            pace: *self,
            repeat,
            left,
            tries,
            listen: match repeat {
                Repeat::Adaptive => listen.min(left),
                Repeat::Never | Repeat::Seldom => left,
            },
        }
    }

    /// Returns the time to wait for the answer to a try, counted from 0.
    fn timeout(&self, try_: u32) -> Duration {
        let base = match self.trip {
            None => INITIAL,
            Some((smooth, varies)) => {
                Duration::from_secs_f64(smooth + 4.0 * varies).clamp(SHORTEST, LONGEST)
            }
        };
        base.saturating_mul(1 << try_.min(8)).min(LONGEST)
    }

    /// Returns true if this many answers can be received one after the other within a time.
    pub fn has_time_for(&self, answers: u32, left: Duration) -> bool {
        self.trip.is_none_or(|(smooth, _)| {
            Duration::from_secs_f64(smooth).saturating_mul(answers) < left
        })
    }

    /// Returns true if it answers, but slowly.
    pub fn is_slow(&self) -> bool {
        self.trip
            .is_some_and(|(smooth, _)| smooth >= SLOW.as_secs_f64())
    }

    /// Takes note of an answer after this time.
    pub fn answered(&mut self, after: Duration) {
        let sample = after.as_secs_f64();
        self.silences = 0;
        self.trip = Some(match self.trip {
            None => (sample, sample / 2.0),
            Some((smooth, varies)) => (
                0.875 * smooth + 0.125 * sample,
                0.75 * varies + 0.25 * (smooth - sample).abs(),
            ),
        });
    }

    /// Records that none of the tries was answered.
    pub fn stayed_silent(&mut self) {
        self.silences = self.silences.saturating_add(1);
    }

    /// Returns true if it has answered before.
    pub fn has_answered(&self) -> bool {
        self.trip.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn all(schedule: &Schedule) -> Vec<Duration> {
        (0..).map_while(|try_| schedule.wait(try_)).collect()
    }

    fn waits(pace: &Pace) -> Vec<Duration> {
        all(&pace.schedule(Repeat::Adaptive, Duration::from_secs(60)))
    }

    #[test]
    fn a_stranger_is_asked_thrice_and_listened_to() {
        let schedule = Pace::default().schedule(Repeat::Adaptive, Duration::from_secs(60));
        assert_eq!(all(&schedule), [1, 2, 4].map(Duration::from_secs));
        assert_eq!(schedule.listen, LISTEN);
        let short = Pace::default().schedule(Repeat::Adaptive, Duration::from_secs(2));
        assert_eq!(short.listen, Duration::from_secs(2));
    }

    #[test]
    fn the_timeout_follows_the_round_trips_within_bounds() {
        for (sample, least, max) in [(2, 250, 250), (400, 400, 800), (9_000, 9_000, 12_000)] {
            let mut pace = Pace::default();
            (0..20).for_each(|_| pace.answered(millis(sample)));
            let timeout = pace.timeout(0);
            assert!(
                timeout >= millis(least) && timeout <= millis(max),
                "{sample}: {timeout:?}"
            );
            assert_eq!(waits(&pace).len(), 5);
        }
    }

    #[test]
    fn timeouts_double() {
        let mut pace = Pace::default();
        (0..20).for_each(|_| pace.answered(millis(1)));
        assert_eq!(waits(&pace), [250, 500, 1000, 2000, 4000].map(millis));
    }

    #[test]
    fn who_has_been_silent_for_long_gets_one_try_until_it_answers() {
        let mut pace = Pace::default();
        pace.answered(millis(5));
        (0..GONE).for_each(|_| pace.stayed_silent());
        assert_eq!(waits(&pace).len(), 1);
        pace.answered(millis(5));
        assert_eq!(waits(&pace).len(), 5);
    }

    #[test]
    fn a_change_is_sent_once_or_seldom_and_its_answer_waited_for() {
        let mut pace = Pace::default();
        pace.answered(millis(5));
        let left = Duration::from_secs(9);
        let once = pace.schedule(Repeat::Never, left);
        assert_eq!((all(&once), once.listen), (vec![left], left));
        let seldom = pace.schedule(Repeat::Seldom, left);
        assert_eq!(seldom.listen, left);
        assert!(all(&seldom).iter().all(|wait| *wait >= left / 3));
    }
}
