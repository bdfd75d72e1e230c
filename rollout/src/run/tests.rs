use utakata_model::{
    RolloutPlan,
    rollout::{Go, GoOrder},
};

use super::*;

fn order() -> Order {
    Order {
        id: RolloutId::generate(),
        candidate: crate::candidate(),
        plan: RolloutPlan::default(),
        go: Some(Go {
            order: GoOrder::Go,
            promoted: None,
        }),
    }
}

fn facts() -> Facts {
    Facts {
        is_here: true,
        ready: 1,
        enough: 1,
        lost: 7,
        ..Facts::default()
    }
}

fn decision(order: &Order, phase: RolloutPhase) -> Decision {
    let run = RolloutRun::new(order.clone(), None, Timestamp::now());
    Decision {
        phase,
        share: 1,
        evidence: Evidence {
            compared: 30,
            ..Evidence::default()
        },
        ..run.decision()
    }
}

fn step(run: &mut RolloutRun, now: Instant) -> Option<Change> {
    run.step(&facts(), &Recent::default(), now, Timestamp::now())
}

#[test]
fn a_rollout_continues_after_a_restart_where_it_was_and_begins_with_new_evidence() {
    let order = order();
    for phase in [
        RolloutPhase::Starting,
        RolloutPhase::Shadow,
        RolloutPhase::Canary,
        RolloutPhase::Rolling,
    ] {
        let run = RolloutRun::new(
            order.clone(),
            Some(decision(&order, phase)),
            Timestamp::now(),
        );
        let status = run.status();
        assert_eq!((status.phase, status.evidence.compared), (phase, 0));
        assert!(!run.has_taken_over(), "{phase:?} is looked at again");
    }
    let canary = decision(&order, RolloutPhase::Canary);
    let run = RolloutRun::new(order.clone(), Some(canary), Timestamp::now());
    assert_eq!(run.status().evidence.share, order.plan.canary_shares[1]);
    for phase in [RolloutPhase::Done, RolloutPhase::Back] {
        let mut run = RolloutRun::new(
            order.clone(),
            Some(decision(&order, phase)),
            Timestamp::now(),
        );
        assert_eq!(step(&mut run, Instant::now()), None);
        let status = run.status();
        assert_eq!((status.phase, status.evidence.compared), (phase, 30));
        assert_eq!(run.has_taken_over(), phase == RolloutPhase::Done);
    }
}

#[test]
fn a_decision_about_another_rollout_is_nothing_to_this_one() {
    let (other, order) = (order(), order());
    let back = decision(&other, RolloutPhase::Back);
    let mut run = RolloutRun::new(order, Some(back), Timestamp::now());
    assert_eq!(run.phase(), RolloutPhase::Waiting);
    assert_eq!(step(&mut run, Instant::now()), Some(Change::Phase));
    assert_eq!(run.phase(), RolloutPhase::Starting);
}

#[test]
fn workers_that_were_lost_before_do_not_speak_against_it() {
    let mut run = RolloutRun::new(order(), None, Timestamp::now());
    let now = Instant::now();
    while step(&mut run, now).is_some() {}
    assert_eq!(run.phase(), RolloutPhase::Shadow);
    assert_eq!(run.status().evidence.lost, 0);
}

#[test]
fn where_nothing_of_the_kind_is_it_waits_and_says_so() {
    let status = RolloutRun::status_of_absent(order(), Instant::now(), Timestamp::now());
    assert_eq!(status.phase, RolloutPhase::Waiting);
    assert_eq!(&*status.problem.unwrap().code, "rollout-no-release");
}
