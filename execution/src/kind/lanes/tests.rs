use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use utakata_model::{Origin, ScheduleName};

use super::*;
use crate::samples::{control, task};

const RULE: Rule = Rule {
    failures: 2,
    first: Duration::from_secs(1),
    max: Duration::from_secs(30),
};

fn with(limits: Limits) -> Lanes {
    Lanes::new(limits, RULE, Instant::now())
}

fn lanes() -> Lanes {
    with(Limits {
        observe: 2,
        ..Limits::default()
    })
}

fn waiting(task: Task) -> Waiting {
    let tag = (task.class == Class::Control).then_some(Tag(7));
    Waiting::new(task, tag, Instant::now(), Timestamp::now())
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

/// Takes what goes on next: control before observe.
fn next(lanes: &mut Lanes, pin: Option<&str>) -> Option<Waiting> {
    let control = lanes.pop(Class::Control, pin);
    control.or_else(|| lanes.pop(Class::Observe, pin))
}

fn pop(lanes: &mut Lanes) -> Option<TaskKey> {
    next(lanes, None).map(|waiting| waiting.task.key())
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
    assert_eq!(lanes.waiting(), 1);
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
    let mut lanes = with(Limits {
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
    let mut lanes = with(Limits {
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
    assert!(lanes.pins().into_iter().eq(["1.0"]));
    assert_eq!(lanes.ready(), 2);
    assert!(lanes.ready_since(Class::Observe, Some("1.0")).is_some());
    assert_eq!(pop(&mut lanes), Some(free));
    assert_eq!(pop(&mut lanes), None);
    assert!(next(&mut lanes, Some("2.0")).is_none());
    assert_eq!(next(&mut lanes, Some("1.0")).unwrap().task.key(), one);
    assert!(lanes.pins().is_empty());
}

#[test]
fn a_lane_follows_when_what_is_next_is_for_another_release() {
    let mut lanes = lanes();
    let (first, _) = push(&mut lanes, scheduled("a", "minutely"));
    let mut second = scheduled("a", "minutely");
    Arc::make_mut(&mut second.target).pin = Some("1.0".into());
    let (second, displaced) = push(&mut lanes, second);
    assert_eq!(displaced, Some(first));
    assert_eq!(pop(&mut lanes), None);
    let popped = next(&mut lanes, Some("1.0")).unwrap();
    assert_eq!(popped.task.key(), second);
}

#[test]
fn observation_continues_where_control_waits_for_another_release() {
    let mut lanes = lanes();
    let mut write = control("a");
    Arc::make_mut(&mut write.target).pin = Some("1.0".into());
    let (write, _) = push(&mut lanes, write);
    let (read, _) = push(&mut lanes, task("a"));
    assert_eq!(pop(&mut lanes), Some(read));
    assert!(next(&mut lanes, Some("1.0")).is_none());
    lanes.release(&name("a"), Class::Observe);
    let popped = next(&mut lanes, Some("1.0")).unwrap();
    assert_eq!(popped.task.key(), write);
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
    let expired = lanes.take_expired(Instant::now());
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
    let popped = next(&mut lanes, None).unwrap();
    lanes.put_back(popped);
    assert_eq!(lanes.waiting(), 2);
    assert_eq!(pop(&mut lanes), Some(first));
}

fn limited(mut task: Task, conversations: Option<u32>, per_second: Option<f64>) -> Task {
    Arc::make_mut(&mut task.target).limits = utakata_model::Limits {
        conversations: conversations.and_then(std::num::NonZeroU32::new),
        per_second: per_second.map(|rate| utakata_model::PerSecond::new(rate).unwrap()),
    };
    task
}

#[test]
fn a_target_says_how_many_conversations_it_bears() {
    let mut lanes = lanes();
    let read = |target| limited(task(target), Some(2), None);
    let (first, _) = push(&mut lanes, read("a"));
    let (second, _) = push(&mut lanes, read("a"));
    let write = limited(control("a"), Some(2), None);
    let (write, _) = push(&mut lanes, write);
    assert_eq!(pop(&mut lanes), Some(write));
    assert_eq!(pop(&mut lanes), Some(first));
    assert_eq!(pop(&mut lanes), None);
    lanes.release(&name("a"), Class::Control);
    assert_eq!(pop(&mut lanes), Some(second));
}

#[test]
fn a_target_is_spoken_to_as_often_as_it_bears_by_both_classes_together() {
    let mut lanes = with(Limits {
        attempts: 8,
        ..Limits::default()
    });
    let start = Instant::now();
    for _ in 0..2 {
        push(&mut lanes, limited(task("a"), None, Some(2.0)));
        push(&mut lanes, limited(control("a"), None, Some(2.0)));
    }
    let (other, _) = push(&mut lanes, task("b"));
    let mut times = Vec::new();
    for milliseconds in (0..3000).step_by(10) {
        lanes.wake(start + Duration::from_millis(milliseconds));
        while let Some(popped) = next(&mut lanes, None) {
            if popped.task.key() != other {
                times.push(milliseconds);
            }
            lanes.release(&popped.task.target.name, popped.task.class);
        }
    }
    assert_eq!(times, [0, 500, 1000, 1500]);
    lanes.wake(start + Duration::from_secs(10));
    assert!(lanes.lanes.is_empty() && lanes.resting.is_empty());
}

#[test]
fn control_that_steps_back_lets_others_read_and_takes_the_next_conversation() {
    let mut lanes = lanes();
    let (write, _) = push(&mut lanes, control("a"));
    let (read, _) = push(&mut lanes, task("a"));
    let (behind, _) = push(&mut lanes, task("a"));
    push(&mut lanes, control("a"));
    assert_eq!(pop(&mut lanes), Some(write));
    assert_eq!(pop(&mut lanes), None);
    lanes.step_back(&name("a"));
    assert_eq!(pop(&mut lanes), Some(read));
    assert!(!lanes.step_in(&name("a")));
    lanes.release(&name("a"), Class::Observe);
    assert_eq!(pop(&mut lanes), None);
    assert!(lanes.step_in(&name("a")));
    assert_eq!(pop(&mut lanes), None);
    lanes.release(&name("a"), Class::Control);
    assert!(pop(&mut lanes).is_some());
    assert!(lanes.has(&name("a"), behind));
}

#[test]
fn control_that_has_stepped_back_and_ends_lets_others_write() {
    let mut lanes = lanes();
    push(&mut lanes, control("a"));
    let (second, _) = push(&mut lanes, control("a"));
    pop(&mut lanes);
    lanes.step_back(&name("a"));
    assert_eq!(pop(&mut lanes), None);
    lanes.leave(&name("a"));
    assert_eq!(pop(&mut lanes), Some(second));
}

#[test]
fn a_target_that_is_left_alone_continues_after_its_cool_down() {
    let mut lanes = lanes();
    let start = Instant::now();
    let problem = Problem::new("unreachable", utakata_model::Cure::Retry, "no answer");
    let hear = |lanes: &mut Lanes| lanes.hear(&name("a"), Some(&problem), start, Timestamp::now());
    assert!(!hear(&mut lanes));
    assert!(hear(&mut lanes));
    let (write, _) = push(&mut lanes, control("a"));
    assert_eq!(pop(&mut lanes), None);
    assert!(lanes.broken(&name("a"), start).is_some());
    let at = lanes.wakes_at().unwrap();
    lanes.wake(at);
    assert_eq!(pop(&mut lanes), Some(write));
    assert!(lanes.broken(&name("a"), at).is_some());
    lanes.hear(&name("a"), None, at, Timestamp::now());
    lanes.release(&name("a"), Class::Control);
    assert!(lanes.broken(&name("a"), at).is_none());
    assert!(lanes.lanes.is_empty() && lanes.broken.is_empty());
}

proptest! {
    /// Whatever happens: nothing is lost, nothing runs twice, no target has more attempts at
    /// once than it may, and what is not running and can run is ready.
    #[test]
    fn nothing_is_lost_and_no_lane_is_overrun(
        steps in prop::collection::vec((0u8..4, 0u8..5, any::<bool>()), 1..200),
        attempts in 1u32..3,
    ) {
        let mut lanes = with(Limits { attempts, observe: 3, ..Limits::default() });
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
                2 => if let Some(popped) = next(&mut lanes, None) {
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
        while let Some(popped) = next(&mut lanes, None) {
            inside -= 1;
            lanes.release(&popped.task.target.name, popped.task.class);
        }
        prop_assert_eq!(inside, 0);
        prop_assert!(lanes.lanes.is_empty());
    }
}

#[test]
fn however_many_targets_are_doubtful_half_of_the_workers_is_for_the_others() {
    let mut lanes = lanes();
    lanes.bound_doubtful(8);
    let (now, clock) = (Instant::now(), Timestamp::now());
    let problem = Problem::new("unreachable", utakata_model::Cure::Retry, "x");
    let dead: Vec<String> = (0..20).map(|number| format!("dead-{number}")).collect();
    for target in &dead {
        lanes.hear(&name(target), Some(&problem), now, clock);
        push(&mut lanes, task(target));
    }
    assert_eq!(lanes.ready(), 4, "no more are ready than may begin");
    let first: Vec<_> = std::iter::from_fn(|| lanes.pop(Class::Observe, None)).collect();
    assert_eq!(first.len(), 4);
    assert_eq!((lanes.ready(), lanes.waiting()), (0, 16));
    assert_eq!(
        lanes.room(),
        Limits::default().backlog as usize,
        "they keep nothing away"
    );
    // Others are served at once, and first.
    let (healthy, _) = push(&mut lanes, task("healthy"));
    assert_eq!(pop(&mut lanes), Some(healthy));
    lanes.release(&name("healthy"), Class::Observe);
    // As many go on as end, and one that answers is doubtful no more.
    for waiting in &first {
        let target = &waiting.task.target.name;
        lanes.hear(target, None, now, clock);
        lanes.release(target, Class::Observe);
    }
    assert_eq!(std::iter::from_fn(|| pop(&mut lanes)).count(), 4);
    let answered = first[0].task.target.name.to_string();
    let (again, _) = push(&mut lanes, task(&answered));
    assert_eq!(pop(&mut lanes), Some(again));
}

#[test]
fn a_target_that_is_slow_compared_with_others_is_doubtful_until_it_is_not() {
    let mut lanes = lanes();
    lanes.bound_doubtful(2);
    let (now, clock) = (Instant::now(), Timestamp::now());
    for number in 0..50 {
        lanes.took(
            &name(&format!("t-{number}")),
            Duration::from_millis(20),
            now,
        );
    }
    for target in ["slow-1", "slow-2"] {
        lanes.took(&name(target), Duration::from_secs(30), now);
        push(&mut lanes, task(target));
    }
    let (quick, _) = push(&mut lanes, task("quick"));
    assert_eq!(
        pop(&mut lanes),
        Some(quick),
        "those that are not slow come first"
    );
    assert!(pop(&mut lanes).is_some());
    assert_eq!(pop(&mut lanes), None, "one of the slow ones at a time");
    lanes.hear(&name("slow-2"), None, now, clock);
    lanes.release(&name("slow-1"), Class::Observe);
    assert!(pop(&mut lanes).is_some());
}
