//! Any order of any events, while time goes on.

use proptest::prelude::*;

use super::*;

/// An event, and the seconds that pass before it.
type Happening = (u64, Event);

/// So few holders that they collide: two environments, with two incarnations and two asks each.
fn holders() -> impl Strategy<Value = Holder> {
    (0..2_u8, 1..3_u8, 1..3_u64).prop_map(|(environment, life, ask)| Holder {
        environment: ["east", "west"][usize::from(environment)].parse().unwrap(),
        incarnation: incarnation(environment * 16 + life),
        ask,
    })
}

fn evidence() -> impl Strategy<Value = Evidence> {
    use Evidence::{Effect, None, Other, Passing};
    prop::sample::select(vec![Effect, Passing, Other, None])
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let attempt = || 1..4_u32;
    let status = prop::sample::select(STATUSES.to_vec());
    let holder = prop::option::weighted(0.9, holders());
    let told = (attempt(), holder, status, any::<bool>());
    let settlement = prop_oneof![
        Just(Settlement::Succeeded),
        Just(Settlement::Failed),
        (100..300_u64).prop_map(|second| Settlement::Again {
            expires: at(second)
        }),
    ];
    let event = prop_oneof![
        6 => Just(Event::Tick),
        4 => Just(Event::Release),
        1 => Just(Event::Recall),
        1 => Just(Event::Cancel),
        6 => (attempt(), holders()).prop_map(|(attempt, holder)| ask(attempt, holder)),
        6 => told.prop_map(|(attempt, holder, status, is_over)| Event::Outcome {
            attempt,
            holder,
            status,
            is_over,
        }),
        1 => holders().prop_map(|one| Event::Over { incarnation: one.incarnation }),
        1 => holders().prop_map(|one| Event::Gone { incarnation: one.incarnation }),
        3 => (0..200_u64, evidence()).prop_map(|(requested, evidence)| seen(requested, evidence)),
        1 => settlement.prop_map(Event::Settle),
        1 => Just(Event::Overtaken),
    ];
    let later = prop_oneof![4 => Just(0_u64), 4 => 1..4_u64, 2 => 5..20_u64];
    prop::collection::vec((later, event), 1..120)
}

fn rules() -> impl Strategy<Value = Rule> {
    let repeat = prop::sample::select(vec![Repeat::Once, Repeat::Repeatable]);
    let proves = prop::sample::select(vec![Proves::Effect, Proves::Both, Proves::Nothing]);
    let all = (repeat, prop::option::of(proves), any::<bool>());
    all.prop_map(|(repeat, proves, is_through)| {
        let mut rule = rule(repeat, proves);
        if let Some(read_back) = &mut rule.read_back {
            read_back.is_through = is_through;
        }
        rule
    })
}

/// Plays all events and records for each the life before, the time, the event and the life after. A
/// target is never asked in the future.
fn play(
    rule: &Rule,
    happenings: &[Happening],
    mut each: impl FnMut(&Life, u64, &Event, &Life, &[Action]),
) -> (Life, u64) {
    let (mut life, mut now) = (Life::new(at(100)), 0);
    for (later, event) in happenings {
        now += later;
        let event = match event {
            Event::Observed(observation) => Event::Observed(Observation {
                requested: observation.requested.min(at(now)),
                answered: at(now),
                ..*observation
            }),
            event => event.clone(),
        };
        let (after, actions) = life.clone().on(&event, rule, at(now));
        each(&life, now, &event, &after, &actions);
        life = after;
    }
    (life, now)
}

