//! Tables of limits, and the property that none is ever exceeded.

use std::collections::BTreeMap;

use proptest::prelude::*;
use utakata_model::{Target, TaskId, envelope::Limits};

use super::*;
use crate::{
    in_force::Bound,
    site::{Feed, Seen},
};

/// A room of two racks, with two PDUs that feed `bmc`, and four cooling units.
#[derive(Default)]
struct Room {
    seen: BTreeMap<String, Seen>,
}

fn target(name: &str) -> TargetName {
    name.parse().unwrap()
}

impl Site for Room {
    fn matches(&self, name: &TargetName, selector: &Selector) -> bool {
        let kind = match name.as_str().starts_with("crac") {
            true => "crac",
            false => "pdu",
        };
        let mut found = Target::new(name.clone(), kind.parse().unwrap(), "x".into());
        if let Some(rack) = self.label(name, "rack") {
            found.labels.insert("rack".into(), rack);
        }
        selector.matches(&found)
    }

    fn label(&self, target: &TargetName, label: &str) -> Option<String> {
        let last = target.as_str().chars().last()?;
        (label == "rack").then(|| if last < '3' { "A" } else { "B" }.to_owned())
    }

    fn select(&self, selector: &Selector) -> Vec<TargetName> {
        let all = (1..=4).map(|at| target(&format!("crac-{at}")));
        all.filter(|one| self.matches(one, selector)).collect()
    }

    fn loads(&self, _: &TargetName, outlet: Option<&str>) -> Vec<TargetName> {
        match outlet {
            None | Some("1") => vec![target("bmc")],
            Some(_) => Vec::new(),
        }
    }

    fn feeds(&self, _: &TargetName) -> Vec<Feed> {
        let feed = |name: &str| Feed {
            target: target(name),
            outlet: Some("1".into()),
        };
        vec![feed("pdu-1"), feed("pdu-3")]
    }

    fn shows(&self, target: &TargetName, _: Option<&str>, _: &Shows) -> Option<Seen> {
        self.seen.get(target.as_str()).copied()
    }
}

fn task(name: &str, action: &str, outlet: Option<&str>) -> Task {
    Task {
        policy: Some("p".parse().unwrap()),
        kind: "pdu".parse().unwrap(),
        target: target(name),
        outlet: outlet.map(str::to_owned),
        action: action.parse().unwrap(),
        risk: Risk::High,
        parameters: Vec::new(),
        present: None,
        is_back: false,
        is_renewal: false,
    }
}

fn act(task: &Task, at: u64, ended: Option<u64>) -> Act {
    Act {
        task: TaskId::generate(),
        attempt: 1,
        policy: task.policy.clone(),
        kind: task.kind.clone(),
        target: task.target.clone(),
        outlet: task.outlet.clone(),
        action: task.action.clone(),
        is_back: task.is_back,
        is_renewal: task.is_renewal,
        at: Duration::from_secs(at),
        ended: ended.map(Duration::from_secs),
    }
}

fn envelope(bound: Bound, limits: Limits) -> InForce {
    InForce {
        name: "site".into(),
        bound,
        selector: Selector::default(),
        limits,
    }
}

fn at(seconds: u64) -> Moment {
    Moment {
        ledger: Duration::from_secs(seconds),
        // A Monday.
        wall: "2026-11-30T12:00:00Z".parse().unwrap(),
    }
}

fn at_most(texts: &[&str]) -> Limits {
    Limits {
        at_most: texts.iter().map(|text| text.parse().unwrap()).collect(),
        ..Limits::default()
    }
}

fn feeds(except: Option<&str>) -> Limits {
    Limits {
        both_feeds: Some(BothFeeds {
            actions: vec!["off".parse().unwrap()],
            live: shows(),
            except: except.map(|except| except.parse().unwrap()),
        }),
        ..Limits::default()
    }
}

fn shows() -> Shows {
    Shows {
        metric: "utakata.outlet.state".parse().unwrap(),
        is: "on".into(),
        fresh: Duration::from_secs(300),
    }
}

fn word(verdict: &Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::Admit => ("admit", String::new()),
        Verdict::Wait { why, .. } => ("wait", why.clone()),
        Verdict::Refuse { why, .. } => ("refuse", why.clone()),
    }
}

