use RolloutPhase::{Back, Canary, Done, Rolling, Shadow, Starting, Waiting};
use utakata_model::ReleaseDigest;

use super::*;

const ALL: [RolloutPhase; 7] = [Waiting, Starting, Shadow, Canary, Rolling, Done, Back];

fn at(phase: RolloutPhase) -> Position {
    Position {
        phase,
        share: 0,
        has_taken_over: phase == Done,
    }
}

fn go(order: GoOrder, promoted: Option<RolloutPhase>) -> Option<Go> {
    Some(Go { order, promoted })
}

fn facts() -> Facts {
    Facts {
        is_here: true,
        ready: 1,
        enough: 1,
        ..Facts::default()
    }
}

fn objection() -> Verdict {
    Verdict {
        objection: Some(judge::problem("rollout-fails", "it fails".into())),
        ..Verdict::default()
    }
}

fn seen_all() -> Verdict {
    Verdict {
        has_seen_all: true,
        ..Verdict::default()
    }
}

fn at_once() -> RolloutPlan {
    RolloutPlan {
        shadow_answers: 0,
        canary_shares: Vec::new(),
        ..RolloutPlan::default()
    }
}

fn step(at: Position, plan: &RolloutPlan, go: Option<Go>, facts: &Facts, judged: &Verdict) -> Step {
    let candidate = ReleaseId {
        kind: "echo".parse().unwrap(),
        version: "2".into(),
        digest: ReleaseDigest("2".into()),
    };
    next(at, &candidate, plan, go, facts, judged)
}

/// Returns the code of the problem with which it goes back or waits.
fn code(step: &Step) -> &str {
    match step {
        Step::Back(problem) | Step::Stay(Some(problem)) => &problem.code,
        _ => "",
    }
}

#[test]
fn a_kind_that_cannot_be_read_needs_no_shadow() {
    let unread = Facts {
        is_unread: true,
        ..facts()
    };
    let go = go(GoOrder::Go, None);
    let plan = RolloutPlan::default();
    let nothing = Verdict::default();
    let next = step(at(Shadow), &plan, go, &unread, &nothing);
    assert_eq!(next, Step::To(Canary));
    let next = step(at(Shadow), &plan, go, &facts(), &nothing);
    assert_eq!(next, Step::Stay(None));
}

#[test]
fn phases_follow_each_other_and_those_without_evidence_are_left_out() {
    let plan = RolloutPlan::default();
    let order = |promoted| go(GoOrder::Go, promoted);
    for (from, plan, promoted, expect) in [
        (Waiting, &plan, None, Starting),
        (Starting, &plan, None, Shadow),
        (Shadow, &plan, None, Canary),
        (Starting, &at_once(), None, Rolling),
        (Starting, &plan, Some(Shadow), Canary),
        (Starting, &plan, Some(Canary), Rolling),
        (Shadow, &plan, Some(Canary), Rolling),
        (Canary, &plan, Some(Canary), Rolling),
    ] {
        let step = step(at(from), plan, order(promoted), &facts(), &seen_all());
        assert_eq!(step, Step::To(expect), "{from:?} {promoted:?}");
    }
    // A promoted rollout waits for no evidence.
    for (from, promoted, expect) in [(Shadow, Shadow, Canary), (Canary, Rolling, Rolling)] {
        let none = Verdict::default();
        let step = step(at(from), &plan, order(Some(promoted)), &facts(), &none);
        assert_eq!(step, Step::To(expect));
    }
    let first = step(at(Canary), &plan, order(None), &facts(), &seen_all());
    assert_eq!(first, Step::Share(1));
    let last = Position {
        share: 1,
        ..at(Canary)
    };
    let last = step(last, &plan, order(None), &facts(), &seen_all());
    assert_eq!(last, Step::To(Rolling));
}

#[test]
fn a_candidate_takes_over_when_it_is_large_enough_and_is_watched_then() {
    let plan = RolloutPlan::default();
    let order = go(GoOrder::Go, None);
    let grown = |ready, enough| Facts {
        ready,
        enough,
        ..facts()
    };
    let after = Position {
        has_taken_over: true,
        ..at(Rolling)
    };
    for (at, facts, judged, expect) in [
        (at(Rolling), grown(2, 3), seen_all(), Step::Stay(None)),
        (at(Rolling), grown(3, 3), Verdict::default(), Step::TakeOver),
        (at(Rolling), grown(0, 0), seen_all(), Step::Stay(None)),
        (after, grown(1, 3), Verdict::default(), Step::Stay(None)),
        (after, grown(1, 3), seen_all(), Step::To(Done)),
    ] {
        let step = step(at, &plan, order, &facts, &judged);
        assert_eq!(step, expect, "{at:?} {facts:?}");
    }
}

#[test]
fn nothing_continues_without_an_order_and_everything_goes_back_with_one() {
    let plan = RolloutPlan::default();
    for phase in ALL {
        for order in [None, go(GoOrder::Pause, None)] {
            let step = step(at(phase), &plan, order, &facts(), &seen_all());
            assert_eq!(step, Step::Stay(None), "{phase:?} {order:?}");
        }
        let back = step(
            at(phase),
            &plan,
            go(GoOrder::Back, None),
            &facts(),
            &seen_all(),
        );
        let expect = if phase == Back {
            ""
        } else {
            "rollout-ordered-back"
        };
        assert_eq!(code(&back), expect, "{phase:?}");
    }
}

#[test]
fn what_speaks_against_it_rolls_it_back_whatever_the_order() {
    let plan = RolloutPlan::default();
    for order in [None, go(GoOrder::Go, None), go(GoOrder::Pause, None)] {
        for phase in [Starting, Shadow, Canary, Rolling] {
            let back = step(at(phase), &plan, order, &facts(), &objection());
            assert_eq!(code(&back), "rollout-fails", "{phase:?} {order:?}");
        }
        for phase in [Done, Back] {
            let step = step(at(phase), &plan, order, &facts(), &objection());
            assert_eq!(step, Step::Stay(None), "{phase:?}");
        }
    }
    let late = Verdict {
        at_last: objection().objection,
        ..seen_all()
    };
    let order = go(GoOrder::Go, None);
    for phase in [Shadow, Canary] {
        let back = step(at(phase), &plan, order, &facts(), &late);
        assert_eq!(code(&back), "rollout-fails", "{phase:?}");
    }
}

#[test]
fn a_candidate_that_is_not_here_is_waited_for() {
    let plan = RolloutPlan::default();
    let away = Facts {
        is_here: false,
        ..facts()
    };
    for phase in [Waiting, Starting, Shadow, Canary, Rolling, Done] {
        let step = step(at(phase), &plan, go(GoOrder::Go, None), &away, &seen_all());
        assert_eq!(code(&step), "rollout-no-release", "{phase:?}");
    }
    let stable = Facts {
        is_stable: true,
        ..facts()
    };
    let done = step(
        at(Waiting),
        &plan,
        go(GoOrder::Go, None),
        &stable,
        &seen_all(),
    );
    assert_eq!(done, Step::To(Done));
}

#[test]
fn a_candidate_that_was_refused_is_not_tried_again_and_others_are_once() {
    let problem = |code| Problem::new(code, Cure::Operator, "why");
    for (lost, last, expect) in [
        (0, None, false),
        (0, Some(problem("manifest")), false),
        (1, Some(problem("manifest")), true),
        (1, Some(problem("worker-crashed")), false),
        (2, Some(problem("worker-crashed")), true),
    ] {
        let found = no_start(lost, last.as_ref());
        assert_eq!(found.is_some(), expect, "{lost} {last:?}");
    }
}
