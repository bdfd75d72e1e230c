use std::time::Duration;

use utakata_model::OutcomeStatus;

use super::*;
use crate::compare::Mismatch;

fn tally(good: u64, failed: u64, unknown: u64, milliseconds: u64) -> Tally {
    let mut tally = Tally::default();
    for (count, status) in [
        (good, OutcomeStatus::Succeeded),
        (failed, OutcomeStatus::Failed),
        (unknown, OutcomeStatus::Unknown),
    ] {
        for n in 0..count {
            // No two are the same.
            let time = Duration::from_micros(milliseconds * 1000 + n % 100);
            tally.add(status, time);
        }
    }
    tally
}

#[track_caller]
fn judged(candidate: &Tally, stable: &Tally, look: Look, expect: &str) {
    let found = tasks(candidate, stable, &RolloutPlan::default(), look);
    let code = found.as_ref().map_or("", |problem| &problem.code);
    assert_eq!(code, expect, "{found:?}");
}

fn shadowed(equal: usize, differing: usize) -> Shadow {
    let mut shadow = Shadow::default();
    (0..equal).for_each(|_| shadow.count(Vec::new()));
    for _ in 0..differing {
        shadow.count(vec![Mismatch {
            what: "hw.power".into(),
            stable: "1 W".into(),
            candidate: "1 kW".into(),
        }]);
    }
    shadow
}

#[test]
fn more_failures_than_chance_explains_turn_it_back_and_accidents_do_not() {
    let well = tally(1000, 0, 0, 1);
    let sick = tally(900, 100, 0, 1);
    for (candidate, stable, look, expect) in [
        (tally(100, 0, 0, 1), &well, Look::Last, ""),
        (tally(0, 1, 0, 1), &well, Look::Last, ""),
        (tally(0, 3, 0, 1), &well, Look::Before, "rollout-fails"),
        (tally(0, 0, 3, 1), &well, Look::Before, "rollout-fails"),
        (tally(10, 1, 1, 1), &well, Look::Last, "rollout-fails"),
        // A tenth fails anyway, with the candidate too.
        (tally(90, 10, 0, 1), &sick, Look::Last, ""),
        (tally(80, 20, 0, 1), &sick, Look::Last, "rollout-fails"),
        // Not unlikely enough while more is to come.
        (tally(80, 20, 0, 1), &sick, Look::Before, ""),
        (tally(60, 40, 0, 1), &sick, Look::Before, "rollout-fails"),
        // Certain, but far less than a percentage point.
        (
            tally(100_000, 100, 0, 1),
            &tally(100_000, 10, 0, 1),
            Look::Last,
            "",
        ),
        // There is nothing to compare with.
        (tally(0, 9, 0, 1), &tally(0, 0, 0, 1), Look::Last, ""),
    ] {
        judged(&candidate, stable, look, expect);
    }
}

#[test]
fn tasks_that_are_lost_with_their_worker_show_that_it_dies() {
    let mut candidate = tally(90, 10, 0, 1);
    let stable = tally(100, 0, 0, 1);
    (0..5).for_each(|_| candidate.drop_one());
    judged(&candidate, &stable, Look::Before, "rollout-fails");
    candidate.drop_one();
    judged(&candidate, &stable, Look::Before, "rollout-dies");
}

#[test]
fn a_candidate_that_takes_several_times_as_long_is_slow() {
    let stable = tally(200, 0, 0, 10);
    for (candidate, expect) in [
        (tally(50, 0, 0, 10), ""),
        (tally(50, 0, 0, 19), ""),
        (tally(50, 0, 0, 21), "rollout-slow"),
        (tally(7, 0, 0, 90), ""),
        (tally(8, 0, 0, 90), "rollout-slow"),
    ] {
        judged(&candidate, &stable, Look::Before, expect);
    }
    // Ten times as long, yet nobody would notice.
    judged(&tally(50, 0, 0, 1), &tally(200, 0, 0, 0), Look::Last, "");
}

