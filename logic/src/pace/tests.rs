//! The pacer against a slow one that looks at every task every time.

use std::num::NonZeroU32;

use proptest::prelude::*;
use utakata_model::AtMost;

use super::*;

fn pace(at_a_time: Option<&str>, at_most: &[&str], stop_after: Option<u32>) -> Pace {
    Pace {
        at_a_time: at_a_time.map(|text| text.parse().unwrap()),
        at_most: at_most.iter().map(|text| text.parse().unwrap()).collect(),
        order_by: None,
        stop_after: stop_after.and_then(NonZeroU32::new),
    }
}

/// Tasks with these values: an empty one is none.
fn tasks(values: &[&[&str]]) -> Vec<Paced> {
    let value = |text: &&str| (!text.is_empty()).then(|| Arc::from(*text));
    let paced = |values: &&[&str]| Paced {
        id: TaskId::generate(),
        values: values.iter().map(value).collect(),
    };
    values.iter().map(paced).collect()
}

/// Returns the positions of these tasks.
fn places(tasks: &[Paced], ids: &[TaskId]) -> Vec<usize> {
    let place = |id: &TaskId| tasks.iter().position(|task| task.id == *id).unwrap();
    ids.iter().map(place).collect()
}

#[test]
fn so_many_begin_at_a_time_and_an_end_frees_one_place() {
    let tasks = tasks(&[&[] as &[&str]; 5]);
    let mut pacer = Pacer::new(pace(Some("40%"), &[], None), tasks.clone());
    let due = pacer.due();
    assert_eq!(places(&tasks, &due), [0, 1]);
    assert!(pacer.due().is_empty(), "each comes once");
    assert_eq!(
        pacer.held(tasks[4].id),
        Some(ReleaseWait::AtATime { max: 2 })
    );
    assert_eq!(pacer.held(tasks[0].id), None);
    pacer.ended(tasks[1].id, Ending::Good);
    assert_eq!(
        pacer.held(tasks[4].id),
        Some(ReleaseWait::Order { before: 2 })
    );
    assert_eq!(places(&tasks, &pacer.due()), [2]);
    // One that never began needs no place.
    pacer.ended(tasks[3].id, Ending::Withdrawn);
    assert!(pacer.due().is_empty());
    pacer.ended(tasks[0].id, Ending::Good);
    assert_eq!(places(&tasks, &pacer.due()), [4]);
    assert_eq!(pacer.held(TaskId::generate()), None);
}

#[test]
fn one_feed_of_a_rack_at_a_time_and_what_has_no_rack_is_not_limited() {
    let tasks = tasks(&[&["A1"], &["A1"], &["A2"], &[""], &["A1"], &[""]]);
    let mut pacer = Pacer::new(pace(None, &["1/rack"], None), tasks.clone());
    assert_eq!(places(&tasks, &pacer.due()), [0, 2, 3, 5]);
    let wait = pacer.held(tasks[4].id).unwrap();
    assert_eq!(wait.to_string(), "at most 1 of rack=A1 at a time");
    pacer.ended(tasks[2].id, Ending::Good);
    assert!(pacer.due().is_empty());
    pacer.ended(tasks[0].id, Ending::Bad);
    assert_eq!(places(&tasks, &pacer.due()), [1]);
    pacer.ended(tasks[1].id, Ending::Good);
    assert_eq!(places(&tasks, &pacer.due()), [4]);
}

#[test]
fn all_limits_hold_at_once() {
    let tasks = tasks(&[
        &["A1", "left"],
        &["A1", "right"],
        &["A2", "left"],
        &["A2", "right"],
        &["A3", "left"],
    ]);
    let mut pacer = Pacer::new(pace(None, &["1/rack", "1/feed"], None), tasks.clone());
    assert_eq!(places(&tasks, &pacer.due()), [0, 3]);
    pacer.ended(tasks[3].id, Ending::Good);
    assert!(pacer.due().is_empty(), "the left feed is taken");
    pacer.ended(tasks[0].id, Ending::Good);
    assert_eq!(places(&tasks, &pacer.due()), [1, 2]);
}

