//! The size of requests to a target. Pure.
//!
//! One ladder serves for all that devices do with a message that is too large for them: answer
//! tooBig, answer something else, or nothing. The request is halved, in names and cells, down to
//! one name and one cell, and to GETNEXT in place of GETBULK. Success makes it grow again, one of
//! the two at a time; where growth fails, it stays as it was for a while.

use std::{fmt, time::Duration};

use tokio::time::Instant;

/// Cells requested in one message: at first, and at most.
const CELLS: (usize, usize) = (60, 100);
/// Names in one message: at first and at most.
const NAMES: usize = 40;
/// The time for which what failed is not tried again.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The size of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub names: usize,
    /// The number of values.
    pub cells: usize,
    /// True for GETBULK, false for GETNEXT.
    pub is_bulk: bool,
}

impl Size {
    /// Returns true if this many scalars may be read along with columns in a message of this size.
    pub fn has_room_beside(self, singles: usize) -> bool {
        let is_usual = self.names >= NAMES && self.cells >= CELLS.0;
        is_usual || 2 * singles <= self.names.min(self.cells)
    }
}

/// The reason why a message is known to be too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was not answered, but a smaller one was.
    Silent,
    /// The device said so.
    TooBig,
    /// The answer was empty.
    Empty,
    /// GETBULK is refused, but GETNEXT is not.
    Refused,
}

/// The limits on one message to a target.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    names: Limit,
    cells: Limit,
    /// No GETBULK is used until then.
    no_bulk_until: Option<Instant>,
    /// The limit raised last, which is not proven yet.
    trial: Option<Trial>,
    /// True if an answer with several values has arrived.
    is_proven: bool,
    why: Option<Why>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    Names,
    Cells,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    now: usize,
    before: usize,
    max: usize,
    /// The upper limit, and until when it applies.
    ceiling: Option<(usize, Instant)>,
}

impl Limit {
    fn new(now: usize, max: usize) -> Self {
        Self {
            now,
            before: now,
            max,
            ceiling: None,
        }
    }

    fn max(&self, at: Instant) -> usize {
        match self.ceiling {
            Some((ceiling, until)) if until > at => ceiling.min(self.max),
            _ => self.max,
        }
    }

    /// Grows the size. Returns true if it grew.
    fn grow(&mut self, at: Instant) -> bool {
        let max = self.max(at);
        if self.now >= max {
            return false;
        }
        self.before = self.now;
        self.now = (self.now * 2).min(self.now + 10).min(max);
        true
    }

    fn go_back(&mut self, at: Instant) {
        self.now = self.before;
        self.ceiling = Some((self.before, at + REMEMBERED));
    }

    fn halve(&mut self, used: usize) {
        self.now = (self.now.min(used) / 2).max(1);
        self.before = self.now;
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            names: Limit::new(NAMES, NAMES),
            cells: Limit::new(CELLS.0, CELLS.1),
            no_bulk_until: None,
            trial: None,
            is_proven: false,
            why: None,
        }
    }
}

impl Limits {
    /// Returns the size that may be requested now.
    pub fn size(&self, now: Instant) -> Size {
        Size {
            names: self.names.now,
            cells: self.cells.now,
            is_bulk: self.no_bulk_until.is_none_or(|until| until <= now),
        }
    }

    /// Returns the size of a try: one that follows an unanswered try is smaller, and soon, or at
    /// the last of `tries`, a single value.
    pub fn of_try(&self, size: Size, try_: u32, tries: u32) -> Size {
        // A size that got through before was most likely lost by chance.
        let steps = try_.saturating_sub(u32::from(self.is_proven));
        if try_ > 0 && (try_ + 1 >= tries || steps > 1) {
            return Size {
                names: 1,
                cells: 1,
                is_bulk: false,
            };
        }
        let shrunk = |count: usize| (count >> (2 * steps).min(16)).max(1);
        Size {
            names: shrunk(size.names),
            cells: shrunk(size.cells),
            ..size
        }
    }

    /// Records that a message of this size got through.
    pub fn fits(&mut self, size: Size, now: Instant) {
        self.is_proven |= size.cells > 1;
        if size.is_bulk {
            self.no_bulk_until = None;
        }
        // A request cannot have more names than there is room for values.
        let has_all_cells = size.cells >= self.cells.now;
        let has_all_names = size.names >= self.names.now.min(self.cells.now);
        let is_trial_over = match self.trial {
            None => true,
            Some(Trial::Names) => has_all_names,
            Some(Trial::Cells) => has_all_cells,
        };
        if !is_trial_over {
            return;
        }
        self.trial = None;
        let names_first = self.names.now < self.cells.now;
        if names_first && has_all_names && self.names.grow(now) {
            self.trial = Some(Trial::Names);
        } else if has_all_cells && self.cells.grow(now) {
            self.trial = Some(Trial::Cells);
        } else if has_all_names && self.names.grow(now) {
            self.trial = Some(Trial::Names);
        }
    }

