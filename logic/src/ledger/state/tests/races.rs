//! Any order of events: what must hold in every one.

use proptest::prelude::*;
use utakata_model::Zone;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Plan(Vec<usize>, u8, bool),
    Ask(usize, u64),
    End(usize, u64, u8),
    Pass(u64),
    Pause(usize),
    Resume(usize),
    Cancel(usize),
    Settle(usize, u8),
    Lock(usize),
    Unlock(usize),
    /// The target is read back.
    Show(usize, u8),
    Gone,
}

const TARGETS: [&str; 3] = ["a", "b", "c"];

fn step() -> impl Strategy<Value = Step> {
    let targets = proptest::sample::subsequence(vec![0, 1, 2], 1..=3);
    prop_oneof![
        3 => (targets, 0u8..3, any::<bool>()).prop_map(|(t, p, one)| Step::Plan(t, p, one)),
        8 => (0usize..12, 1u64..4).prop_map(|(at, ask)| Step::Ask(at, ask)),
        6 => (0usize..12, 1u64..4, 0u8..5).prop_map(|(at, ask, how)| Step::End(at, ask, how)),
        4 => (0u64..20).prop_map(Step::Pass),
        1 => (0usize..4).prop_map(Step::Pause),
        1 => (0usize..4).prop_map(Step::Resume),
        1 => (0usize..4).prop_map(Step::Cancel),
        1 => (0usize..12, 0u8..3).prop_map(|(at, how)| Step::Settle(at, how)),
        1 => (0usize..3).prop_map(Step::Lock),
        1 => (0usize..3).prop_map(Step::Unlock),
        2 => (0usize..12, 0u8..3).prop_map(|(at, what)| Step::Show(at, what)),
        1 => Just(Step::Gone),
    ]
}

/// Takes a step with a table; tasks and operations are named by the order in which they were
/// made.
fn take(table: &mut Table, step: Step, operations: &mut Vec<OperationId>, tasks: &mut Vec<TaskId>) {
    use crate::ledger::state::Verdict;
    let task = |tasks: &[TaskId], at: usize| {
        tasks
            .get(at)
            .copied()
            .unwrap_or(TaskId::from_bytes([0; 16]))
    };
    let change = |table: &mut Table, at: usize, verb| {
        if let Some(id) = operations.get(at) {
            let _ = table.ledger.change(*id, verb, &attribution("bob"));
        }
    };
    match step {
        Step::Plan(targets, priority, one_at_a_time) => {
            let names: Vec<&'static str> = targets.iter().map(|at| TARGETS[*at]).collect();
            let pace = if one_at_a_time {
                json!({ "at_a_time": "1", "stop_after": 1 })
            } else {
                json!({})
            };
            let (id, new) = table.plan(Request {
                priority: Priority::ALL[usize::from(priority)],
                pace: serde_json::from_value(pace).unwrap(),
                is_read_back: !one_at_a_time,
                ..on(&names)
            });
            operations.push(id);
            tasks.extend(new);
        }
        Step::Ask(at, ask) => drop(table.ask(task(tasks, at), ask)),
        Step::End(at, ask, how) => {
            let status = [
                OutcomeStatus::Succeeded,
                OutcomeStatus::Failed,
                OutcomeStatus::Unknown,
                OutcomeStatus::Expired,
                OutcomeStatus::Cancelled,
            ][usize::from(how)];
            table.end(task(tasks, at), ask, status);
        }
        Step::Pass(seconds) => table.pass(Duration::from_secs(seconds)),
        Step::Pause(at) => change(table, at, OperationVerb::Pause),
        Step::Resume(at) => change(table, at, OperationVerb::Resume),
        Step::Cancel(at) => change(table, at, OperationVerb::Cancel),
        Step::Settle(at, how) => {
            let verdict = [Verdict::Succeeded, Verdict::Failed, Verdict::Again][usize::from(how)];
            let _ = table
                .ledger
                .settled(task(tasks, at), verdict, &attribution("bob"));
        }
        Step::Lock(at) => {
            let lock = Lock {
                by: "bob".into(),
                why: "why".into(),
                since: table.now.at,
                until: table.now.at + Duration::from_secs(10),
                priority: Priority::Routine,
            };
            table
                .ledger
                .lock(&TargetName::new(TARGETS[at]).unwrap(), lock);
        }
        Step::Unlock(at) => {
            let target = TargetName::new(TARGETS[at]).unwrap();
            table.ledger.unlock(&target, &attribution("bob"));
        }
        Step::Show(at, what) => {
            let evidence = [Evidence::Effect, Evidence::Other, Evidence::None][usize::from(what)];
            table.shows(task(tasks, at), evidence);
        }
        Step::Gone => drop(table.ledger.held_by(incarnation())),
    }
}

