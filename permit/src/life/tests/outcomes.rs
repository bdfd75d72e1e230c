//! Outcomes, and the states that targets show.

use super::*;

const BOTH: Option<Proves> = Some(Proves::Both);
const EFFECT: Option<Proves> = Some(Proves::Effect);
const NOTHING: Option<Proves> = Some(Proves::Nothing);

fn done(how: How) -> Life {
    life(is(how, By::Outcome))
}

#[test]
fn the_holder_says_how_it_ended() {
    use OutcomeStatus::{Cancelled, Expired, Failed, Succeeded, Unknown};
    let rule = once(None);
    for stage in [permitted(), fenced(), reading_back(3)] {
        let before = life(stage);
        let rows = [
            (Succeeded, done(How::Succeeded)),
            (Failed, done(How::Failed)),
            (Cancelled, done(How::Cancelled)),
            (Expired, next(&before)),
        ];
        for (status, after) in rows {
            check(&rule, &before, 5, &outcome(status), &after, &[]);
        }
    }
    let fence = life(fenced());
    check(&rule, &life(permitted()), 5, &outcome(Unknown), &fence, &[]);
    check_unchanged(&rule, &fence, 9, &outcome(Unknown));
    check_unchanged(&rule, &life(reading_back(3)), 5, &outcome(Unknown));
    check_unchanged(&rule, &life(verifying(3)), 5, &outcome(Failed));
}

#[test]
fn success_is_read_back_where_it_can_be() {
    let event = outcome(OutcomeStatus::Succeeded);
    for proves in [EFFECT, BOTH, NOTHING] {
        for stage in [permitted(), fenced(), reading_back(3)] {
            let after = life(verifying(5));
            check(
                &once(proves),
                &life(stage),
                5,
                &event,
                &after,
                &[Action::ReadBack],
            );
        }
    }
}

#[test]
fn a_late_outcome_counts_alone_when_the_target_was_free() {
    let before = life(unsettled());
    let succeeded = outcome(OutcomeStatus::Succeeded);
    check_unchanged(&once(BOTH), &before, 50, &succeeded);
    check(
        &once(None),
        &before,
        50,
        &succeeded,
        &done(How::Succeeded),
        &[],
    );
    let failed = outcome(OutcomeStatus::Failed);
    check(&once(BOTH), &before, 50, &failed, &done(How::Failed), &[]);
    let cancelled = outcome(OutcomeStatus::Cancelled);
    check(
        &once(BOTH),
        &before,
        50,
        &cancelled,
        &done(How::Cancelled),
        &[],
    );
    check(
        &once(BOTH),
        &before,
        50,
        &outcome(OutcomeStatus::Expired),
        &next(&before),
        &[],
    );
    check_unchanged(&once(BOTH), &before, 50, &outcome(OutcomeStatus::Unknown));
}

#[test]
fn nobody_but_the_holder_of_the_current_attempt_changes_anything() {
    for rule in [once(None), once(BOTH), repeatable()] {
        for stage in all_stages() {
            for (status, other) in STATUSES.iter().flat_map(|s| others().map(|o| (*s, o))) {
                let life = life(stage.clone());
                let of = |attempt, holder| Event::Outcome {
                    attempt,
                    holder,
                    status,
                    is_over: false,
                };
                check_unchanged(&rule, &life, 5, &of(1, Some(other)));
                check_unchanged(&rule, &life, 5, &of(2, Some(holder())));
                check_unchanged(&rule, &life, 5, &of(2, None));
                if life.stage != queued() {
                    check_unchanged(&rule, &life, 5, &of(1, None));
                }
            }
        }
    }
}

#[test]
fn what_was_not_begun_ends_unless_it_claims_to_have_done_something() {
    use OutcomeStatus::{Cancelled, Expired, Failed, Succeeded, Unknown};
    let (rule, before) = (once(BOTH), life(queued()));
    let rows = [
        (Failed, How::Failed),
        (Expired, How::Expired),
        (Cancelled, How::Cancelled),
    ];
    for (status, how) in rows {
        check(&rule, &before, 5, &not_begun(status), &done(how), &[]);
    }
    check_unchanged(&rule, &before, 5, &not_begun(Succeeded));
    check_unchanged(&rule, &before, 5, &not_begun(Unknown));
}

