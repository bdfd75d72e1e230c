use proptest::prelude::*;
use utakata_model::OutcomeStatus;

use super::*;
use crate::judge::{self, Look};

fn tally(good: u64, failed: u64) -> Tally {
    let mut tally = Tally::default();
    (0..good).for_each(|_| tally.add(OutcomeStatus::Succeeded, Duration::from_millis(5)));
    (0..failed).for_each(|_| tally.add(OutcomeStatus::Failed, Duration::from_millis(5)));
    tally
}

fn seen<'t>(ended: u64, minutes: u64, is_last: bool, tallies: &'t (Tally, Tally)) -> Sample<'t> {
    Sample {
        ended,
        both: ended * 20,
        elapsed: Duration::from_secs(60 * minutes),
        share: 0.05,
        is_last,
        candidate: &tallies.0,
        stable: &tallies.1,
    }
}

#[test]
fn at_a_quiet_site_time_ends_a_share_and_few_tasks_end_the_last_one() {
    use Enough::{All, Few, NotYet};
    let plan = RolloutPlan::default();
    for (good, failed, stable, minutes, is_last, expect) in [
        (100, 0, (900, 0), 1, false, All),
        (100, 0, (900, 0), 1, true, All),
        // The time is not over.
        (50, 0, (900, 0), 1, false, NotYet),
        (50, 0, (900, 0), 1, true, NotYet),
        // It is over: one task leads on, and a few lead to the end.
        (0, 0, (40, 0), 60, false, NotYet),
        (1, 0, (40, 0), 2, false, Few),
        (19, 0, (90, 0), 60, true, NotYet),
        (20, 0, (90, 0), 2, true, Few),
        // One failure means that all required tasks are awaited.
        (30, 1, (900, 0), 60, true, NotYet),
        (1, 1, (900, 0), 60, false, NotYet),
        (99, 1, (900, 0), 60, true, All),
        // As many failures as before: no worse.
        (19, 1, (95, 5), 2, true, Few),
        (18, 2, (95, 5), 2, true, NotYet),
    ] {
        let tallies = (tally(good, failed), tally(stable.0, stable.1));
        let seen = seen(good + failed, minutes, is_last, &tallies);
        let found = enough(&seen, &plan);
        assert_eq!(
            found, expect,
            "{good} {failed} {stable:?} {minutes} {is_last}"
        );
    }
}

#[test]
fn the_remaining_time_follows_from_the_pace_so_far() {
    let plan = RolloutPlan::default();
    let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
    // The candidate gets one task per minute out of twenty.
    for (ended, elapsed, is_last, expect) in [
        (1, 1, false, minutes(1)),
        (1, 1, true, minutes(19)),
        (15, 15, true, minutes(5)),
        (99, 99, true, minutes(0)),
        (0, 1, true, None),
    ] {
        let tallies = (tally(ended, 0), tally(ended * 19, 0));
        let seen = seen(ended, elapsed, is_last, &tallies);
        assert_eq!(left(&seen, &plan), expect, "{ended} {elapsed} {is_last}");
    }
    // One failure means that all of them are needed.
    let tallies = (tally(9, 1), tally(190, 0));
    assert_eq!(left(&seen(10, 10, true, &tallies), &plan), minutes(90));
}

/// Returns pseudo-random numbers from 0 to 1, the same each time (Marsaglia, 2003).
fn draws(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Runs a canary at a site of four devices that are read every five seconds. Returns the seconds
/// after which a candidate that fails the share `failing` passes, or `None` if it is turned back.
/// The stable release fails the share `before`.
fn passed(seed: u64, failing: f64, before: f64) -> Option<u64> {
    let plan = RolloutPlan::default();
    let mut draw = draws(seed);
    let (mut candidate, mut stable) = (Tally::default(), Tally::default());
    let mut seconds = 0u64;
    for (at, share) in plan.canary_shares.iter().enumerate() {
        let (began, mut ended, mut both) = (seconds, 0, 0);
        loop {
            seconds += 5;
            for _ in 0..4 {
                both += 1;
                let is_candidate = draw() < *share;
                let chance = if is_candidate { failing } else { before };
                let status = match draw() < chance {
                    true => OutcomeStatus::Failed,
                    false => OutcomeStatus::Succeeded,
                };
                let tally = if is_candidate {
                    &mut candidate
                } else {
                    &mut stable
                };
                tally.add(status, Duration::from_millis(5));
                ended += u64::from(is_candidate);
            }
            let seen = Sample {
                ended,
                both,
                elapsed: Duration::from_secs(seconds - began),
                share: *share,
                is_last: at + 1 == plan.canary_shares.len(),
                candidate: &candidate,
                stable: &stable,
            };
            let is_over = enough(&seen, &plan) != Enough::NotYet;
            let look = if is_over { Look::Last } else { Look::Before };
            if judge::tasks(&candidate, &stable, &plan, look).is_some() {
                return None;
            }
            if is_over {
                break;
            }
        }
    }
    Some(seconds)
}

#[test]
fn at_a_site_of_four_devices_good_releases_pass_within_minutes_and_bad_ones_do_not() {
    let mut times: Vec<u64> = (1..=200)
        .filter_map(|seed| passed(seed, 0.0, 0.0))
        .collect();
    times.sort_unstable();
    assert_eq!(times.len(), 200);
    assert!(times[100] <= 5 * 60 && times[199] <= 15 * 60, "{times:?}");
    for (failing, before) in [(0.25, 0.0), (0.25, 0.05), (1.0, 0.0)] {
        let passed = (1..=200).filter(|seed| passed(*seed, failing, before).is_some());
        let passed = passed.count();
        assert!(passed <= 10, "{passed} of 200 of which {failing} fails");
    }
    let equal = (1..=100).filter(|seed| passed(*seed, 0.05, 0.05).is_some());
    let equal = equal.count();
    assert!(equal >= 97, "{equal} of 100 that are no worse");
}

proptest! {
    /// A sufficient sample stays sufficient with more good tasks and more time, and another failure
    /// never makes one sufficient.
    #[test]
    fn more_of_what_is_good_is_never_less_and_what_fails_never_helps(
        good in 0u64..120, failed in 0u64..5, stable in (0u64..200, 0u64..10),
        minutes in 0u64..10, is_last in any::<bool>(),
    ) {
        let plan = RolloutPlan::default();
        let is_enough = |good, failed, minutes| {
            let tallies = (tally(good, failed), tally(stable.0, stable.1));
            enough(&seen(good + failed, minutes, is_last, &tallies), &plan) != Enough::NotYet
        };
        if is_enough(good, failed, minutes) {
            prop_assert!(is_enough(good + 1, failed, minutes));
            prop_assert!(is_enough(good, failed, minutes + 1));
        }
        let in_full = good + failed + 1 >= u64::from(plan.canary_tasks);
        if !is_enough(good + 1, failed, minutes) && !in_full {
            prop_assert!(!is_enough(good, failed + 1, minutes));
        }
    }
}