/// Checks that memory and records agree, that a target has at most one attempt, and that at most
/// one task of a lane is published.
fn check(table: &Table) -> Result<(), TestCaseError> {
    let mut holders: Vec<&TargetName> = Vec::new();
    let mut queued: Vec<&TargetName> = Vec::new();
    for entry in table.ledger.tasks.values() {
        prop_assert!(!entry.life.has_ended());
        prop_assert_eq!(entry.record.state, entry.life.state());
        if let Some(written) = table.state(entry.task.id) {
            prop_assert_eq!(written, entry.life.state());
        }
        let target = &entry.task.target;
        if entry.life.holds() {
            holders.push(target);
        }
        if entry.life.state() == TaskState::Queued {
            queued.push(target);
        }
        let is_late = entry.life.late().is_some();
        let needs_deadline = entry.life.state() != TaskState::Unsettled || is_late;
        let lane = table.ledger.lanes.get(&entry.task.target);
        prop_assert_eq!(
            lane.is_some_and(|lane| lane.late.contains(&entry.task.id)),
            is_late
        );
        prop_assert_eq!(entry.record.late.is_some(), is_late);
        prop_assert_eq!(entry.life.deadline().is_some(), needs_deadline);
        if let Some(at) = entry.life.deadline() {
            prop_assert!(table.ledger.deadlines.contains(&(at, entry.task.id)));
        }
    }
    for of in [&mut holders, &mut queued] {
        let count = of.len();
        of.sort();
        of.dedup();
        prop_assert_eq!(count, of.len(), "two on one target");
    }
    prop_assert!(!holders.iter().any(|held| queued.contains(held)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_one_task_holds_a_target_and_memory_equals_the_store(
        steps in proptest::collection::vec(step(), 1..80)
    ) {
        let mut table = Table::with(config::Control {
            publish_again: Duration::from_secs(1000),
            read_back_within: Duration::from_secs(5),
            ..config::Control::default()
        });
        let (mut operations, mut tasks) = (Vec::new(), Vec::new());
        for step in steps {
            take(&mut table, step, &mut operations, &mut tasks);
            check(&table)?;
        }
        // With time alone, and people who say what is asked of them, everything ends.
        for _ in 0..4000 {
            table.pass(Duration::from_secs(30));
            for id in operations.iter().copied() {
                let _ = table.ledger.change(id, OperationVerb::Resume, &attribution("bob"));
            }
            for id in tasks.iter().copied() {
                let verdict = crate::ledger::state::Verdict::Failed;
                let _ = table.ledger.settled(id, verdict, &attribution("bob"));
            }
            check(&table)?;
            if table.ledger.len() == 0 {
                break;
            }
        }
        prop_assert_eq!(table.ledger.len(), 0);
        prop_assert!(table.ledger.operations.is_empty());
        prop_assert!(table.ledger.deadlines.is_empty());
    }
}

#[test]
fn an_outcome_counts_in_the_zone_that_its_task_was_sent_to_and_in_no_other() {
    let mut table = Table::new();
    let (_, ids) = table.plan(on(&["a"]));
    let task = table.published()[0];
    assert_eq!(task, ids[0]);
    assert!(matches!(table.ask(task, 1), Permit::Permitted(_)));
    let told = |permit: Option<u64>, zone: Zone| OutcomeBatch {
        zone,
        kind: Kind::new("pdu").unwrap(),
        from: permit.map(|_| sender()),
        outcomes: vec![Outcome {
            permit,
            ..outcome(task, OutcomeStatus::Succeeded)
        }],
    };
    let elsewhere = || "hall-2".parse::<Zone>().unwrap();
    for permit in [Some(1), None] {
        table.ledger.on_outcomes(&told(permit, elsewhere()));
        assert_ne!(table.state(task), Some(TaskState::Succeeded), "{permit:?}");
    }
    table.ledger.on_outcomes(&told(Some(1), Zone::default()));
    assert_eq!(table.state(task), Some(TaskState::Succeeded));
}