    /// Records that a message of this size did not get through. Returns whether there is a smaller
    /// one.
    pub fn fails(&mut self, size: Size, why: Why, now: Instant) -> bool {
        self.why = Some(why);
        match self.trial.take() {
            Some(Trial::Names) if size.names >= self.names.now.min(self.cells.now) => {
                self.names.go_back(now);
            }
            Some(Trial::Cells) if size.cells >= self.cells.now => self.cells.go_back(now),
            _ if size.names > 1 || size.cells > 1 => {
                self.names.halve(size.names);
                self.cells.halve(size.cells);
            }
            _ if size.is_bulk => self.no_bulk_until = Some(now + REMEMBERED),
            _ => return false,
        }
        true
    }

    /// Records that a smaller message got through after this one did not.
    pub fn shrank(&mut self, from: Size, to: Size, now: Instant) {
        if from == to {
            return;
        }
        let is_least = from.names == 1 && from.cells == 1;
        match from.is_bulk && !to.is_bulk {
            // No GETBULK of any size tried was answered: start again from the smallest.
            true if !is_least => {
                self.why = Some(Why::Silent);
                self.trial = None;
                self.names.halve(1);
                self.cells.halve(1);
            }
            _ => {
                self.fails(from, Why::Silent, now);
            }
        }
    }

    /// Describes, for people, the limits on requests to the target and their reason. `None` if
    /// there are none.
    pub fn told(&self, now: Instant) -> Option<Restraint> {
        let size = self.size(now);
        let is_small = size.cells < CELLS.0 || size.names < NAMES || !size.is_bulk;
        let why = self.why?;
        is_small.then_some(Restraint { size, why })
    }
}

/// A limit on requests to a target, and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restraint {
    size: Size,
    why: Why,
}

impl fmt::Display for Restraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size {
            names,
            cells,
            is_bulk,
        } = self.size;
        write!(
            f,
            "it is asked for at most {cells} values of {names} names at a time"
        )?;
        if !is_bulk {
            f.write_str(", and not by GETBULK")?;
        }
        f.write_str(match self.why {
            Why::Silent => ", as it did not answer larger messages",
            Why::TooBig => ", as it said tooBig to larger messages",
            Why::Empty => ", as it answered larger messages with nothing",
            Why::Refused => ", as it refuses GETBULK",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bulk(names: usize, cells: usize) -> Size {
        Size {
            names,
            cells,
            is_bulk: true,
        }
    }

    #[test]
    fn a_device_that_bears_all_is_asked_for_more_and_more() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let sizes: Vec<usize> = (0..6)
            .map(|_| {
                let size = limits.size(now);
                limits.fits(Size { names: 6, ..size }, now);
                size.cells
            })
            .collect();
        assert_eq!(sizes, [60, 70, 80, 90, 100, 100]);
        assert_eq!(limits.told(now), None);
    }

    #[test]
    fn the_last_try_asks_for_one_value_and_those_before_for_less_and_less() {
        let limits = Limits::default();
        let sizes = (0..3).map(|try_| limits.of_try(bulk(40, 60), try_, 3));
        let last = Size {
            names: 1,
            cells: 1,
            is_bulk: false,
        };
        assert_eq!(
            sizes.collect::<Vec<_>>(),
            [bulk(40, 60), bulk(10, 15), last]
        );
    }

    #[test]
    fn who_answers_no_getbulk_is_asked_by_getnext_soon() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let mut unanswered = 0;
        while limits.size(now).is_bulk {
            let size = limits.size(now);
            let mut tries = (0..5).map(|try_| limits.of_try(size, try_, 5));
            let answered = tries.find(|size| !size.is_bulk).unwrap();
            limits.shrank(size, answered, now);
            unanswered += 1;
        }
        assert_eq!(unanswered, 2);
    }

    #[test]
    fn names_and_values_grow_next_to_each_other() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        limits.names.halve(1);
        limits.cells.halve(1);
        for _ in 0..40 {
            let Size { names, cells, .. } = limits.size(now);
            let asked = bulk(names.min(cells), cells);
            match asked.names <= 5 {
                true => limits.fits(asked, now),
                false => assert!(limits.fails(asked, Why::Silent, now)),
            }
        }
        let size = limits.size(now);
        assert!(size.names == 4 && size.cells == 100, "{size:?}");
    }

    proptest! {
        #[test]
        fn whatever_a_device_bears_is_found_and_not_left_again(
            names in 1..50_usize,
            cells in 1..150_usize,
            is_bulk in any::<bool>(),
        ) {
            let (mut limits, now) = (Limits::default(), Instant::now());
            let bears = |size: Size| {
                size.names <= names && size.cells <= cells && (is_bulk || !size.is_bulk)
            };
            let mut failures = Vec::new();
            for turn in 0..100 {
                let size = limits.size(now);
                if bears(size) {
                    limits.fits(size, now);
                } else {
                    prop_assert!(limits.fails(size, Why::Silent, now), "{size:?}");
                    failures.push(turn);
                }
            }
            // The limit is found, and then nothing fails any more.
            prop_assert!(failures.iter().all(|turn| *turn < 40), "{failures:?}");
            let size = limits.size(now);
            prop_assert!(bears(size));
            prop_assert!(2 * size.cells >= cells.min(CELLS.1).min(2) , "{size:?}");
        }
    }
}
