//! The share of the tasks that goes to a candidate, counted: of n tasks it has had at most
//! ⌈n·share⌉, at every moment.
//!
//! The candidate's turn within each group of tasks is scattered: schedules arrive in the same order
//! time and again, and it should not always get the same target.

/// A counter that decides which tasks go to a candidate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turns {
    share: f64,
    begun: u64,
    taken: u64,
}

impl Turns {
    /// Starts counting at this share.
    pub(crate) fn of(share: f64) -> Self {
        Self {
            share,
            begun: 0,
            taken: 0,
        }
    }

    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// Returns true if the next task goes to the candidate.
    pub(crate) fn is_next(&self) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let (due, taken) = ((self.begun + 1) as f64 * self.share, self.taken as f64);
        if taken >= due.ceil() {
            return false;
        }
        let is_behind = taken + 1.0 <= due;
        is_behind || chance(self.begun) < 2.0 * self.share
    }

    pub(crate) fn on_begin(&mut self, by: By) {
        self.begun += 1;
        self.taken += u64::from(by == By::Candidate);
    }
}

/// The release that began a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Stable,
    Candidate,
}

/// Returns a number from 0 to 1 that depends only on its argument (Steele et al., SplitMix64).
fn chance(number: u64) -> f64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [a, b, c, d, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ceil(count: u64, share: f64) -> u64 {
        (0..=count)
            .find(|&k| k as f64 >= count as f64 * share)
            .unwrap()
    }

    proptest! {
        #[test]
        fn it_is_never_more_than_the_share_and_soon_no_less(
            share in 0.001f64..=1.0, rooms in prop::collection::vec(any::<bool>(), 1..500)
        ) {
            // At times the candidate has no room.
            let mut turns = Turns::of(share);
            for has_room in &rooms {
                let by = if turns.is_next() && *has_room { By::Candidate } else { By::Stable };
                turns.on_begin(by);
                prop_assert!(turns.taken <= ceil(turns.begun, share));
            }
            let mut turns = Turns::of(share);
            for _ in 0..1000 {
                let by = if turns.is_next() { By::Candidate } else { By::Stable };
                turns.on_begin(by);
                prop_assert!(turns.taken + 1 >= ceil(turns.begun, share));
            }
        }
    }

    #[test]
    fn targets_in_an_order_that_never_changes_have_their_turns_all_the_same() {
        let mut turns = Turns::of(0.05);
        let mut targets = BTreeSet::new();
        for n in 0..2000 {
            let by = if turns.is_next() {
                targets.insert(n % 20);
                By::Candidate
            } else {
                By::Stable
            };
            turns.on_begin(by);
        }
        assert!(targets.len() >= 15, "{targets:?}");
    }

    #[test]
    fn no_share_is_none_and_the_whole_is_all() {
        assert!(!Turns::default().is_next());
        let mut all = Turns::of(1.0);
        for _ in 0..10 {
            assert!(all.is_next());
            all.on_begin(By::Candidate);
        }
    }
}
