use utakata_model::{
    Incarnation, Labels, Manifest, PoolStatus, ReleaseDigest, ReleaseId, RolloutId, RolloutPlan,
    RolloutStatus, Stopped, rollout::Evidence,
};

use super::*;

fn release(version: &str) -> ReleaseId {
    ReleaseId {
        kind: "pdu".parse().unwrap(),
        version: version.into(),
        digest: ReleaseDigest(format!("{version:0>64}").into()),
    }
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn rollout(waves: &[&str]) -> Rollout {
    Rollout {
        id: RolloutId::from_bytes([7; 16]),
        kind: "pdu".parse().unwrap(),
        from: release("1.0"),
        to: release("1.1"),
        plan: RolloutPlan::default(),
        waves: waves.iter().map(|wave| wave.parse().unwrap()).collect(),
        wave: 0,
        by: "kim".parse().unwrap(),
        why: None,
        began: now(),
        state: RolloutState::Running,
        changed: None,
        problem: None,
        ended: None,
        environments: BTreeMap::new(),
        read_back: ReadBack::default(),
        read_back_before: ReadBack::default(),
    }
}

/// An environment in a room that serves the kind, with its phase.
fn heard(id: &str, room: &str, phase: Option<RolloutPhase>) -> Arc<EnvironmentStatus> {
    let manifest = Manifest::parse(
        "kind = \"pdu\"\nversion = \"1.0\"\nprotocol = 1\n[run]\nprogram = \"x\"\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"",
    );
    let told = phase.map(|phase| RolloutStatus {
        id: RolloutId::from_bytes([7; 16]),
        kind: "pdu".parse().unwrap(),
        candidate: release("1.1"),
        phase,
        since: now(),
        paused: false,
        evidence: Evidence::default(),
        problem: (phase == RolloutPhase::Back)
            .then(|| Problem::new("rollout-slow", Cure::Bug, "it is slow")),
    });
    Arc::new(EnvironmentStatus {
        id: id.parse().unwrap(),
        incarnation: Incarnation::generate(),
        zone: "default".parse().unwrap(),
        over: Vec::new(),
        key: None,
        labels: Labels::from([("room".into(), room.into())]),
        state: EnvironmentState::Running,
        version: "1".into(),
        time: now(),
        clock_ahead_ms: None,
        pools: vec![PoolStatus {
            release: release("1.0"),
            manifest: manifest.unwrap().into(),
            active: true,
            starting: 0,
            ready: 1,
            draining: 0,
            running: 0,
            waiting: 0,
            lost: 0,
            problem: None,
            memory: None,
            ended: utakata_model::environment::EndedTasks::default(),
        }],
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        needs_networks: false,
        stopped: Stopped::default(),
        rollouts: told.into_iter().collect(),
        workers: None,
        invariants_broken: 0,
        restarted: Vec::new(),
    })
}

fn gone(status: &EnvironmentStatus) -> Arc<EnvironmentStatus> {
    Arc::new(EnvironmentStatus {
        state: EnvironmentState::Gone,
        ..status.clone()
    })
}

/// Returns the environments that have an order, each with its command.
fn orders(rollout: &Rollout) -> Vec<(String, GoOrder)> {
    let order = order(rollout);
    let environments = order.environments.into_iter();
    environments
        .map(|(id, go)| (id.to_string(), go.order))
        .collect()
}

fn named(orders: &[(&str, GoOrder)]) -> Vec<(String, GoOrder)> {
    let named = orders.iter();
    named.map(|(id, go)| ((*id).to_owned(), *go)).collect()
}

#[test]
fn a_wave_begins_when_the_one_before_is_done_and_the_last_one_ends_it() {
    use RolloutPhase::{Canary, Done, Shadow, Waiting};
    let mut one = rollout(&["room=A", "room=B"]);
    let a = |phase| heard("a", "A", Some(phase));
    let b = |phase| heard("b", "B", Some(phase));
    let c = |phase| heard("c", "elsewhere", Some(phase));
    for (told, wave, may_go) in [
        (vec![heard("a", "A", None), b(Waiting), c(Waiting)], 0, 1),
        (vec![a(Canary), b(Waiting), c(Waiting)], 0, 1),
        (vec![a(Done), b(Waiting), c(Waiting)], 1, 2),
        (vec![a(Done), b(Shadow), c(Waiting)], 1, 2),
        // One that is done and then disappears holds up nobody.
        (vec![gone(&a(Done)), b(Done), c(Waiting)], 2, 3),
    ] {
        one = advance(one, &told, now());
        assert_eq!(one.state, RolloutState::Running);
        assert_eq!((one.wave, orders(&one).len()), (wave, may_go), "{told:?}");
    }
    one = advance(one, &[a(Done), b(Done), c(Done)], now());
    assert_eq!((one.state, one.ended), (RolloutState::Done, Some(now())));
}

#[test]
fn one_that_went_away_in_the_middle_of_it_holds_the_next_wave_until_another_has_shown_it() {
    use RolloutPhase::{Canary, Done, Waiting};
    let a = |phase| heard("a", "A", Some(phase));
    let also_a = |phase| heard("also-a", "A", Some(phase));
    let b = |phase| heard("b", "B", Some(phase));
    let begun = rollout(&["room=A"]);
    let begun = advance(begun, &[a(Canary), b(Waiting)], now());
    // Gone, and unknown to a logic environment that has just started.
    for told in [vec![gone(&a(Canary)), b(Waiting)], vec![b(Waiting)]] {
        let held = advance(begun.clone(), &told, now());
        assert_eq!((held.wave, orders(&held).len()), (0, 1), "{told:?}");
        let problem = held.environments.values().next().unwrap().problem.as_ref();
        assert_eq!(&*problem.unwrap().code, "rollout-gone");
        // It returns, and is done.
        let back = advance(held.clone(), &[a(Canary), b(Waiting)], now());
        assert_eq!(back.wave, 0);
        assert!(back.environments.values().all(|one| one.problem.is_none()));
        let next = advance(back, &[a(Done), b(Waiting)], now());
        assert_eq!(next.wave, 1);
        // Another one of its wave shows that the release is good.
        let mut with_other = told.clone();
        with_other.push(also_a(Done));
        assert_eq!(advance(held.clone(), &with_other, now()).wave, 1);
        // A person continues without it; when it returns, it continues as well.
        let mut without = held;
        without_gone(&mut without);
        let without = advance(without, &told, now());
        assert_eq!(without.wave, 1);
        let with_it = advance(without, &[a(Canary), b(Done)], now());
        assert_eq!(with_it.state, RolloutState::Running);
        assert_eq!(orders(&with_it).len(), 2);
    }
    // One that was done, or had not begun, holds up nobody.
    for phase in [Waiting, Done] {
        let begun = advance(rollout(&["room=A"]), &[a(phase), b(Waiting)], now());
        let one = advance(begun, &[gone(&a(phase)), b(Waiting)], now());
        assert_eq!(one.wave, 1, "{phase:?}");
    }
}

#[test]
fn one_that_goes_back_rolls_all_back_and_then_it_has_failed_with_the_reason() {
    use RolloutPhase::{Back, Done, Waiting};
    let told = |a, b, c| {
        [
            heard("a", "A", Some(a)),
            heard("b", "B", Some(b)),
            heard("c", "C", Some(c)),
        ]
    };
    let one = rollout(&["room=A", "room=B"]);
    let one = advance(one, &told(Done, Back, Waiting), now());
    assert_eq!(one.state, RolloutState::GoingBack);
    let problem = one.problem.clone().unwrap();
    assert_eq!(&*problem.code, "rollout-slow");
    assert!(problem.message.contains("in b: it is slow"), "{problem}");
    let back = [("a", GoOrder::Back), ("b", GoOrder::Back)];
    assert_eq!(orders(&one), named(&back));
    let one = advance(one, &told(Back, Back, Waiting), now());
    assert_eq!(one.state, RolloutState::Failed);
    assert_eq!(&*one.problem.unwrap().code, "rollout-slow");
}

#[test]
fn what_is_paused_stays_and_what_is_aborted_goes_back_without_a_fault() {
    use RolloutPhase::{Back, Canary};
    let canary = [heard("a", "A", Some(Canary))];
    let paused = Rollout {
        state: RolloutState::Paused,
        ..rollout(&[])
    };
    let paused = advance(paused, &canary, now());
    assert_eq!(orders(&paused), named(&[("a", GoOrder::Pause)]));
    let aborting = Rollout {
        state: RolloutState::Aborting,
        ..paused
    };
    let aborting = advance(aborting, &canary, now());
    assert_eq!(orders(&aborting), named(&[("a", GoOrder::Back)]));
    let aborted = advance(aborting, &[heard("a", "A", Some(Back))], now());
    assert_eq!(aborted.state, RolloutState::Aborted);
    assert_eq!(aborted.problem, None);
}

#[test]
fn control_that_does_not_show_rolls_it_back_only_if_that_is_not_by_chance() {
    let told = [heard("a", "A", Some(RolloutPhase::Canary))];
    for (now_shown, now_not, before_shown, before_not, is_back) in [
        (0, 1, 20, 0, false),
        (0, 2, 20, 0, true),
        (98, 2, 900, 20, false),
        (0, 5, 0, 100, false),
        (0, 2, 0, 0, false),
        (1, 3, 0, 0, true),
        (50, 10, 1000, 3, true),
    ] {
        let one = Rollout {
            read_back: ReadBack {
                shown: now_shown,
                not_shown: now_not,
            },
            read_back_before: ReadBack {
                shown: before_shown,
                not_shown: before_not,
            },
            ..rollout(&[])
        };
        let one = advance(one, &told, now());
        assert_eq!(one.state == RolloutState::GoingBack, is_back, "{one:?}");
    }
}

#[test]
fn nobody_there_ends_nothing_and_by_default_one_goes_first() {
    let one = advance(rollout(&[]), &[], now());
    assert_eq!(one.state, RolloutState::Running);
    let kind = "pdu".parse().unwrap();
    let all = [heard("b", "B", None), heard("a", "A", None)];
    assert_eq!(waves(&kind, &all), ["name=a".parse().unwrap()]);
    assert_eq!(waves(&kind, &all[..1]), []);
    assert_eq!(waves(&"ups".parse().unwrap(), &all), []);
}
