//! The gate in the ledger: nothing is permitted that an envelope does not admit.

use proptest::prelude::*;
use utakata_envelope::{Bound, Feed, Seen};
use utakata_model::{
    Selector,
    envelope::{Limits, Only, Rate, Shows},
};

use super::*;
use crate::ledger::surroundings::{InForceSet, Surroundings};

/// A site with these envelopes, where nothing is related to anything.
pub(super) struct Site(parking_lot::Mutex<Arc<InForceSet>>);

impl Site {
    pub fn new(envelopes: Vec<InForce>) -> Self {
        let binds_people = envelopes.iter().any(|one| one.bound == Bound::Everybody);
        let red = vec![(Arc::from("site"), "3 in 1h".parse::<Rate>().unwrap())];
        Self(parking_lot::Mutex::new(Arc::new(InForceSet {
            envelopes,
            red,
            binds_people,
        })))
    }
}

impl utakata_envelope::Site for Site {
    fn matches(&self, target: &TargetName, selector: &Selector) -> bool {
        selector.matches_by(|key| (key == "name").then_some(target.as_str()))
    }

    fn label(&self, _: &TargetName, _: &str) -> Option<String> {
        None
    }

    fn select(&self, _: &Selector) -> Vec<TargetName> {
        Vec::new()
    }

    fn loads(&self, _: &TargetName, _: Option<&str>) -> Vec<TargetName> {
        Vec::new()
    }

    fn feeds(&self, _: &TargetName) -> Vec<Feed> {
        Vec::new()
    }

    fn shows(&self, _: &TargetName, _: Option<&str>, _: &Shows) -> Option<Seen> {
        None
    }
}

impl Surroundings for Site {
    fn envelopes(&self) -> Arc<InForceSet> {
        Arc::clone(&self.0.lock())
    }

    fn present(&self, _: &ControlTask) -> Option<f64> {
        None
    }
}

pub(super) fn within(bound: Bound, limit: &str) -> Table {
    let limits = Limits {
        at_most: vec![limit.parse().unwrap()],
        ..Limits::default()
    };
    Table::within(calm(), vec![envelope(bound, limits)])
}

fn calm() -> config::Control {
    config::Control {
        publish_again: Duration::from_secs(100_000),
        ..config::Control::default()
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

pub(super) fn by_policy(targets: &[&'static str]) -> Request {
    Request {
        policy: Some("shed".parse().unwrap()),
        ..on(targets)
    }
}

#[test]
fn a_task_of_a_policy_waits_for_its_envelope_and_one_of_a_person_does_not() {
    let mut table = within(Bound::Policies, "1 in 10m");
    let (_, first) = table.plan(by_policy(&["a"]));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), first);
    let (_, second) = table.plan(by_policy(&["b"]));
    let (_, person) = table.plan(on(&["c"]));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), person);
    let view = table.ledger.gate_view();
    assert_eq!(view.waits.len(), 1);
    assert_eq!((view.uses[0].used, view.uses[0].max), (1, 1));
    table.pass(Duration::from_secs(50));
    assert!(table.work_off(OutcomeStatus::Succeeded).is_empty());
    // It may wait for its turn as long as any task.
    let (_, third) = table.plan(by_policy(&["d"]));
    table.pass(Duration::from_secs(20));
    assert_eq!(table.state(second[0]), Some(TaskState::Expired));
    assert!(table.work_off(OutcomeStatus::Succeeded).is_empty());
    assert_eq!(table.state(third[0]), Some(TaskState::Planned));
}

#[test]
fn a_task_that_is_published_is_asked_again_before_its_permit() {
    let mut table = within(Bound::Policies, "1 in 10m");
    let (_, first) = table.plan(by_policy(&["a"]));
    let (_, second) = table.plan(by_policy(&["b"]));
    // Nothing was permitted when both were published.
    assert_eq!(table.published().len(), 2);
    assert!(matches!(table.ask(first[0], 1), Permit::Permitted(_)));
    assert!(matches!(table.ask(second[0], 2), Permit::Refused(_)));
    // The same ask has the same answer.
    assert!(matches!(table.ask(first[0], 1), Permit::Permitted(_)));
}

#[test]
fn people_are_bound_where_an_envelope_says_so_unless_they_break_the_glass() {
    let mut table = within(Bound::Everybody, "1 in 10m");
    let (_, first) = table.plan(on(&["a"]));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), first);
    table.plan(on(&["b"]));
    assert!(table.work_off(OutcomeStatus::Succeeded).is_empty());
    let (_, urgent) = table.plan(Request {
        break_glass: true,
        ..on(&["c"])
    });
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), urgent);
}

