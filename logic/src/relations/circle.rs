//! A circle in a graph, if there is one.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, Hash},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// On the way that is looked at.
    Open,
    /// It leads to no circle.
    Done,
}

/// Finds a circle, and returns it with its first once more as its last. Deep graphs need no deep
/// stack.
pub(super) fn find<N: Copy + Eq + Hash + Ord, E, H: BuildHasher>(
    edges: &HashMap<N, Vec<E>, H>,
    to: impl Fn(&E) -> N,
) -> Option<Vec<N>> {
    let mut marks: HashMap<N, Mark> = HashMap::new();
    let mut starts: Vec<N> = edges.keys().copied().collect();
    starts.sort_unstable();
    for start in starts {
        // The way from the start, each with the number of its edges that were looked at.
        let mut way: Vec<(N, usize)> = Vec::new();
        if let Entry::Vacant(unmarked) = marks.entry(start) {
            unmarked.insert(Mark::Open);
            way.push((start, 0));
        }
        while let Some((at, looked)) = way.last_mut() {
            let next = edges.get(at).and_then(|edges| edges.get(*looked)).map(&to);
            *looked += 1;
            let Some(next) = next else {
                marks.insert(*at, Mark::Done);
                way.pop();
                continue;
            };
            match marks.get(&next) {
                Some(Mark::Done) => {}
                Some(Mark::Open) => {
                    let from = way.iter().position(|(at, _)| *at == next)?;
                    let circle = way[from..].iter().map(|(at, _)| *at);
                    return Some(circle.chain([next]).collect());
                }
                None => {
                    marks.insert(next, Mark::Open);
                    way.push((next, 0));
                }
            }
        }
    }
    None
}
