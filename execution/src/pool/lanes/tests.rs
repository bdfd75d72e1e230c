use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use utakata_model::ScheduleName;

use super::*;
use crate::samples::{control, task};

fn lanes() -> Lanes {
    Lanes::new(Limits {
        observe: 2,
        ..Limits::default()
    })
}

fn waiting(task: Task) -> Waiting {
    Waiting {
        tag: (task.class == Class::Control).then_some(Tag(7)),
        task,
        since: Instant::now(),
    }
}

fn scheduled(target: &str, schedule: &str) -> Task {
    Task {
        origin: Origin::Schedule(ScheduleName::new(schedule).unwrap()),
        ..task(target)
    }
}

fn pinned(target: &str, pin: &str) -> Task {
    let mut task = task(target);
    Arc::make_mut(&mut task.target).pin = Some(pin.into());
    task
}

fn push(lanes: &mut Lanes, task: Task) -> (TaskKey, Option<TaskKey>) {
    let key = task.key();
    let displaced = lanes.push(waiting(task));
    (key, displaced.map(|waiting| waiting.task.key()))
}

fn pop(lanes: &mut Lanes) -> Option<TaskKey> {
    lanes.pop(None).map(|waiting| waiting.task.key())
}

fn name(target: &str) -> TargetName {
    TargetName::new(target).unwrap()
}

#[test]
fn one_attempt_at_a_time_runs_on_a_target_and_others_are_not_held_up() {
    let mut lanes = lanes();
    let (a1, _) = push(&mut lanes, task("a"));
    let (a2, _) = push(&mut lanes, task("a"));
    let (b, _) = push(&mut lanes, task("b"));
    assert_eq!(pop(&mut lanes), Some(a1));
    assert_eq!(pop(&mut lanes), Some(b));
    assert_eq!(pop(&mut lanes), None);
    assert_eq!((lanes.waiting(), lanes.ready()), (1, 0));
    lanes.release(&name("a"), Class::Observe);
    assert_eq!(pop(&mut lanes), Some(a2));
    lanes.release(&name("a"), Class::Observe);
    lanes.release(&name("b"), Class::Observe);
    assert!(lanes.lanes.is_empty());
}

#[test]
fn in_a_lane_control_goes_before_observe() {
    let mut lanes = lanes();
    let (observe, _) = push(&mut lanes, task("a"));
    let (control, _) = push(&mut lanes, control("a"));
    assert_eq!(pop(&mut lanes), Some(control));
    lanes.release(&name("a"), Class::Control);
    assert_eq!(pop(&mut lanes), Some(observe));
}

#[test]
fn however_many_may_read_a_target_one_writes() {
    let mut lanes = Lanes::new(Limits {
        attempts: 3,
        ..Limits::default()
    });
    let (first, _) = push(&mut lanes, control("a"));
    let (second, _) = push(&mut lanes, control("a"));
    let (read, _) = push(&mut lanes, task("a"));
    assert_eq!(pop(&mut lanes), Some(first));
    assert_eq!(pop(&mut lanes), Some(read));
    assert_eq!(pop(&mut lanes), None);
    lanes.release(&name("a"), Class::Control);
    assert_eq!(pop(&mut lanes), Some(second));
}

#[test]
fn ready_lanes_are_served_in_turn() {
    let mut lanes = Lanes::new(Limits {
        attempts: 2,
        ..Limits::default()
    });
    let (a1, _) = push(&mut lanes, task("a"));
    let (a2, _) = push(&mut lanes, task("a"));
    let (b1, _) = push(&mut lanes, task("b"));
    let order: Vec<_> = std::iter::from_fn(|| pop(&mut lanes)).collect();
    assert_eq!(order, [a1, b1, a2]);
}

#[test]
fn a_newer_task_of_a_schedule_takes_the_place_of_the_one_that_waits() {
    let mut lanes = lanes();
    let (old, _) = push(&mut lanes, scheduled("a", "minutely"));
    let (other, displaced) = push(&mut lanes, scheduled("a", "hourly"));
    assert_eq!(displaced, None);
    let (new, displaced) = push(&mut lanes, scheduled("a", "minutely"));
    assert_eq!(displaced, Some(old));
    assert_eq!(pop(&mut lanes), Some(new));
    lanes.release(&name("a"), Class::Observe);
    assert_eq!(pop(&mut lanes), Some(other));
}