#[test]
fn so_many_acts_in_a_time_by_what_they_have_in_common() {
    let off = |name: &str, outlet: &str| task(name, "off", Some(outlet));
    let before = [
        act(&off("pdu-1", "1"), 10, Some(11)),
        act(&off("pdu-2", "2"), 20, Some(21)),
        act(&off("pdu-3", "3"), 30, Some(31)),
    ];
    let acts = Acts::of(before.to_vec());
    for (limit, next, now, expect) in [
        ("4 in 1m", off("pdu-4", "1"), 40, "admit"),
        ("3 in 1m", off("pdu-4", "1"), 40, "wait"),
        ("3 in 1m", off("pdu-4", "1"), 70, "admit"),
        ("1 in 1m per target", off("pdu-1", "2"), 40, "admit"),
        ("1 in 1m per target", off("pdu-1", "1"), 40, "wait"),
        ("1 in 1m per target", off("pdu-1", "1"), 70, "admit"),
        ("1 in 15s per label rack", off("pdu-2", "9"), 40, "admit"),
        ("1 in 15s per label rack", off("pdu-4", "9"), 40, "wait"),
        ("2 in 1m per kind", off("pdu-4", "9"), 40, "wait"),
        ("2 in 1m per policy", off("pdu-4", "9"), 40, "wait"),
    ] {
        let bound = [envelope(Bound::Policies, at_most(&[limit]))];
        let verdict = gate(&bound, &acts, &Room::default(), &next, at(now));
        assert_eq!(word(&verdict).0, expect, "{limit} at {now}: {verdict:?}");
    }
}

