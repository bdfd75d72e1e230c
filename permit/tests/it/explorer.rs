//! Tries every order of all possible events, breadth first, so that the first trace that breaks a
//! promise is among the shortest.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use super::{
    calm,
    case::Case,
    promises::{self, Broken},
    steps::{self, Step},
    world::World,
};

/// The extent of an exploration, and the first broken promise.
pub struct Explored {
    pub states: usize,
    pub steps: usize,
    /// The number of states from which calm was tried.
    pub calmed: usize,
    pub took: Duration,
    /// True if nothing was left to try.
    pub is_complete: bool,
    pub broken: Option<Trace>,
}

/// The events that led to a broken promise.
pub struct Trace {
    pub what: Broken,
    pub steps: Vec<Step>,
}

/// A state, and the step that led to it.
struct Node {
    from: usize,
    step: Step,
}

/// One in this many states is tried for calm, which must bring the tasks to an end.
const CALM_STRIDE: usize = 20;
/// The length of the longest random walk.
const MAX_WAY: usize = 100;

/// Explores everything, or `max_states`, or until the first broken promise.
pub fn explore(case: &Case, max_states: usize) -> Explored {
    let began = Instant::now();
    let mut nodes: Vec<Node> = Vec::new();
    let mut seen = HashSet::new();
    let mut frontier = VecDeque::new();
    let (mut taken, mut calmed) = (0, 0);
    let start = World::new(case);
    seen.insert(fingerprint(&start));
    frontier.push_back((usize::MAX, start));
    let mut broken = None;
    let mut visited = 0_usize;
    'search: while seen.len() < max_states {
        let Some((at, world)) = frontier.pop_front() else {
            break;
        };
        for step in steps::steps(&world, case) {
            let next = steps::take(&world, case, step);
            taken += 1;
            let is_kept =
                promises::check_step(&world, &next).and_then(|()| promises::check(&next, case));
            if let Err(what) = is_kept {
                nodes.push(Node { from: at, step });
                broken = Some(trace(&nodes, nodes.len() - 1, what));
                break 'search;
            }
            if seen.insert(fingerprint(&next)) {
                nodes.push(Node { from: at, step });
                frontier.push_back((nodes.len() - 1, next));
            }
        }
        visited += 1;
        if visited.is_multiple_of(CALM_STRIDE) {
            calmed += 1;
            if let Err(what) = calm::ends(&world, case) {
                broken = Some(trace(&nodes, at, what));
                break;
            }
        }
    }
    Explored {
        states: seen.len(),
        steps: taken,
        calmed,
        took: began.elapsed(),
        is_complete: frontier.is_empty() && broken.is_none(),
        broken,
    }
}

/// Takes that many long random walks; the same seed makes the same choices.
pub fn wander(case: &Case, ways: usize) -> Explored {
    let began = Instant::now();
    let mut seen = HashSet::new();
    let (mut taken, mut calmed) = (0, 0);
    let mut broken = None;
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    for _ in 0..ways {
        let mut world = World::new(case);
        let mut way = Vec::new();
        let mut is_kept = Ok(());
        while is_kept.is_ok() && way.len() < MAX_WAY {
            let steps = steps::steps(&world, case);
            let Some(step) = steps.get(chance.below(steps.len())).copied() else {
                break;
            };
            let next = steps::take(&world, case, step);
            taken += 1;
            way.push(step);
            is_kept =
                promises::check_step(&world, &next).and_then(|()| promises::check(&next, case));
            seen.insert(fingerprint(&next));
            world = next;
        }
        calmed += 1;
        is_kept = is_kept.and_then(|()| calm::ends(&world, case).map(drop));
        if let Err(what) = is_kept {
            broken = Some(Trace { what, steps: way });
            break;
        }
    }
    Explored {
        states: seen.len(),
        steps: taken,
        calmed,
        took: began.elapsed(),
        is_complete: false,
        broken,
    }
}

/// Pseudo-random numbers (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, max: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % max.max(1) as u64) as usize
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

fn trace(nodes: &[Node], mut at: usize, what: Broken) -> Trace {
    let mut steps = Vec::new();
    while let Some(node) = nodes.get(at) {
        steps.push(node.step);
        at = node.from;
    }
    steps.reverse();
    Trace { what, steps }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = if self.is_complete {
            ", all there are"
        } else {
            ""
        };
        write!(
            f,
            "{} states{all}, {} steps, {} times calm, {:.1?}",
            self.states, self.steps, self.calmed, self.took
        )?;
        let Some(trace) = &self.broken else {
            return Ok(());
        };
        write!(f, ": {} after {} steps", trace.what, trace.steps.len())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.what)?;
        self.steps
            .iter()
            .try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}
