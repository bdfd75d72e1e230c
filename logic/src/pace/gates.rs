//! The gates of an operation: values of labels that let only a limited number of tasks through at a
//! time, and the tasks that wait at them.
//!
//! Tasks with the same values of the limited labels form a group, of which only the first can be
//! next. A group is either `ready`, or parked at a gate (one value of one label) without a free
//! place. A gate that gets a free place wakes the earliest group parked at it, and that one, when
//! looked at, wakes the next: so the earliest of all that may go is always among the ready ones.
//! With one limited label an event costs O(log n). With several, a group may move from one gate to
//! another, at most once for each value without a free place.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use utakata_model::AtMost;

/// Tasks, by their index in the order, and the gates that they pass.
#[derive(Debug)]
pub(super) struct Gates {
    limits: Vec<AtMost>,
    /// The group of each task.
    tasks: Vec<usize>,
    groups: Vec<Group>,
    gates: Vec<Gate>,
    /// The groups that may proceed, as far as is known, by their first task.
    ready: BTreeSet<(usize, usize)>,
    known_gates: HashMap<(usize, Arc<str>), usize>,
    known_groups: HashMap<Vec<usize>, usize>,
}

/// Tasks that pass the same gates.
#[derive(Debug)]
struct Group {
    gates: Vec<usize>,
    waiting: BTreeSet<usize>,
    seat: Seat,
}

/// The seat of a group, and the task under which it sits.
#[derive(Debug, Clone, Copy)]
enum Seat {
    Nowhere,
    Ready(usize),
    Parked(usize, usize),
}

/// One value of a limited label.
#[derive(Debug)]
struct Gate {
    /// The index of the limit.
    limit: usize,
    value: Arc<str>,
    max: u32,
    taken: u32,
    /// The groups that found it full, by their first task.
    parked: BTreeSet<(usize, usize)>,
}

impl Gates {
    pub fn new(limits: Vec<AtMost>) -> Self {
        Self {
            limits,
            tasks: Vec::new(),
            groups: Vec::new(),
            gates: Vec::new(),
            ready: BTreeSet::new(),
            known_gates: HashMap::new(),
            known_groups: HashMap::new(),
        }
    }

    /// Adds the next task in the order, with its value for each limit. It does not wait yet.
    pub fn add(&mut self, values: &[Option<Arc<str>>]) {
        let limits = values.iter().take(self.limits.len()).enumerate();
        let valued = limits.filter_map(|(limit, value)| Some((limit, value.as_ref()?)));
        let gates: Vec<usize> = valued
            .map(|(limit, value)| self.gate(limit, value))
            .collect();
        let group = match self.known_groups.get(&gates) {
            Some(&group) => group,
            None => {
                self.groups.push(Group {
                    gates: gates.clone(),
                    waiting: BTreeSet::new(),
                    seat: Seat::Nowhere,
                });
                self.known_groups.insert(gates, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        self.tasks.push(group);
    }

    fn gate(&mut self, limit: usize, value: &Arc<str>) -> usize {
        let (gates, max) = (&mut self.gates, self.limits[limit].max.get());
        let gate = self.known_gates.entry((limit, Arc::clone(value)));
        *gate.or_insert_with(|| {
            gates.push(Gate {
                limit,
                value: Arc::clone(value),
                max,
                taken: 0,
                parked: BTreeSet::new(),
            });
            gates.len() - 1
        })
    }

    /// Makes a task wait to be let through.
    pub fn wait(&mut self, task: usize) {
        let group = self.tasks[task];
        self.groups[group].waiting.insert(task);
        self.seat(group);
    }

    /// Makes a task stop waiting.
    pub fn withdraw(&mut self, task: usize) {
        let group = self.tasks[task];
        self.groups[group].waiting.remove(&task);
        self.seat(group);
        // Others may have stood behind it at gates with free places.
        self.wake(group);
    }

    /// Takes the places of a task, whether there are any or not.
    pub fn occupy(&mut self, task: usize) {
        for &gate in &self.groups[self.tasks[task]].gates {
            self.gates[gate].taken += 1;
        }
    }

    /// Frees the places of a task.
    pub fn vacate(&mut self, task: usize) {
        let group = self.tasks[task];
        for &gate in &self.groups[group].gates {
            self.gates[gate].taken -= 1;
        }
        self.wake(group);
    }

    /// Takes the places of the earliest waiting task that finds one at each of its gates, and
    /// returns it.
    pub fn next(&mut self) -> Option<usize> {
        while let Some((first, group)) = self.ready.pop_first() {
            self.groups[group].seat = Seat::Nowhere;
            let full = self.full_gate(group);
            if let Some(gate) = full {
                self.groups[group].seat = Seat::Parked(gate, first);
                self.gates[gate].parked.insert((first, group));
            } else {
                self.groups[group].waiting.remove(&first);
                self.occupy(first);
                self.seat(group);
            }
            self.wake(group);
            if full.is_none() {
                return Some(first);
            }
        }
        None
    }

    /// Returns the limit and the value without a free place for a task.
    pub fn full(&self, task: usize) -> Option<(&AtMost, &Arc<str>)> {
        let gate = &self.gates[self.full_gate(self.tasks[task])?];
        Some((&self.limits[gate.limit], &gate.value))
    }

    fn full_gate(&self, group: usize) -> Option<usize> {
        let mut gates = self.groups[group].gates.iter();
        gates.find(|&&gate| self.gates[gate].is_full()).copied()
    }

    /// Makes a group ready, under the task that is its first now.
    fn seat(&mut self, group: usize) {
        let one = &mut self.groups[group];
        match one.seat {
            Seat::Nowhere => {}
            Seat::Ready(first) => {
                self.ready.remove(&(first, group));
            }
            Seat::Parked(gate, first) => {
                self.gates[gate].parked.remove(&(first, group));
            }
        }
        one.seat = one.waiting.first().map_or(Seat::Nowhere, |&first| {
            self.ready.insert((first, group));
            Seat::Ready(first)
        });
    }

    /// Wakes the earliest group parked at each gate of this group that has a free place.
    fn wake(&mut self, group: usize) {
        for at in 0..self.groups[group].gates.len() {
            let gate = &mut self.gates[self.groups[group].gates[at]];
            if !gate.is_full()
                && let Some((first, woken)) = gate.parked.pop_first()
            {
                self.ready.insert((first, woken));
                self.groups[woken].seat = Seat::Ready(first);
            }
        }
    }
}

impl Gate {
    fn is_full(&self) -> bool {
        self.taken >= self.max
    }
}