#[test]
fn an_expired_permit_leads_on_only_as_far_as_it_may() {
    let expired = outcome(OutcomeStatus::Expired);
    let rule = once(None);
    let last = Life {
        attempt: 3,
        ..life(permitted())
    };
    let event = Event::Outcome {
        attempt: 3,
        holder: Some(holder()),
        status: OutcomeStatus::Expired,
        is_over: false,
    };
    let after = Life {
        stage: is(How::Failed, By::Outcome),
        ..last
    };
    check(&rule, &last, 5, &event, &after, &[]);
    let before = life(permitted());
    check(
        &rule,
        &before,
        100,
        &expired,
        &life(is(How::Expired, By::Time)),
        &[],
    );
    let after = cancelled(life(is(How::Cancelled, By::Cancel)));
    check(&rule, &cancelled(before), 5, &expired, &after, &[]);
}

#[test]
fn a_success_that_shows_is_one_and_one_that_does_not_is_left_to_a_person() {
    use Evidence::{Effect, None, Other};
    let before = life(verifying(5));
    let looked = life(looked_at(5, Other, Option::None));
    for proves in [EFFECT, BOTH, NOTHING] {
        let rule = once(proves);
        let done = life(is(How::Succeeded, By::ReadBack));
        check(&rule, &before, 6, &seen(5, Effect), &done, &[]);
        // Asked before the outcome arrived, and so no answer to it.
        check_unchanged(&rule, &before, 6, &seen(4, Effect));
        check_unchanged(&rule, &before, 9, &seen(4, Other));
        // Asked before it had to show: not yet.
        check(&rule, &before, 15, &seen(14, Other), &looked, &[]);
        check(&rule, &looked, 15, &seen(14, Effect), &done, &[]);
        check(&rule, &looked, 90, &seen(80, Effect), &done, &[]);
        // The absence of the effect proves nothing unless the action says so.
        let over = match proves {
            BOTH => is(How::Failed, By::ReadBack),
            _ => unsettled(),
        };
        check(&rule, &looked, 16, &seen(15, Other), &life(over), &[]);
        check_unchanged(&rule, &before, 16, &seen(15, None));
        // A target that cannot be read back may have lied.
        check_unchanged(&rule, &before, 34, &Event::Tick);
        let asked = life(unanswered(35, true));
        check(
            &rule,
            &before,
            35,
            &Event::Tick,
            &asked,
            &[Action::ReadBack],
        );
    }
}

#[test]
fn what_must_pass_through_a_state_is_done_when_it_was_seen_to_pass() {
    use Evidence::{Effect, Other, Passing};
    let rule = through();
    let before = life(verifying(5));
    let done = life(is(How::Succeeded, By::ReadBack));
    // It has not begun to, and shows the same as before.
    let waits = life(looked_at(5, Effect, None));
    check(&rule, &before, 6, &seen(5, Effect), &waits, &[]);
    // It passes, and this was known at second 9.
    let passes = life(looked_at(5, Passing, Some(9)));
    check(&rule, &waits, 9, &seen(8, Passing), &passes, &[]);
    let passes_on = life(looked_at(5, Other, Some(9)));
    check(&rule, &passes, 11, &seen(10, Other), &passes_on, &[]);
    // Asked before that was known: an answer that was overtaken.
    let overtaken = life(looked_at(5, Effect, Some(9)));
    check(&rule, &passes, 11, &seen(8, Effect), &overtaken, &[]);
    check(&rule, &overtaken, 11, &seen(9, Effect), &done, &[]);
    check(&rule, &passes, 21, &seen(20, Effect), &done, &[]);
    // A state passed before the outcome proves nothing.
    check_unchanged(&rule, &before, 6, &seen(4, Passing));
    // It was not seen to pass, or not to return.
    for (looked, evidence) in [(&waits, Effect), (&passes, Passing), (&before, Other)] {
        let event = seen(15, evidence);
        check(&rule, looked, 16, &event, &life(unsettled()), &[]);
    }
    // While the outcome is unknown, the effect proves nothing.
    for proves in [EFFECT, BOTH] {
        let mut rule = once(proves);
        rule.read_back.as_mut().unwrap().is_through = true;
        let before = over(life(reading_back(13)));
        let after = over(life(unsettled()));
        check(&rule, &before, 15, &seen(13, Effect), &after, &[]);
        check(&rule, &before, 15, &seen(13, Passing), &after, &[]);
    }
}

