//! A target that answers after its task was left to a person.

use super::*;

const BOTH: Option<Proves> = Some(Proves::Both);
const EFFECT: Option<Proves> = Some(Proves::Effect);
const NOTHING: Option<Proves> = Some(Proves::Nothing);

#[test]
fn a_target_that_did_not_answer_in_time_is_asked_again_and_again() {
    for (rule, before, now, is_reported) in [
        (once(BOTH), reading_back(13), 33, false),
        (once(EFFECT), reading_back(13), 33, false),
        (once(BOTH), verifying(5), 35, true),
        (once(NOTHING), verifying(5), 35, true),
    ] {
        let after = life(unanswered(now, is_reported));
        let read_back = [Action::ReadBack];
        check(&rule, &life(before), now, &Event::Tick, &after, &read_back);
        check_unchanged(&rule, &after, now + 49, &Event::Tick);
        let (mut is, mut ticks) = (after, 0);
        while let Some(deadline) = is.deadline() {
            let (next, does) = is.on(&Event::Tick, &rule, deadline);
            let is_last = next.late().is_none();
            assert_eq!(
                does,
                if is_last {
                    vec![]
                } else {
                    vec![Action::ReadBack]
                }
            );
            (is, ticks) = (next, ticks + 1);
        }
        assert_eq!((is, ticks), (life(unsettled()), 20));
    }
}

#[test]
fn what_must_be_passed_through_is_for_a_person() {
    let after = life(unsettled());
    check(
        &through(),
        &life(verifying(5)),
        35,
        &Event::Tick,
        &after,
        &[],
    );
}

#[test]
fn an_effect_that_is_seen_late_ends_the_task() {
    let succeeded = is(How::Succeeded, By::ReadBack);
    for rule in [once(BOTH), once(EFFECT), once(NOTHING)] {
        let reported = unanswered(33, true);
        let shown = seen(500, Evidence::Effect);
        check(
            &rule,
            &life(reported.clone()),
            501,
            &shown,
            &life(succeeded.clone()),
            &[],
        );
        let (before, after) = (in_doubt(reported), in_doubt(succeeded.clone()));
        check(&rule, &before, 501, &shown, &after, &[]);
    }
    let before = life(unanswered(33, false));
    check(
        &once(EFFECT),
        &before,
        501,
        &seen(500, Evidence::Effect),
        &life(succeeded),
        &[],
    );
    // Asked before nobody could act any more.
    check_unchanged(&once(EFFECT), &before, 501, &seen(32, Evidence::Effect));
    check_unchanged(&once(EFFECT), &before, 501, &seen(500, Evidence::None));
}

#[test]
fn an_absence_that_is_seen_late_ends_the_task_only_if_nobody_can_act_any_more() {
    let other = seen(500, Evidence::Other);
    let before = life(unanswered(33, false));
    check_unchanged(&once(BOTH), &before, 501, &other);
    // Its environment is back, and says that it is over; the target has time to show it.
    let incarnation = incarnation(1);
    let (proven, _) = before.on(&Event::Over { incarnation }, &once(BOTH), at(500));
    assert!(proven.is_over);
    check_unchanged(&once(BOTH), &proven, 503, &seen(502, Evidence::Other));
    let failed = over(life(is(How::Failed, By::ReadBack)));
    check(
        &once(BOTH),
        &proven,
        504,
        &seen(503, Evidence::Other),
        &failed,
        &[],
    );
    let withdrawn = over(cancelled(life(is(How::Cancelled, By::Cancel))));
    let proven = cancelled(proven);
    check(
        &once(BOTH),
        &proven,
        504,
        &seen(503, Evidence::Other),
        &withdrawn,
        &[],
    );
}

#[test]
fn what_proves_nothing_late_is_for_a_person_alone() {
    let waits = life(unanswered(33, false));
    let reported = life(unanswered(33, true));
    for (rule, before, evidence) in [
        (once(EFFECT), over(waits.clone()), Evidence::Other),
        (once(BOTH), over(waits.clone()), Evidence::Passing),
        (once(BOTH), over(reported.clone()), Evidence::Other),
        (once(NOTHING), over(reported), Evidence::Other),
        (once(BOTH), over(in_doubt(waits.stage)), Evidence::Other),
    ] {
        let after = Life {
            stage: unsettled(),
            ..before.clone()
        };
        check(&rule, &before, 501, &seen(500, evidence), &after, &[]);
        check_unchanged(&rule, &after, 503, &seen(502, Evidence::Effect));
    }
}

#[test]
fn another_attempt_at_the_target_ends_late_read_backs() {
    let (rule, after) = (once(BOTH), life(unsettled()));
    check(
        &rule,
        &life(unanswered(33, false)),
        40,
        &Event::Overtaken,
        &after,
        &[],
    );
    check_unchanged(&rule, &after, 501, &seen(500, Evidence::Effect));
    for stage in all_stages() {
        let is_late = life(stage.clone()).late().is_some();
        if !is_late {
            check_unchanged(&rule, &life(stage), 40, &Event::Overtaken);
        }
    }
}

#[test]
fn a_person_and_a_target_never_settle_the_same_task() {
    let (rule, before) = (once(BOTH), life(unanswered(33, false)));
    let shown = seen(500, Evidence::Effect);
    for settlement in [Settlement::Succeeded, Settlement::Failed] {
        let (settled, _) = before
            .clone()
            .on(&Event::Settle(settlement), &rule, at(400));
        assert!(settled.has_ended());
        check_unchanged(&rule, &settled, 501, &shown);
        let (shown, _) = before.clone().on(&shown, &rule, at(501));
        assert_eq!(shown.may_settle(), Err(NotNow::Known));
        check_unchanged(&rule, &shown, 502, &Event::Settle(settlement));
    }
    let again = Settlement::Again { expires: at(900) };
    let (again, _) = before.on(&Event::Settle(again), &rule, at(400));
    assert_eq!(again.stage, Stage::Planned);
    check_unchanged(&rule, &again, 501, &shown);
}

#[test]
fn after_a_restart_a_late_read_back_goes_on_for_the_time_that_it_had() {
    let rule = once(BOTH);
    let before = life(unanswered(33, false));
    let restored = |now| Life::restore(before.saved(), &rule, at(now)).0.late();
    let late = Late {
        since: at(504),
        again: at(504),
        until: at(1033),
        is_reported: false,
    };
    assert_eq!(
        rule.settling,
        Duration::from_secs(3).max(late.since - at(501))
    );
    assert_eq!(restored(501), Some(late));
    assert_eq!(restored(1033), None);
    // A record from before there were any.
    let saved = Saved {
        late: None,
        ..before.saved()
    };
    assert_eq!(Life::restore(saved, &rule, at(501)).0, life(unsettled()));
}