#[test]
fn after_several_failures_nothing_is_released_until_it_is_resumed() {
    let tasks = tasks(&[&[] as &[&str]; 8]);
    let mut pacer = Pacer::new(pace(Some("2"), &[], Some(2)), tasks.clone());
    assert_eq!(places(&tasks, &pacer.due()), [0, 1]);
    pacer.ended(tasks[0].id, Ending::Bad);
    assert_eq!(places(&tasks, &pacer.due()), [2]);
    pacer.ended(tasks[2].id, Ending::Bad);
    assert!(pacer.due().is_empty());
    assert!(pacer.stop().is_stopped);
    assert_eq!(
        pacer.held(tasks[3].id),
        Some(ReleaseWait::Stopped { failures: 2 })
    );
    // Somebody says that one was done after all: that does not begin the others.
    pacer.ended(tasks[2].id, Ending::Good);
    assert!(pacer.due().is_empty());
    pacer.resume();
    assert_eq!(pacer.failures(), 1);
    assert_eq!(places(&tasks, &pacer.due()), [3]);
    pacer.ended(tasks[1].id, Ending::Bad);
    assert_eq!(places(&tasks, &pacer.due()), [4]);
    pacer.ended(tasks[3].id, Ending::Bad);
    assert!(pacer.due().is_empty(), "two more have failed");
}

#[test]
fn one_that_is_tried_again_waits_for_a_place_before_the_others() {
    let tasks = tasks(&[&["A1"], &["A1"], &["A1"]]);
    let mut pacer = Pacer::new(pace(None, &["1/rack"], Some(9)), tasks.clone());
    assert_eq!(places(&tasks, &pacer.due()), [0]);
    pacer.ended(tasks[0].id, Ending::Bad);
    assert_eq!(places(&tasks, &pacer.due()), [1]);
    pacer.again(tasks[0].id);
    assert_eq!(pacer.failures(), 0);
    assert!(pacer.due().is_empty());
    pacer.ended(tasks[1].id, Ending::Good);
    assert_eq!(places(&tasks, &pacer.due()), [0]);
    // Neither one that waits nor one that has a place is doubled by it.
    pacer.again(tasks[0].id);
    pacer.again(tasks[2].id);
    assert!(pacer.due().is_empty());
}

#[test]
fn twenty_thousand_tasks_go_through_a_thousand_racks() {
    let racks: Vec<String> = (0..1000).map(|rack| format!("A{rack}")).collect();
    let feeds = ["left", "right", ""];
    let values: Vec<[&str; 2]> = (0..20_000)
        .map(|at| [racks[at % 997].as_str(), feeds[at % 3]])
        .collect();
    let values: Vec<&[&str]> = values.iter().map(|values| values.as_slice()).collect();
    let tasks = tasks(&values);
    let pace = pace(Some("500"), &["1/rack", "200/feed"], None);
    let mut pacer = Pacer::new(pace, tasks);
    let (mut running, mut done) = (std::collections::VecDeque::new(), 0);
    loop {
        running.extend(pacer.due());
        assert!(running.len() <= 500);
        let Some(id) = running.pop_front() else { break };
        pacer.ended(id, Ending::Good);
        done += 1;
    }
    assert_eq!(done, 20_000);
}

/// The same, by looking at every task every time.
struct Slow {
    pace: Pace,
    tasks: Vec<(Paced, PacedState)>,
    stop: StopRule,
}

impl Slow {
    fn due(&mut self) -> Vec<TaskId> {
        let mut due = Vec::new();
        for at in 0..self.tasks.len() {
            if self.tasks[at].1 == PacedState::Waiting && !self.stop.is_stopped && self.fits(at) {
                self.tasks[at].1 = PacedState::Released;
                due.push(self.tasks[at].0.id);
            }
        }
        due
    }

    fn fits(&self, at: usize) -> bool {
        let max = self.pace.at_a_time;
        let max = max.map_or(usize::MAX, |max| max.of(self.tasks.len()));
        let released = |is_meant: &dyn Fn(&Paced) -> bool| {
            let released = |(task, standing): &&(Paced, PacedState)| {
                *standing == PacedState::Released && is_meant(task)
            };
            self.tasks.iter().filter(released).count()
        };
        let fits = |(limit, at_most): (usize, &AtMost)| {
            let value = &self.tasks[at].0.values[limit];
            let same = |task: &Paced| task.values[limit] == *value;
            value.is_none() || released(&same) < at_most.max.get() as usize
        };
        released(&|_| true) < max && self.pace.at_most.iter().enumerate().all(fits)
    }

    fn failures(&self) -> u32 {
        let bad =
            |(_, standing): &&(Paced, PacedState)| *standing == PacedState::Ended(Ending::Bad);
        self.tasks.iter().filter(bad).count() as u32
    }