/// True if the event may lead to another attempt.
fn leads_on(before: &Life, now: u64, event: &Event, rule: &Rule) -> bool {
    let is_fence_over = match &before.stage {
        Stage::Fenced { until, .. } => at(now) >= *until,
        Stage::Permitted { acts_until, .. } => at(now) >= *acts_until + rule.settling,
        _ => false,
    };
    match event {
        Event::Tick => is_fence_over && rule.repeat == Repeat::Repeatable,
        Event::Outcome { holder, status, .. } => {
            *status == OutcomeStatus::Expired && holder.as_ref() == before.holder()
        }
        Event::Observed(Observation {
            requested,
            evidence,
            ..
        }) => {
            let Stage::ReadingBack { since, .. } = before.stage else {
                return false;
            };
            let may_follow = before.is_over || rule.repeat == Repeat::Repeatable;
            let is_proof = *evidence == Evidence::Other && rule.proves_absence();
            is_proof && may_follow && requested >= &since
        }
        Event::Settle(Settlement::Again { .. }) => before.may_settle().is_ok(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_attempt_is_permitted_to_one_holder_at_the_most(
        rule in rules(), happenings in happenings(),
    ) {
        let mut permits: Vec<(u32, Holder)> = Vec::new();
        play(&rule, &happenings, |_, _, event, after, actions| {
            let [Action::Answer(Verdict::Permitted(window))] = actions else { return };
            let Event::Ask { attempt, holder } = event else { panic!("nobody asked") };
            let Stage::Permitted { acts_until, .. } = after.stage else { panic!("no permit") };
            let ends = acts_until - rule.acts_for + *window;
            assert!(*window <= rule.window && (window.is_zero() || ends <= after.expires));
            assert_eq!((after.attempt, after.holder()), (*attempt, Some(holder)));
            permits.push((*attempt, holder.clone()));
        });
        permits.dedup();
        let mut attempts: Vec<u32> = permits.iter().map(|(attempt, _)| *attempt).collect();
        let all = attempts.len();
        attempts.dedup();
        prop_assert_eq!(attempts.len(), all, "{:?}", permits);
        prop_assert!(attempts.is_sorted());
    }

    #[test]
    fn another_attempt_follows_only_a_fence_a_proof_or_a_person(
        rule in rules(), happenings in happenings(),
    ) {
        play(&rule, &happenings, |before, now, event, after, _| {
            let is_next = after.attempt == before.attempt + 1;
            assert!(is_next || after.attempt == before.attempt);
            assert!(!is_next || leads_on(before, now, event, &rule), "{event:?} in {before:?}");
            assert!(!is_next || after.stage == Stage::Planned);
        });
    }

    #[test]
    fn what_has_ended_never_changes(rule in rules(), happenings in happenings()) {
        play(&rule, &happenings, |before, _, event, after, _| {
            assert!(!before.has_ended() || before == after, "{event:?} in {before:?}");
        });
    }

    #[test]
    fn a_permit_is_not_prolonged_and_a_target_is_taken_only_with_one(
        rule in rules(), happenings in happenings(),
    ) {
        play(&rule, &happenings, |before, now, event, after, _| {
            let is_permit = matches!(after.stage, Stage::Permitted { .. });
            if is_permit && matches!(before.stage, Stage::Permitted { .. }) {
                assert_eq!(before.stage, after.stage);
            }
            if after.holds() && !before.holds() {
                assert!(is_permit && matches!(event, Event::Ask { .. }), "{event:?}");
                assert_eq!(after.deadline(), Some(at(now) + rule.acts_for));
            }
        });
    }

    #[test]
    fn every_wait_has_a_deadline_and_time_alone_ends_it(
        rule in rules(), happenings in happenings(),
    ) {
        let is_settled =
            |life: &Life| life.has_ended() || matches!(life.stage, Stage::Unsettled { .. });
        let is_left = |life: &Life| is_settled(life) && life.late().is_none();
        let (mut life, now) = play(&rule, &happenings, |_, _, _, after, _| {
            assert_eq!(after.deadline().is_none(), is_left(after), "{after:?}");
        });
        let mut now = at(now);
        for _ in 0..50 {
            now = now.max(life.deadline().unwrap_or(now));
            life = life.on(&Event::Tick, &rule, now).0;
        }
        prop_assert!(is_left(&life), "{:?}", life);
    }

    #[test]
    fn who_does_not_hold_the_permit_changes_nothing_by_an_outcome(
        rule in rules(), happenings in happenings(),
    ) {
        play(&rule, &happenings, |before, _, event, after, _| {
            let Event::Outcome { attempt, holder, .. } = event else { return };
            let is_not_begun = holder.is_none() && matches!(before.stage, Stage::Queued { .. });
            let is_current = *attempt == before.attempt;
            let is_its = holder.is_some() && holder.as_ref() == before.holder();
            assert!((is_current && (is_its || is_not_begun)) || before == after, "{event:?}");
        });
    }

    #[test]
    fn a_restart_never_shortens_the_waiting(rule in rules(), happenings in happenings()) {
        let (life, now) = play(&rule, &happenings, |_, _, _, _, _| {});
        let (restored, _) = Life::restore(life.saved(), &rule, at(now));
        prop_assert_eq!(restored.attempt, life.attempt);
        prop_assert_eq!(restored.holds(), life.holds());
        prop_assert_eq!(restored.has_ended(), life.has_ended());
        prop_assert_eq!(restored.saved().is_in_doubt, life.is_in_doubt);
        if life.holds() {
            prop_assert_eq!(restored.holder(), life.holder());
        }
        let until = |life: &Life| life.late().map(|late| late.until);
        prop_assert_eq!(until(&restored), until(&life).filter(|until| at(now) < *until));
        if matches!(life.stage, Stage::Permitted { .. } | Stage::Fenced { .. }) {
            prop_assert!(restored.deadline() >= life.deadline());
        }
    }

    #[test]
    fn what_is_left_to_a_person_is_ended_by_its_target_only_with_a_proof_of_later(
        rule in rules(), happenings in happenings(),
    ) {
        let mut is_overtaken = false;
        play(&rule, &happenings, |before, _, event, after, _| {
            let Stage::Unsettled { late, .. } = before.stage else {
                is_overtaken = false;
                return;
            };
            is_overtaken |= *event == Event::Overtaken;
            let Event::Observed(one) = event else { return };
            assert_eq!(before.attempt, after.attempt);
            let Stage::Ended(end) = after.stage else { return };
            let late = late.unwrap_or_else(|| panic!("{event:?} in {before:?}"));
            assert!(!is_overtaken && one.requested >= late.since, "{event:?} in {before:?}");
            match end.how {
                How::Succeeded => assert_eq!(one.evidence, Evidence::Effect),
                _ => assert!(before.is_over && one.evidence == Evidence::Other),
            }
        });
    }

    #[test]
    fn what_was_said_to_be_done_is_said_undone_only_by_proof_and_done_when_it_was_seen(
        rule in rules(), happenings in happenings(),
    ) {
        let mut passed: Option<Instant> = None;
        play(&rule, &happenings, |before, now, event, after, _| {
            let Stage::Verifying { since, shows_from, .. } = before.stage else {
                passed = None;
                return;
            };
            let counts = |requested: &Instant| *requested >= since;
            let seen = match event {
                Event::Observed(one) if counts(&one.requested) => Some((one.requested, one.evidence)),
                _ => None,
            };
            if let Stage::Ended(end) = after.stage {
                let (requested, evidence) = seen.unwrap_or_else(|| panic!("{event:?}"));
                let is_seen = evidence == Evidence::Effect
                    && (!rule.is_through() || passed.is_some_and(|at| requested >= at));
                let is_other = evidence == Evidence::Other && requested >= shows_from;
                let is_proof = rule.proves_absence() && is_other;
                match end.how {
                    How::Succeeded => assert!(is_seen, "{event:?} in {before:?}"),
                    _ => assert!(is_proof, "{event:?} in {before:?}"),
                }
            }
            if matches!(seen, Some((_, Evidence::Passing))) {
                passed.get_or_insert(at(now));
            }
        });
    }

    #[test]
    fn the_doubt_ends_only_by_proof(rule in rules(), happenings in happenings()) {
        play(&rule, &happenings, |before, _, event, after, _| {
            let is_said_undone = match after.stage {
                Stage::Ended(end) => end.how != How::Succeeded && end.by != By::Person,
                _ => false,
            };
            if !before.has_ended() && before.is_in_doubt && is_said_undone {
                let is_proof =
                    matches!(event, Event::Observed(one) if one.evidence == Evidence::Other);
                assert!(is_proof && rule.proves_absence(), "{event:?} in {before:?}");
            }
        });
    }
}
