use utakata_model::RolloutPlan;

use super::*;
use crate::samples::release;

fn order() -> Order {
    Order {
        id: RolloutId::generate(),
        candidate: (*release("echo", "2").id).clone(),
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

fn kept(order: &Order, phase: RolloutPhase) -> Kept {
    let way = Way::new(order.clone(), None, Timestamp::now());
    Kept {
        phase,
        share: 1,
        evidence: Evidence {
            compared: 30,
            ..Evidence::default()
        },
        ..way.kept()
    }
}

fn step(way: &mut Way, now: Instant) -> Option<Changed> {
    way.step(&facts(), &Recent::default(), now, Timestamp::now())
}

#[test]
fn a_rollout_goes_on_after_a_restart_where_it_was_and_begins_with_new_evidence() {
    let order = order();
    for phase in [
        RolloutPhase::Starting,
        RolloutPhase::Shadow,
        RolloutPhase::Canary,
        RolloutPhase::Rolling,
    ] {
        let way = Way::new(order.clone(), Some(kept(&order, phase)), Timestamp::now());
        let status = way.status();
        assert_eq!((status.phase, status.evidence.compared), (phase, 0));
        assert!(!way.has_taken_over(), "{phase:?} is looked at again");
    }
    let canary = kept(&order, RolloutPhase::Canary);
    let way = Way::new(order.clone(), Some(canary), Timestamp::now());
    assert_eq!(way.status().evidence.share, order.plan.canary_shares[1]);
    for phase in [RolloutPhase::Done, RolloutPhase::Back] {
        let mut way = Way::new(order.clone(), Some(kept(&order, phase)), Timestamp::now());
        assert_eq!(step(&mut way, Instant::now()), None);
        let status = way.status();
        assert_eq!((status.phase, status.evidence.compared), (phase, 30));
        assert_eq!(way.has_taken_over(), phase == RolloutPhase::Done);
    }
}

#[test]
fn what_is_kept_of_another_rollout_is_nothing_to_this_one() {
    let (other, order) = (order(), order());
    let back = kept(&other, RolloutPhase::Back);
    let mut way = Way::new(order, Some(back), Timestamp::now());
    assert_eq!(way.phase(), RolloutPhase::Waiting);
    assert_eq!(step(&mut way, Instant::now()), Some(Changed::Phase));
    assert_eq!(way.phase(), RolloutPhase::Starting);
}

#[test]
fn workers_that_were_lost_before_do_not_speak_against_it() {
    let mut way = Way::new(order(), None, Timestamp::now());
    let now = Instant::now();
    while step(&mut way, now).is_some() {}
    assert_eq!(way.phase(), RolloutPhase::Shadow);
    assert_eq!(way.status().evidence.lost, 0);
}

#[test]
fn where_nothing_of_the_kind_is_it_waits_and_says_so() {
    let status = Way::absent(order(), Timestamp::now());
    assert_eq!(status.phase, RolloutPhase::Waiting);
    assert_eq!(&*status.problem.unwrap().code, "rollout-no-release");
}