    fn on(&mut self, step: &Step) {
        match *step {
            Step::Ended(at, ending) => {
                let at = at % self.tasks.len();
                self.tasks[at].1 = PacedState::Ended(ending);
                let failures = self.failures();
                self.stop.is_stopped |= self.stop.after.is_some_and(|after| failures >= after);
            }
            Step::Again(at) => {
                let at = at % self.tasks.len();
                if matches!(self.tasks[at].1, PacedState::Ended(_)) {
                    self.tasks[at].1 = PacedState::Waiting;
                }
            }
            Step::Resume => {
                let more = self.pace.stop_after.map(u32::from);
                self.stop.after = more.map(|more| self.failures() + more);
                self.stop.is_stopped = false;
            }
            Step::Restart => {}
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Ended(usize, Ending),
    Again(usize),
    Resume,
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![
        5 => Just(Ending::Good),
        2 => Just(Ending::Bad),
        1 => Just(Ending::Withdrawn),
    ];
    prop_oneof![
        12 => (any::<usize>(), ending).prop_map(|(at, ending)| Step::Ended(at, ending)),
        1 => any::<usize>().prop_map(Step::Again),
        1 => Just(Step::Resume),
        1 => Just(Step::Restart),
    ]
}

fn any_pace() -> impl Strategy<Value = Pace> {
    let at_a_time = prop::option::of(prop_oneof![Just("1"), Just("3"), Just("30%")]);
    (at_a_time, 1u32..3, 1u32..4, prop::option::of(1u32..5)).prop_map(
        |(at_a_time, rack, feed, stop_after)| {
            let limits = [format!("{rack}/rack"), format!("{feed}/feed")];
            let limits: Vec<&str> = limits.iter().map(String::as_str).collect();
            pace(at_a_time, &limits, stop_after)
        },
    )
}

fn any_tasks() -> impl Strategy<Value = Vec<Paced>> {
    let rack = prop_oneof![Just(""), Just("A1"), Just("A2"), Just("A3"), Just("A4")];
    let feed = prop_oneof![Just(""), Just("left"), Just("right")];
    prop::collection::vec((rack, feed), 1..40).prop_map(|values| {
        let values: Vec<[&str; 2]> = values.into_iter().map(|(a, b)| [a, b]).collect();
        let values: Vec<&[&str]> = values.iter().map(|values| values.as_slice()).collect();
        tasks(&values)
    })
}

proptest! {
    /// So no limit is ever exceeded, the order is kept, nothing is released after the stop, and
    /// a restart changes nothing: the slow one shows all of that line by line.
    #[test]
    fn it_does_what_the_slow_one_does(
        pace in any_pace(),
        tasks in any_tasks(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut slow = Slow {
            pace: pace.clone(),
            tasks: tasks.iter().map(|task| (task.clone(), PacedState::Waiting)).collect(),
            stop: StopRule::new(&pace),
        };
        let mut pacer = Pacer::new(pace.clone(), tasks.clone());
        prop_assert_eq!(pacer.due(), slow.due());
        for step in steps {
            slow.on(&step);
            match step {
                Step::Ended(at, ending) => pacer.ended(tasks[at % tasks.len()].id, ending),
                Step::Again(at) => pacer.again(tasks[at % tasks.len()].id),
                Step::Resume => pacer.resume(),
                Step::Restart => {
                    pacer = Pacer::restore(pace.clone(), pacer.stop(), slow.tasks.clone());
                }
            }
            prop_assert_eq!(pacer.due(), slow.due(), "{:?}", step);
            prop_assert_eq!((pacer.failures(), pacer.stop()), (slow.failures(), slow.stop));
            for (task, standing) in &slow.tasks {
                let is_held = pacer.held(task.id).is_some();
                prop_assert_eq!(is_held, *standing == PacedState::Waiting);
            }
        }
    }

    #[test]
    fn every_task_is_released_once_when_all_end_well(pace in any_pace(), tasks in any_tasks()) {
        let mut pacer = Pacer::new(pace, tasks.clone());
        let (mut running, mut released) = (Vec::new(), 0);
        loop {
            let due = pacer.due();
            released += due.len();
            running.extend(due);
            let Some(id) = running.pop() else { break };
            pacer.ended(id, Ending::Good);
        }
        prop_assert_eq!(released, tasks.len());
    }
}