#[test]
fn what_an_envelope_refuses_fails_and_says_why() {
    let limits = Limits {
        only: Some(Only {
            selector: "name=a".parse().unwrap(),
            actions: vec!["off".parse().unwrap()],
        }),
        ..Limits::default()
    };
    let mut table = Table::within(calm(), vec![envelope(Bound::Policies, limits)]);
    let (_, tasks) = table.plan(by_policy(&["a", "b"]));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), [tasks[0]]);
    assert_eq!(table.state(tasks[1]), Some(TaskState::Failed));
    let outcome = table.ledger.batch.task_progress[&tasks[1]].outcome.clone();
    let problem = outcome.and_then(|outcome| outcome.problem).unwrap();
    assert_eq!(&*problem.code, "envelope");
    assert!(
        problem.message.contains("b is none of"),
        "{}",
        problem.message
    );
}

#[test]
fn after_so_many_failures_no_policy_acts_until_a_person_says_so() {
    let mut table = within(Bound::Policies, "100 in 1h");
    for target in ["a", "b", "c"] {
        table.plan(by_policy(&[target]));
        table.work_off(OutcomeStatus::Failed);
    }
    table.plan(by_policy(&["d"]));
    let (_, person) = table.plan(on(&["e"]));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded), person);
    assert!(table.ledger.gate_view().red.is_some());
    table.ledger.clear_red(&attribution("ann"));
    table.pass(Duration::from_secs(2));
    assert_eq!(table.work_off(OutcomeStatus::Succeeded).len(), 1);
}

/// Something that may happen to a ledger.
#[derive(Debug, Clone)]
enum Step {
    Plan(u8),
    Ask(u8),
    End(u8, bool),
    Pass(u16),
    Restart,
    SetClock(i32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0u8..6).prop_map(Step::Plan),
        6 => (0u8..8).prop_map(Step::Ask),
        3 => (0u8..8, any::<bool>()).prop_map(|(at, good)| Step::End(at, good)),
        3 => (0u16..40).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => (-100_000i32..100_000).prop_map(Step::SetClock),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In every order of requests, asks, ends, restarts and settings of the clock, no window of true
    /// time has more permits than the limit.
    #[test]
    fn no_limit_is_exceeded_whatever_happens(count in 1u32..4, steps in steps()) {
        const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
        let limit = format!("{count} in 60s");
        let mut table = within(Bound::Policies, &limit);
        let mut rows: indexmap::IndexMap<String, Option<String>> = Default::default();
        let (mut truth, mut ask) = (0u64, 0);
        let mut permits: Vec<u64> = Vec::new();
        let mut open: Vec<(TaskId, u64)> = Vec::new();
        let mut published: Vec<TaskId> = Vec::new();
        for step in steps {
            match step {
                Step::Plan(at) => drop(table.plan(by_policy(&[NAMES[usize::from(at)]]))),
                Step::Ask(at) => {
                    published.extend(table.published());
                    if let Some(&task) = published.get(usize::from(at)) {
                        ask += 1;
                        let is_first = !open.iter().any(|(known, _)| *known == task);
                        if matches!(table.ask(task, ask), Permit::Permitted(_)) && is_first {
                            permits.push(truth);
                            open.push((task, ask));
                        }
                    }
                }
                Step::End(at, good) if usize::from(at) < open.len() => {
                    let (task, ask) = open.remove(usize::from(at));
                    let status = if good { OutcomeStatus::Succeeded } else { OutcomeStatus::Cancelled };
                    table.end(task, ask, status);
                }
                Step::End(..) => {}
                Step::Pass(seconds) => {
                    truth += u64::from(seconds);
                    table.pass(Duration::from_secs(seconds.into()));
                }
                Step::Restart => {
                    rows.extend(table.ledger.batch.gate.0.clone());
                    table = within(Bound::Policies, &limit);
                    let there = rows.iter().filter_map(|(key, body)| Some((key.clone(), body.clone()?)));
                    table.ledger.restore_gate(there.collect());
                    table.ledger.end_acts_of_no_task();
                    open.clear();
                    published.clear();
                }
                Step::SetClock(by) => {
                    table.now.at += jiff::SignedDuration::from_secs(by.into());
                    table.ledger.at(table.now);
                }
            }
            let recent = permits.iter().filter(|at| truth - **at < 60).count();
            prop_assert!(recent <= count as usize, "{recent} permits in a minute, limit {limit}");
        }
    }
}
