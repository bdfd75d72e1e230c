//! Messages in order: expendable ones make room for later ones, and the rest are kept.

use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Queue<T> {
    limit: usize,
    /// Numbers the items, to compare their ages across the two lines.
    next: u64,
    expendable: VecDeque<(u64, usize, T)>,
    kept: VecDeque<(u64, T)>,
    /// The weight of expendable items.
    weight: usize,
}

impl<T> Queue<T> {
    /// Creates a queue with a limit for expendable items.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            next: 0,
            expendable: VecDeque::new(),
            kept: VecDeque::new(),
            weight: 0,
        }
    }

    pub(super) fn put(&mut self, item: T) {
        self.kept.push_back((self.next, item));
        self.next += 1;
    }

    /// Adds an expendable item; returns the number of older ones that were dropped for it. An item
    /// above the limit passes alone.
    pub(super) fn put_expendable(&mut self, item: T, weight: usize) -> usize {
        let mut dropped = 0;
        while self.weight > 0 && self.weight + weight > self.limit {
            let Some((_, oldest, _)) = self.expendable.pop_front() else {
                break;
            };
            self.weight -= oldest;
            dropped += 1;
        }
        self.weight += weight;
        self.expendable.push_back((self.next, weight, item));
        self.next += 1;
        dropped
    }

    pub(super) fn take(&mut self) -> Option<T> {
        let expendable = self.expendable.front().map(|(at, ..)| *at);
        let kept = self.kept.front().map(|(at, _)| *at);
        let is_kept_first = match (expendable, kept) {
            (Some(expendable), Some(kept)) => kept < expendable,
            (_, kept) => kept.is_some(),
        };
        if is_kept_first {
            return self.kept.pop_front().map(|(_, item)| item);
        }
        let (_, weight, item) = self.expendable.pop_front()?;
        self.weight -= weight;
        Some(item)
    }

    /// Returns the number of waiting messages.
    pub(super) fn len(&self) -> usize {
        self.expendable.len() + self.kept.len()
    }

    /// Removes everything; returns the number of expendable items.
    pub(super) fn clear(&mut self) -> usize {
        let dropped = self.expendable.len();
        *self = Self::new(self.limit);
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_its_order_and_the_oldest_expendable_goes_first() {
        let mut queue = Queue::new(10);
        assert_eq!(queue.put_expendable("a", 4), 0);
        queue.put("b");
        assert_eq!(queue.put_expendable("c", 4), 0);
        assert_eq!(queue.put_expendable("d", 4), 1, "a makes room");
        queue.put("e");
        assert_eq!(queue.len(), 4);
        let all: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        assert_eq!(all, ["b", "c", "d", "e"]);
        assert_eq!(queue.weight, 0);
    }

    #[test]
    fn what_is_more_than_the_limit_passes_alone() {
        let mut queue = Queue::new(10);
        queue.put_expendable("a", 1);
        assert_eq!(queue.put_expendable("big", 50), 1);
        assert_eq!(queue.put_expendable("c", 1), 1);
        assert_eq!(queue.take(), Some("c"));
        queue.put_expendable("d", 1);
        queue.put("e");
        assert_eq!(queue.clear(), 1);
        assert_eq!((queue.take(), queue.len()), (None, 0));
    }
}
