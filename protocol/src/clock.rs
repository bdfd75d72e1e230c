//! The clock by which a go is measured. It continues while a process is stopped or its machine
//! suspended, and it notices when the clock of a machine that stood still as a whole is corrected.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The clock that also counts while the machine is suspended.
#[cfg(target_os = "linux")]
const GOES_ON: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const GOES_ON: ClockId = ClockId::Monotonic;

/// The least time missing from the clock that stops with a suspended machine: less is noise, or an
/// adjustment of the wall clock.
const MISSED_LEAST: Duration = Duration::from_secs(1);

/// A moment on two clocks: one that cannot jump, and the wall clock.
///
/// Whichever of them says that more time has passed is believed. A wall clock that jumps forward
/// makes a go too late, which wastes a permit; it can never make an old one fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    steady: Duration,
    wall: Duration,
}

/// A detector of times at which the machine stood still.
#[derive(Debug)]
pub struct Watch {
    last: Moment,
    /// The clock that stops with the machine.
    running: Duration,
}

impl Moment {
    /// Returns the present moment.
    pub fn now() -> Self {
        Self {
            steady: read(GOES_ON),
            wall: read(ClockId::Realtime),
        }
    }

    /// Returns the time from this moment to a later one.
    pub fn until(self, later: Self) -> Duration {
        let steady = later.steady.saturating_sub(self.steady);
        steady.max(later.wall.saturating_sub(self.wall))
    }

    /// Returns the time since this moment.
    pub fn elapsed(self) -> Duration {
        self.until(Self::now())
    }
}

impl Watch {
    /// Starts watching now.
    pub fn start() -> Self {
        Self {
            last: Moment::now(),
            running: read(ClockId::Monotonic),
        }
    }

    /// Returns true if the machine stood still, or its clock was put forward, since the last look.
    pub fn was_away(&mut self) -> bool {
        self.look(Moment::now(), read(ClockId::Monotonic))
    }

    fn look(&mut self, now: Moment, running: Duration) -> bool {
        let ran = running.saturating_sub(self.running);
        let passed = self.last.until(now);
        *self = Self { last: now, running };
        passed.saturating_sub(ran) >= MISSED_LEAST
    }
}

fn read(clock: ClockId) -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    // A wall clock before 1970 is useless: the other clock decides alone.
    let seconds = u64::try_from(tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(steady: u64, wall: u64) -> Moment {
        Moment {
            steady: Duration::from_secs(steady),
            wall: Duration::from_secs(wall),
        }
    }

    #[test]
    fn the_clock_that_says_that_more_time_has_passed_is_believed() {
        let start = moment(100, 1_000);
        assert_eq!(start.until(moment(103, 1_003)), Duration::from_secs(3));
        // The machine stood still, and its wall clock was corrected.
        assert_eq!(start.until(moment(100, 1_060)), Duration::from_secs(60));
        // A wall clock that is put back makes nothing younger.
        assert_eq!(start.until(moment(105, 10)), Duration::from_secs(5));
        assert_eq!(start.until(moment(90, 10)), Duration::ZERO);
    }

    #[test]
    fn a_machine_that_froze_is_noticed_once_and_a_stopped_process_is_not_one() {
        let seconds = Duration::from_secs;
        let mut watch = Watch {
            last: moment(100, 1_000),
            running: seconds(50),
        };
        assert!(!watch.look(moment(160, 1_060), seconds(110)));
        assert!(watch.look(moment(190, 1_090), seconds(112)));
        assert!(!watch.look(moment(191, 1_091), seconds(113)));
        assert!(watch.look(moment(192, 1_120), seconds(114)));
    }

    #[test]
    fn time_passes() {
        let before = Moment::now();
        while before.elapsed().is_zero() {}
        assert!(!Watch::start().was_away());
    }
}
