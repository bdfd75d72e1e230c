use utakata_model::{ReleaseDigest, RolloutPlan};

use super::*;

fn release(version: &str) -> ReleaseId {
    ReleaseId {
        kind: "pdu".parse().unwrap(),
        version: version.into(),
        digest: ReleaseDigest(format!("{version:0>64}").into()),
    }
}

fn context() -> Context {
    Context {
        heard: Vec::new(),
        counting: Vec::new(),
        now: "2026-03-01T12:00:00Z".parse().unwrap(),
    }
}

fn begin(to: &str) -> Begin {
    Begin {
        id: RolloutId::from_bytes([7; 16]),
        requested: NewRollout {
            kind: "pdu".parse().unwrap(),
            to: to.into(),
            plan: RolloutPlan::default(),
            waves: Vec::new(),
            why: None,
        },
        by: "kim".parse().unwrap(),
        serving: release("1.0"),
        to: release(to),
    }
}

/// Returns the decision, and the state after it.
fn decide<C: Command>(
    state: &DesiredState,
    command: C,
) -> Result<(C::Reply, DesiredState), C::Error> {
    let (change, reply) = command.decide(state, &context())?;
    let mut after = state.clone();
    if let Some(change) = change {
        assert!(change.revision > state.revision);
        after.make(change);
    }
    Ok((reply, after))
}

/// A rollout to 1.1 is under way.
fn under_way() -> (Rollout, DesiredState) {
    decide(&DesiredState::default(), begin("1.1")).unwrap()
}

#[test]
fn a_rollout_begins_from_what_serves_and_one_at_a_time() {
    let (rollout, state) = under_way();
    assert_eq!(
        (&rollout.from, &rollout.to),
        (&release("1.0"), &release("1.1"))
    );
    assert_eq!(state.kind(&rollout.kind).stable, Some(release("1.0")));
    assert_eq!(state.rollouts.get(&rollout.kind), Some(&rollout));
    let again = decide(&state, begin("1.2")).unwrap_err();
    assert!(matches!(again, Error::Open { .. }), "{again}");
    let same = decide(&DesiredState::default(), begin("1.0")).unwrap_err();
    assert!(matches!(same, Error::Serves { .. }), "{same}");
}

#[test]
fn a_release_is_adopted_where_none_is_requested_or_on_its_way() {
    let (is_adopted, state) = decide(&DesiredState::default(), Adopt(release("1.0"))).unwrap();
    assert!(is_adopted);
    assert_eq!(
        state.kind(&release("1.0").kind).stable,
        Some(release("1.0"))
    );
    let (is_adopted, after) = decide(&state, Adopt(release("1.1"))).unwrap();
    assert!(!is_adopted);
    assert_eq!(after, state);
}

#[test]
fn a_step_is_dropped_when_somebody_has_decided_meanwhile() {
    let (rollout, state) = under_way();
    let go_on = |state: RolloutState| GoOn {
        before: RolloutState::Running,
        after: Rollout {
            state,
            ..rollout.clone()
        },
    };
    let ((), done) = decide(&state, go_on(RolloutState::Done)).unwrap();
    assert_eq!(done.kind(&rollout.kind).stable, Some(release("1.1")));
    assert!(done.rollouts.is_empty());
    let attribution = Attribution {
        by: "kim".into(),
        at: context().now,
        why: None,
    };
    let say = |verb| Say {
        rollout: rollout.clone(),
        verb,
        attribution: attribution.clone(),
    };
    let (paused, after) = decide(&state, say(RolloutVerb::Pause)).unwrap();
    assert_eq!(paused.state, RolloutState::Paused);
    let ((), still) = decide(&after, go_on(RolloutState::Done)).unwrap();
    assert_eq!(still, after);
    let error = decide(&after, say(RolloutVerb::Pause)).unwrap_err();
    assert!(matches!(error, Error::State { .. }), "{error}");
}

#[test]
fn what_is_asked_already_changes_nothing() {
    let kind: Kind = "pdu".parse().unwrap();
    let place = || PlaceKind {
        kind: kind.clone(),
        placement: Some("room=A".parse().unwrap()),
    };
    let (requested, state) = decide(&DesiredState::default(), place()).unwrap();
    assert_eq!(requested.placement, place().placement);
    let (_, after) = decide(&state, place()).unwrap();
    assert_eq!(after.revision, state.revision);
}
