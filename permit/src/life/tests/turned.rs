//! Turns, time, and people.

use super::*;

fn gone(number: u8) -> Event {
    Event::Gone {
        incarnation: incarnation(number),
    }
}

#[test]
fn what_waits_is_published_when_it_is_its_turn_and_again_when_nobody_asks() {
    let rule = once(None);
    let publish = [Action::Publish];
    let before = life(Stage::Planned);
    check(
        &rule,
        &before,
        0,
        &Event::Release,
        &life(queued()),
        &publish,
    );
    check_unchanged(&rule, &before, 100, &Event::Release);
    check_unchanged(&rule, &life(queued()), 29, &Event::Tick);
    let twice = life(Stage::Queued {
        again: at(90),
        times: 2,
    });
    check(&rule, &life(queued()), 30, &Event::Tick, &twice, &publish);
    check(&rule, &life(queued()), 5, &Event::Recall, &before, &[]);
    for stage in all_stages() {
        let life = life(stage);
        if life.stage != Stage::Planned {
            check_unchanged(&rule, &life, 5, &Event::Release);
        }
        if life.stage != queued() {
            check_unchanged(&rule, &life, 5, &Event::Recall);
        }
    }
}

#[test]
fn what_nobody_begins_in_time_expires() {
    for stage in [Stage::Planned, queued()] {
        let after = life(is(How::Expired, By::Time));
        check(&once(None), &life(stage), 100, &Event::Tick, &after, &[]);
    }
}

#[test]
fn an_attempt_that_is_not_heard_from_is_fenced_until_nobody_can_act() {
    let rule = once(Some(Proves::Effect));
    let (permit, fence) = (life(permitted()), life(fenced()));
    check_unchanged(&rule, &permit, 9, &Event::Tick);
    check(&rule, &permit, 10, &Event::Tick, &fence, &[]);
    check_unchanged(&rule, &fence, 12, &Event::Tick);
    let after = life(reading_back(13));
    check(&rule, &fence, 13, &Event::Tick, &after, &[Action::ReadBack]);
    // The clock was not looked at for a while: everything is due at once.
    check(
        &rule,
        &permit,
        13,
        &Event::Tick,
        &after,
        &[Action::ReadBack],
    );
    check(&rule, &permit, 1, &gone(1), &fence, &[]);
    check_unchanged(&rule, &permit, 1, &gone(2));
    for stage in [
        Stage::Planned,
        queued(),
        verifying(5),
        fenced(),
        reading_back(13),
        unsettled(),
    ] {
        check_unchanged(&rule, &life(stage), 1, &gone(1));
    }
}

#[test]
fn after_the_fence_the_manifest_decides() {
    let fence = life(fenced());
    let person = life(unsettled());
    let tick = Event::Tick;
    let read = life(reading_back(13));
    for (rule, after, actions) in [
        (once(None), &person, vec![]),
        (once(Some(Proves::Nothing)), &person, vec![]),
        (once(Some(Proves::Effect)), &read, vec![Action::ReadBack]),
        (once(Some(Proves::Both)), &read, vec![Action::ReadBack]),
    ] {
        check(&rule, &fence, 13, &tick, after, &actions);
    }
    let again = Life {
        is_in_doubt: true,
        ..next(&fence)
    };
    check(&repeatable(), &fence, 13, &tick, &again, &[]);
    // There is no further attempt: it was the last, or was cancelled, or has expired.
    let last = |stage| Life {
        attempt: 3,
        ..life(stage)
    };
    check(
        &repeatable(),
        &last(fenced()),
        13,
        &tick,
        &last(unsettled()),
        &[],
    );
    check(
        &repeatable(),
        &cancelled(fence.clone()),
        13,
        &tick,
        &cancelled(person.clone()),
        &[],
    );
    check(&repeatable(), &fence, 100, &tick, &person, &[]);
}

#[test]
fn what_is_taken_back_is_not_begun_and_what_is_begun_ends_as_it_ends() {
    let rule = once(None);
    for stage in [Stage::Planned, queued()] {
        let after = cancelled(life(is(How::Cancelled, By::Cancel)));
        check(&rule, &life(stage), 5, &Event::Cancel, &after, &[]);
    }
    for stage in [
        permitted(),
        verifying(5),
        fenced(),
        reading_back(13),
        unsettled(),
    ] {
        let before = life(stage);
        check(
            &rule,
            &before,
            5,
            &Event::Cancel,
            &cancelled(before.clone()),
            &[],
        );
    }
    let done = life(is(How::Succeeded, By::Outcome));
    check_unchanged(&rule, &done, 5, &Event::Cancel);
}

#[test]
fn a_person_settles_what_nobody_can_act_on_any_more() {
    let rule = once(None);
    let expires = at(500);
    let settle = |settlement| Event::Settle(settlement);
    for stage in [reading_back(13), unsettled()] {
        let before = life(stage);
        let after = life(is(How::Succeeded, By::Person));
        check(
            &rule,
            &before,
            50,
            &settle(Settlement::Succeeded),
            &after,
            &[],
        );
        let after = life(is(How::Failed, By::Person));
        check(&rule, &before, 50, &settle(Settlement::Failed), &after, &[]);
        let after = Life {
            expires,
            is_in_doubt: true,
            ..next(&before)
        };
        let again = settle(Settlement::Again { expires });
        check(&rule, &cancelled(before), 50, &again, &after, &[]);
    }
    for (stage, why) in [
        (permitted(), NotNow::MayAct { until: at(10) }),
        (fenced(), NotNow::MayAct { until: at(13) }),
        (Stage::Planned, NotNow::Known),
        (queued(), NotNow::Known),
        (verifying(5), NotNow::Known),
        (is(How::Failed, By::Outcome), NotNow::Known),
    ] {
        let before = life(stage);
        assert_eq!(before.may_settle(), Err(why), "{before:?}");
        check_unchanged(&rule, &before, 5, &settle(Settlement::Succeeded));
        check_unchanged(&rule, &before, 5, &settle(Settlement::Again { expires }));
    }
}

#[test]
fn from_the_permit_until_it_is_settled_an_attempt_holds_its_target() {
    let holds = all_stages().map(|stage| life(stage).holds());
    assert_eq!(
        holds,
        [false, false, true, true, true, true, false, false, false]
    );
}

#[test]
fn every_stage_has_a_deadline_that_more_than_a_person_can_change() {
    let deadlines = all_stages().map(|stage| life(stage).deadline());
    let waits = [Some(100), Some(30), Some(10), Some(35), Some(13), Some(33)];
    let expected = waits
        .into_iter()
        .chain([None, Some(83), None])
        .map(|second| second.map(at));
    assert_eq!(deadlines.to_vec(), expected.collect::<Vec<_>>());
}