#[test]
fn only_so_many_observe_tasks_of_an_action_wait_and_the_oldest_goes() {
    let mut lanes = lanes();
    let (first, _) = push(&mut lanes, task("a"));
    push(&mut lanes, task("a"));
    let (_, displaced) = push(&mut lanes, task("a"));
    assert_eq!(displaced, Some(first));
    let another = Task {
        action: utakata_model::ActionName::new("walk").unwrap(),
        ..task("a")
    };
    assert_eq!(push(&mut lanes, another).1, None);
    // Control is never displaced.
    for _ in 0..10 {
        assert_eq!(push(&mut lanes, control("a")).1, None);
    }
    assert_eq!(lanes.waiting(), 13);
}

#[test]
fn a_pinned_task_waits_for_its_release_and_holds_up_no_other_target() {
    let mut lanes = lanes();
    let (one, _) = push(&mut lanes, pinned("a", "1.0"));
    let (free, _) = push(&mut lanes, task("b"));
    assert_eq!(lanes.pins(), ["1.0"]);
    assert_eq!(lanes.ready(), 2);
    assert!(lanes.ready_since(Some("1.0")).is_some());
    assert_eq!(pop(&mut lanes), Some(free));
    assert_eq!(pop(&mut lanes), None);
    assert!(lanes.pop(Some("2.0")).is_none());
    assert_eq!(lanes.pop(Some("1.0")).unwrap().task.key(), one);
    assert!(lanes.pins().is_empty());
}

#[test]
fn a_lane_follows_when_what_is_next_is_for_another_release() {
    let mut lanes = lanes();
    let (observe, _) = push(&mut lanes, task("a"));
    let mut first = control("a");
    Arc::make_mut(&mut first.target).pin = Some("1.0".into());
    let (first, _) = push(&mut lanes, first);
    assert_eq!(pop(&mut lanes), None);
    assert_eq!(lanes.pop(Some("1.0")).unwrap().task.key(), first);
    lanes.release(&name("a"), Class::Control);
    assert_eq!(pop(&mut lanes), Some(observe));
}

#[test]
fn what_may_not_begin_any_more_is_taken_out() {
    let mut lanes = lanes();
    let now = Timestamp::now();
    let late = Task {
        expires: now - Duration::from_secs(1),
        ..task("a")
    };
    let (late, _) = push(&mut lanes, late);
    let (good, _) = push(&mut lanes, task("a"));
    assert!(lanes.has(&name("a"), late));
    let expired = lanes.take_expired(now);
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].task.key(), late);
    assert!(!lanes.has(&name("a"), late));
    assert_eq!(pop(&mut lanes), Some(good));
    assert_eq!(lanes.waiting(), 0);
}

#[test]
fn what_could_not_be_begun_is_first_again() {
    let mut lanes = lanes();
    let (first, _) = push(&mut lanes, task("a"));
    push(&mut lanes, task("a"));
    let popped = lanes.pop(None).unwrap();
    lanes.put_back(popped);
    assert_eq!(lanes.waiting(), 2);
    assert_eq!(pop(&mut lanes), Some(first));
}

proptest! {
    /// Whatever happens: nothing is lost, nothing runs twice, no target has more attempts at
    /// once than it may, and what is not running and can run is ready.
    #[test]
    fn nothing_is_lost_and_no_lane_is_overrun(
        steps in prop::collection::vec((0u8..4, 0u8..5, any::<bool>()), 1..200),
        attempts in 1u32..3,
    ) {
        let mut lanes = Lanes::new(Limits { attempts, observe: 3, ..Limits::default() });
        let mut inside = 0usize;
        let mut running: Vec<(TargetName, Class)> = Vec::new();
        for (step, target, is_control) in steps {
            let target = format!("t{target}");
            match step {
                0 | 1 => {
                    let task = if is_control { control(&target) } else { task(&target) };
                    let displaced = lanes.push(waiting(task));
                    inside += 1;
                    inside -= usize::from(displaced.is_some());
                }
                2 => if let Some(popped) = lanes.pop(None) {
                    inside -= 1;
                    running.push((popped.task.target.name.clone(), popped.task.class));
                },
                _ => if let Some((target, class)) = running.pop() {
                    lanes.release(&target, class);
                },
            }
            prop_assert_eq!(lanes.waiting(), inside);
            for (target, _) in &running {
                let same = running.iter().filter(|(other, _)| other == target);
                prop_assert!(same.count() <= attempts as usize);
                let writes = |(other, class): &&(TargetName, Class)| {
                    other == target && *class == Class::Control
                };
                prop_assert!(running.iter().filter(writes).count() <= 1);
            }
        }
        for (target, class) in running.drain(..) {
            lanes.release(&target, class);
        }
        while let Some(popped) = lanes.pop(None) {
            inside -= 1;
            lanes.release(&popped.task.target.name, popped.task.class);
        }
        prop_assert_eq!(inside, 0);
        prop_assert!(lanes.lanes.is_empty());
    }
}
