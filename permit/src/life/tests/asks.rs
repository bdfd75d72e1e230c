//! Asks: which holders are given a permit, and which are not.

use super::*;

fn answer(verdict: Verdict) -> [Action; 1] {
    [Action::Answer(verdict)]
}

fn refused(why: Refused) -> [Action; 1] {
    answer(Verdict::Refused(why))
}

#[test]
fn only_what_is_queued_is_permitted() {
    let rule = once(None);
    let window = answer(Verdict::Permitted(rule.window));
    let is = ask(1, holder());
    let before = life(queued());
    check(&rule, &before, 0, &is, &life(permitted()), &window);
    // Its answer was lost: the same permit again, and no longer.
    let before = life(permitted());
    check(&rule, &before, 9, &is, &before, &window);
    for (stage, why) in [
        (Stage::Planned, Refused::Recalled),
        (verifying(5), Refused::Taken),
        (fenced(), Refused::Taken),
        (reading_back(13), Refused::Taken),
        (unsettled(), Refused::Taken),
        (ended(How::Failed, By::Person), Refused::Ended),
    ] {
        let before = life(stage);
        check(&rule, &before, 9, &is, &before, &refused(why));
    }
}

#[test]
fn who_does_not_hold_the_permit_is_refused() {
    let rule = once(None);
    for other in others() {
        for stage in [permitted(), verifying(5), fenced(), reading_back(13)] {
            let before = life(stage);
            let event = ask(1, other.clone());
            check(&rule, &before, 9, &event, &before, &refused(Refused::Taken));
        }
    }
}

#[test]
fn another_attempt_than_the_current_is_refused() {
    let rule = once(None);
    for stage in all_stages() {
        let before = life(stage);
        let why = if before.has_ended() {
            Refused::Ended
        } else {
            Refused::Superseded
        };
        for attempt in [0, 2] {
            let event = ask(attempt, holder());
            check(&rule, &before, 9, &event, &before, &refused(why));
        }
    }
}

#[test]
fn what_has_expired_is_not_permitted() {
    let (rule, before) = (once(None), life(queued()));
    let event = ask(1, holder());
    check(
        &rule,
        &before,
        100,
        &event,
        &before,
        &refused(Refused::Ended),
    );
}

#[test]
fn a_permit_ends_with_its_task() {
    let rule = once(None);
    let event = ask(1, holder());
    for (asked, left) in [(97, 2), (98, 2), (99, 1)] {
        let window = answer(Verdict::Permitted(Duration::from_secs(left)));
        let after = life(Stage::Permitted {
            holder: holder(),
            acts_until: at(asked + 10),
        });
        check(&rule, &life(queued()), asked, &event, &after, &window);
        // Its answer was lost: the same permit again, and no longer.
        check(&rule, &after, asked + 9, &event, &after, &window);
    }
}

#[test]
fn an_attempt_that_cannot_act_any_more_is_not_permitted_again_to_its_holder() {
    let rule = once(None);
    let before = life(permitted());
    let after = before
        .on(
            &Event::Gone {
                incarnation: incarnation(1),
            },
            &rule,
            at(1),
        )
        .0;
    let event = ask(1, holder());
    check(&rule, &after, 2, &event, &after, &refused(Refused::Taken));
}
