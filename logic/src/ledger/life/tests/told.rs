//! Outcomes, and what targets show.

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
fn a_success_that_shows_is_one_and_one_that_does_not_is_none() {
    use Evidence::{Effect, None, Other};
    let before = life(verifying(5));
    for proves in [EFFECT, BOTH, NOTHING] {
        let rule = once(proves);
        let done = life(is(How::Succeeded, By::ReadBack));
        check(&rule, &before, 6, &seen(5, Effect), &done, &[]);
        // Asked before the outcome came: that is no answer to it.
        check_unchanged(&rule, &before, 6, &seen(4, Effect));
        check_unchanged(&rule, &before, 9, &seen(4, Other));
        // Asked before it must have shown: not yet.
        check_unchanged(&rule, &before, 9, &seen(8, Other));
        let failed = life(is(How::Failed, By::ReadBack));
        check(&rule, &before, 9, &seen(9, Other), &failed, &[]);
        check_unchanged(&rule, &before, 9, &seen(9, None));
        // A target that cannot be read back may have lied.
        check_unchanged(&rule, &before, 28, &Event::Tick);
        check(&rule, &before, 29, &Event::Tick, &life(unsettled()), &[]);
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
        check(&rule, &before, 33, &Event::Tick, &person, &[]);
    }
    for stage in [Stage::Planned, queued(), permitted(), fenced(), unsettled()] {
        check_unchanged(&once(BOTH), &life(stage.clone()), 50, &seen(50, Other));
        check_unchanged(&once(BOTH), &life(stage), 50, &seen(50, Effect));
    }
}

#[test]
fn as_long_as_an_earlier_attempt_is_in_doubt_nobody_says_that_nothing_was_done() {
    use OutcomeStatus::{Cancelled, Expired, Failed};
    let person = |holder| in_doubt(Stage::Unsettled { holder });
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
        // Told again: it does not begin anew.
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
    check(&once(BOTH), &before, 15, &other, &failed, &[]);
    check(
        &once(EFFECT),
        &before,
        15,
        &other,
        &in_doubt(unsettled()),
        &[],
    );
}