#[test]
fn a_wait_lasts_until_the_oldest_act_that_counts_is_over() {
    let next = task("pdu-1", "off", Some("1"));
    let acts = Acts::of(vec![act(&next, 10, None), act(&next, 30, None)]);
    let bound = [envelope(Bound::Policies, at_most(&["2 in 1m"]))];
    let verdict = gate(&bound, &acts, &Room::default(), &next, at(40));
    let Verdict::Wait { time, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(time, Duration::from_secs(30));
}

#[test]
fn people_are_bound_only_where_an_envelope_says_so() {
    let mut person = task("pdu-1", "off", Some("1"));
    person.policy = None;
    let acts = Acts::of(vec![act(&person, 10, None), act(&person, 11, None)]);
    let verdict = |bound| {
        let bound = [envelope(bound, at_most(&["2 in 1m"]))];
        word(&gate(&bound, &acts, &Room::default(), &person, at(20))).0
    };
    assert_eq!(verdict(Bound::Policies), "admit");
    assert_eq!(verdict(Bound::Policy("p".parse().unwrap())), "admit");
    assert_eq!(verdict(Bound::Everybody), "wait");
}

#[test]
fn the_last_live_feed_stays() {
    let next = task("pdu-1", "off", Some("1"));
    let other = task("pdu-3", "off", Some("1"));
    let on = |age| Seen {
        is: true,
        age: Duration::from_secs(age),
    };
    let off = Seen { is: false, ..on(1) };
    let cases = [
        ("never seen", None, vec![], "wait"),
        ("seen", Some(on(20)), vec![], "admit"),
        ("long ago", Some(on(301)), vec![], "wait"),
        ("off", Some(off), vec![], "wait"),
        (
            "being taken away",
            Some(on(1)),
            vec![act(&other, 90, None)],
            "wait",
        ),
        (
            "seen before it was taken",
            Some(on(20)),
            vec![act(&other, 80, Some(85))],
            "wait",
        ),
        (
            "seen since",
            Some(on(10)),
            vec![act(&other, 80, Some(85))],
            "admit",
        ),
    ];
    for (what, seen, acts, expect) in cases {
        let mut room = Room::default();
        room.seen
            .extend(seen.map(|seen| ("pdu-3".to_owned(), seen)));
        let bound = [envelope(Bound::Everybody, feeds(None))];
        let verdict = gate(&bound, &Acts::of(acts), &room, &next, at(100));
        assert_eq!(word(&verdict).0, expect, "{what}: {verdict:?}");
    }
    // What feeds nothing, what may lose it, and what takes nothing away.
    let ask = |limits, next: &Task| {
        let bound = [envelope(Bound::Everybody, limits)];
        word(&gate(
            &bound,
            &Acts::default(),
            &Room::default(),
            next,
            at(0),
        ))
        .0
    };
    assert_eq!(ask(feeds(None), &task("pdu-1", "off", Some("2"))), "admit");
    assert_eq!(ask(feeds(Some("name=bmc")), &next), "admit");
    assert_eq!(ask(feeds(None), &task("pdu-1", "on", Some("1"))), "admit");
}

#[test]
fn so_many_of_a_place_stay() {
    let limits = |least| Limits {
        keep: vec![Keep {
            of: "kind=crac".parse().unwrap(),
            by: "rack".into(),
            at_least: least,
            actions: vec!["off".parse().unwrap()],
            shows: shows(),
        }],
        ..Limits::default()
    };
    let mut room = Room::default();
    let seen = Seen {
        is: true,
        age: Duration::from_secs(5),
    };
    room.seen.insert("crac-2".into(), seen);
    let next = task("crac-1", "off", None);
    for (least, acts, expect) in [
        (1, vec![], "admit"),
        (2, vec![], "wait"),
        (
            1,
            vec![act(&task("crac-2", "off", None), 10, Some(99))],
            "wait",
        ),
    ] {
        let bound = [envelope(Bound::Policies, limits(least))];
        let verdict = gate(&bound, &Acts::of(acts), &room, &next, at(100));
        assert_eq!(word(&verdict).0, expect, "{least}: {verdict:?}");
    }
}

#[test]
fn parameters_stay_in_their_bounds_and_go_by_small_steps() {
    let limits = || Limits {
        ranges: BTreeMap::from([(
            "celsius".to_owned(),
            ParameterRange {
                min: Some(18.0),
                max: Some(24.0),
                step: Some(1.0),
            },
        )]),
        ..Limits::default()
    };
    for (value, present, is_back, expect) in [
        (Some(22.0), Some(21.5), false, "admit"),
        (Some(22.6), Some(21.6), false, "admit"),
        (Some(24.5), Some(24.0), false, "refuse"),
        (Some(17.0), Some(18.0), false, "refuse"),
        (Some(22.0), Some(20.0), false, "refuse"),
        (Some(22.0), Some(20.0), true, "admit"),
        (Some(22.0), None, false, "wait"),
        (Some(f64::NAN), Some(20.0), false, "refuse"),
        (None, Some(20.0), false, "refuse"),
    ] {
        let next = Task {
            parameters: vec![("celsius".into(), value)],
            present,
            is_back,
            ..task("crac-1", "set", None)
        };
        let bound = [envelope(Bound::Policies, limits())];
        let verdict = gate(&bound, &Acts::default(), &Room::default(), &next, at(0));
        assert_eq!(
            word(&verdict).0,
            expect,
            "{value:?} from {present:?}: {verdict:?}"
        );
    }
}

#[test]
fn the_strictest_of_several_counts() {
    let next = task("pdu-1", "off", Some("1"));
    let acts = Acts::of(vec![act(&next, 10, None)]);
    let refuses = Limits {
        only: Some(utakata_model::envelope::Only {
            selector: "name=pdu-2".parse().unwrap(),
            actions: vec!["off".parse().unwrap()],
        }),
        ..Limits::default()
    };
    let waits = || envelope(Bound::Policies, at_most(&["1 in 1h"]));
    let refuses = envelope(Bound::Policies, refuses);
    for bound in [[waits(), refuses.clone()], [refuses, waits()]] {
        let verdict = gate(&bound, &acts, &Room::default(), &next, at(20));
        assert_eq!(word(&verdict).0, "refuse");
    }
    let short = envelope(Bound::Policies, at_most(&["1 in 1m"]));
    for bound in [[waits(), short.clone()], [short, waits()]] {
        let verdict = gate(&bound, &acts, &Room::default(), &next, at(20));
        let (_, why) = word(&verdict);
        assert!(why.contains("1h"), "{why}");
    }
}

proptest! {
    /// However often it is asked, and however ledger time lags behind the true time, no window of
    /// true time has more acts than the limit.
    #[test]
    fn no_limit_is_ever_exceeded(
        count in 1u32..5,
        within in 1u64..60,
        steps in prop::collection::vec((0u64..20, 0u64..3, 1u8..5), 1..200),
    ) {
        let limit = format!("{count} in {within}s");
        let bound = [envelope(Bound::Policies, at_most(&[&limit]))];
        let (mut truth, mut ledger) = (0u64, 0u64);
        let mut acts = Acts::default();
        let mut done: Vec<u64> = Vec::new();
        for (passes, lost, name) in steps {
            truth += passes;
            // A restart loses time of the ledger, and never gains any.
            ledger += passes.saturating_sub(lost);
            let next = task(&format!("pdu-{name}"), "off", Some("1"));
            let verdict = gate(&bound, &acts, &Room::default(), &next, at(ledger));
            if verdict == Verdict::Admit {
                acts.add(act(&next, ledger, Some(ledger)));
                done.push(truth);
            }
            acts.forget(Duration::from_secs(ledger), Duration::from_secs(within));
            let recent = done.iter().filter(|at| truth - **at < within).count();
            prop_assert!(recent <= count as usize, "{recent} of {limit}");
        }
    }
}

/// A change that is renewed was counted when it was done, and changes nothing. What protects equipment at any
/// moment holds it all the same.
#[test]
fn a_renewal_counts_for_nothing_and_takes_nothing_away_that_may_not_go() {
    let site = Room::default();
    let first = task("pdu-1", "off", Some("1"));
    let renewal = Task {
        is_renewal: true,
        ..first.clone()
    };
    let used = Acts::of(vec![act(&first, 90, Some(91))]);
    let by_number = [envelope(Bound::Policies, at_most(&["1 in 1h"]))];
    let ask = |envelopes: &[InForce], acts: &Acts, task: &Task| {
        gate(envelopes, acts, &site, task, at(100))
    };
    assert!(matches!(
        ask(&by_number, &used, &first),
        Verdict::Wait { .. }
    ));
    assert_eq!(ask(&by_number, &used, &renewal), Verdict::Admit);
    let renewed = Acts::of(vec![act(&renewal, 90, Some(91))]);
    assert_eq!(ask(&by_number, &renewed, &first), Verdict::Admit);
    // The other feed was never seen to deliver.
    let both = [envelope(Bound::Policies, feeds(None))];
    let none = Acts::default();
    assert!(matches!(ask(&both, &none, &renewal), Verdict::Wait { .. }));
}