#[test]
fn a_shadow_that_differs_is_seen_after_three_and_one_accident_is_let_pass() {
    for (equal, differing, expect, passes) in [
        (30, 0, "", true),
        (29, 0, "", false),
        (0, 2, "", false),
        (0, 3, "rollout-differs", false),
        (1, 2, "rollout-differs", false),
        (29, 1, "", true),
        // Not certain yet: more are compared.
        (2, 1, "", false),
        (28, 2, "rollout-differs", false),
        (298, 2, "", true),
    ] {
        let seen = shadowed(equal, differing);
        let found = shadow(&seen);
        let code = found.as_ref().map_or("", |problem| &problem.code);
        assert_eq!(code, expect, "{equal} {differing}");
        assert_eq!(has_passed(&seen, 30), passes, "{equal} {differing}");
    }
    let message = shadow(&shadowed(0, 3)).unwrap().message;
    assert!(
        message.contains("3 of 3 answers") && message.contains("1 kW"),
        "{message}"
    );
    // A sample as small as the plan's is not judged.
    assert!(has_passed(&shadowed(1, 0), 1));
    assert!(!has_passed(&shadowed(0, 1), 1));
}

#[test]
fn workers_that_die_and_memory_that_grows_turn_it_back() {
    const MIB: u64 = 1024 * 1024;
    let looping = Health {
        lost: 1,
        is_looping: true,
        ..Health::default()
    };
    let lost = |lost| Health {
        lost,
        last: Some(problem("worker-crashed", "it ended".into())),
        ..Health::default()
    };
    let memory = |candidate, stable| Health {
        memory: (candidate, stable),
        ..Health::default()
    };
    for (seen, expect) in [
        (Health::default(), ""),
        (lost(1), ""),
        (lost(2), "rollout-dies"),
        (looping, "rollout-dies"),
        (memory(Some(264 * MIB), Some(100 * MIB)), ""),
        (memory(Some(265 * MIB), Some(100 * MIB)), "rollout-leaks"),
        (memory(Some(265 * MIB), None), ""),
        (memory(None, Some(1)), ""),
    ] {
        let found = health(&seen);
        let code = found.as_ref().map_or("", |problem| &problem.code);
        assert_eq!(code, expect, "{seen:?}");
    }
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

/// Returns how many of the candidates, which fail the share `failing` and take `times` as long, are
/// turned back in a canary of 100 tasks, a fifth of them theirs, beside a stable release that fails
/// a twentieth.
fn turned_back(candidates: u64, failing: f64, times: f64) -> usize {
    let is_turned_back = |seed: &u64| {
        let mut draw = draws(*seed);
        let (mut candidate, mut stable) = (Tally::default(), Tally::default());
        let mut add = |tally: &mut Tally, failing: f64, times: f64| {
            // Some targets are near, others far away.
            let time = if draw() < 0.5 { 0.005 } else { 0.05 } * (0.5 + draw()) * times;
            let status = if draw() < failing {
                OutcomeStatus::Failed
            } else {
                OutcomeStatus::Succeeded
            };
            tally.add(status, Duration::from_secs_f64(time));
        };
        let plan = RolloutPlan::default();
        let mut looks = (0..100).map(|n| {
            (0..4).for_each(|_| add(&mut stable, 0.05, 1.0));
            add(&mut candidate, failing, times);
            let look = if n == 99 { Look::Last } else { Look::Before };
            tasks(&candidate, &stable, &plan, look)
        });
        looks.any(|objection| objection.is_some())
    };
    (1..=candidates).filter(is_turned_back).count()
}

#[test]
fn of_hundreds_of_candidates_good_ones_pass_and_bad_ones_do_not() {
    let equal = turned_back(300, 0.05, 1.0);
    assert!(
        equal <= 9,
        "{equal} of 300 that are no worse were turned back"
    );
    let failing = turned_back(100, 0.25, 1.0);
    assert!(failing >= 95, "{failing} of 100 of which a quarter fails");
    let slow = turned_back(100, 0.05, 6.0);
    assert!(slow >= 95, "{slow} of 100 that take six times as long");
}
