//! The end of an attempt: proven, or presumed because its time is over.

use super::*;

const BOTH: Option<Proves> = Some(Proves::Both);

#[test]
fn what_may_be_done_once_has_no_other_attempt_before_the_end_of_this_one_is_proven() {
    let other = seen(14, Evidence::Other);
    let presumed = life(reading_back(13));
    // Nothing was done so far. The target is read again when this attempt is reported over.
    check_unchanged(&once(BOTH), &presumed, 15, &other);
    let fence = over(life(Stage::Fenced {
        holder: holder(),
        until: at(18),
    }));
    check(&once(BOTH), &presumed, 15, &unknown_and_over(), &fence, &[]);
    let gone = Event::Over {
        incarnation: incarnation(1),
    };
    check(&once(BOTH), &presumed, 15, &gone, &fence, &[]);
    // Earlier observations prove nothing; later ones do.
    let anew = over(life(reading_back(18)));
    check(
        &once(BOTH),
        &fence,
        18,
        &Event::Tick,
        &anew,
        &[Action::ReadBack],
    );
    check_unchanged(&once(BOTH), &anew, 19, &seen(17, Evidence::Other));
    check(
        &once(BOTH),
        &anew,
        19,
        &seen(18, Evidence::Other),
        &next(&anew),
        &[],
    );
    // Nobody reports it, so a person has to decide.
    check(
        &once(BOTH),
        &presumed,
        33,
        &Event::Tick,
        &life(unanswered(33, false)),
        &[Action::ReadBack],
    );
    // A visible effect counts, whoever may still act.
    let done = life(is(How::Succeeded, By::ReadBack));
    check(
        &once(BOTH),
        &presumed,
        15,
        &seen(14, Evidence::Effect),
        &done,
        &[],
    );
}

#[test]
fn what_may_be_repeated_needs_no_proof() {
    let rule = rule(Repeat::Repeatable, BOTH);
    let presumed = life(reading_back(13));
    check(
        &rule,
        &presumed,
        15,
        &seen(14, Evidence::Other),
        &next(&presumed),
        &[],
    );
    let before = life(fenced());
    check(
        &repeatable(),
        &before,
        13,
        &Event::Tick,
        &Life {
            is_in_doubt: true,
            ..next(&before)
        },
        &[],
    );
}

#[test]
fn a_proof_is_waited_for_no_longer_than_the_target_may_take_to_show_it() {
    let rule = once(BOTH);
    let fence = |until| {
        over(life(Stage::Fenced {
            holder: holder(),
            until: at(until),
        }))
    };
    let gone = Event::Over {
        incarnation: incarnation(1),
    };
    for event in [unknown_and_over(), gone] {
        // Both before and after its time would be over.
        check(&rule, &life(permitted()), 4, &event, &fence(7), &[]);
        check(&rule, &life(fenced()), 4, &event, &fence(7), &[]);
        check(&rule, &life(fenced()), 12, &event, &fence(15), &[]);
        // Proof counts once.
        check_unchanged(&rule, &fence(7), 5, &event);
        // A person is asked: by now the target may show the work of others.
        check(
            &rule,
            &life(unsettled()),
            60,
            &event,
            &over(life(unsettled())),
            &[],
        );
        for stage in [Stage::Planned, queued(), verifying(5)] {
            check_unchanged(&rule, &life(stage), 12, &event);
        }
    }
}

#[test]
fn only_the_life_that_has_the_permit_is_reported_to_be_over() {
    let other = Event::Over {
        incarnation: incarnation(2),
    };
    for stage in all_stages() {
        check_unchanged(&once(BOTH), &life(stage), 5, &other);
    }
}

#[test]
fn a_proof_outlives_a_restart() {
    let before = over(life(reading_back(13)));
    let (after, _) = Life::restore(before.saved(), &once(BOTH), at(1000));
    assert!(after.is_over);
}