#[test]
fn an_unknown_is_settled_by_what_its_action_proves() {
    use Evidence::{Effect, None, Other};
    let before = over(life(reading_back(13)));
    let done = over(life(is(How::Succeeded, By::ReadBack)));
    let person = over(life(unsettled()));
    check(&once(EFFECT), &before, 15, &seen(13, Effect), &done, &[]);
    check(&once(EFFECT), &before, 15, &seen(13, Other), &person, &[]);
    check(&once(BOTH), &before, 15, &seen(13, Effect), &done, &[]);
    check(
        &once(BOTH),
        &before,
        15,
        &seen(13, Other),
        &next(&before),
        &[],
    );
    check(&once(NOTHING), &before, 15, &seen(13, Effect), &person, &[]);
    for proves in [EFFECT, BOTH, NOTHING] {
        let rule = once(proves);
        check_unchanged(&rule, &before, 15, &seen(13, None));
        // Asked while somebody could still act.
        check_unchanged(&rule, &before, 15, &seen(12, Other));
        check_unchanged(&rule, &before, 15, &seen(12, Effect));
        check_unchanged(&rule, &before, 32, &Event::Tick);
        let (after, actions) = match proves {
            NOTHING => (person.clone(), vec![]),
            _ => (over(life(unanswered(33, false))), vec![Action::ReadBack]),
        };
        check(&rule, &before, 33, &Event::Tick, &after, &actions);
    }
    for stage in [Stage::Planned, queued(), permitted(), fenced(), unsettled()] {
        check_unchanged(&once(BOTH), &life(stage.clone()), 50, &seen(50, Other));
        check_unchanged(&once(BOTH), &life(stage), 50, &seen(50, Effect));
    }
}

#[test]
fn as_long_as_an_earlier_attempt_is_in_doubt_nobody_says_that_nothing_was_done() {
    use OutcomeStatus::{Cancelled, Expired, Failed};
    let person = |holder| in_doubt(Stage::Unsettled { holder, late: None });
    let tell = |status| Event::Outcome {
        attempt: 2,
        holder: Some(holder()),
        status,
        is_over: false,
    };
    for status in [Failed, Cancelled] {
        let before = in_doubt(permitted());
        let event = tell(status);
        check(
            &repeatable(),
            &before,
            5,
            &event,
            &over(person(Some(holder()))),
            &[],
        );
        let after = over(in_doubt(reading_back(5)));
        check(&once(BOTH), &before, 5, &event, &after, &[Action::ReadBack]);
        // Repeated: it does not begin again.
        check_unchanged(&once(BOTH), &after, 9, &event);
        check_unchanged(&once(BOTH), &person(Some(holder())), 9, &event);
    }
    let not_begun = Event::Outcome {
        attempt: 2,
        holder: None,
        status: Expired,
        is_over: false,
    };
    check(
        &repeatable(),
        &in_doubt(queued()),
        5,
        &not_begun,
        &person(None),
        &[],
    );
    for stage in [Stage::Planned, queued()] {
        let before = in_doubt(stage);
        check(
            &repeatable(),
            &before,
            100,
            &Event::Tick,
            &person(None),
            &[],
        );
        let after = cancelled(person(None));
        check(&repeatable(), &before, 5, &Event::Cancel, &after, &[]);
    }
}

#[test]
fn only_a_proof_ends_the_doubt() {
    let before = over(in_doubt(reading_back(13)));
    let other = seen(14, Evidence::Other);
    let proven = Life {
        is_in_doubt: false,
        ..next(&before)
    };
    check(&once(BOTH), &before, 15, &other, &proven, &[]);
    check(
        &once(EFFECT),
        &before,
        15,
        &other,
        &over(in_doubt(unsettled())),
        &[],
    );
    let before = in_doubt(verifying(5));
    let failed = Life {
        is_in_doubt: false,
        ..in_doubt(is(How::Failed, By::ReadBack))
    };
    let other = seen(15, Evidence::Other);
    check(&once(BOTH), &before, 16, &other, &failed, &[]);
    check(
        &once(EFFECT),
        &before,
        16,
        &other,
        &in_doubt(unsettled()),
        &[],
    );
}
