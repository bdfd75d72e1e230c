//! The latest messages to watchers, and what each of them has not had yet. Pure.

use std::{collections::VecDeque, sync::Arc};

/// The number of messages that are kept for watchers who are slow.
const KEPT: usize = 64;

/// The position of a watcher in what was sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The list of targets that the watcher has; 0 for none.
    list: u64,
    /// The last message that it has had.
    message: u64,
}

/// The latest messages about one list of targets.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    list: u64,
    message: u64,
    messages: VecDeque<Arc<[u8]>>,
}

impl Outbox {
    /// Begins another list of targets: everybody has to have everything.
    pub(super) fn begin(&mut self) {
        self.list += 1;
        self.messages.clear();
    }

    /// Adds a message, and forgets the oldest.
    pub(super) fn push(&mut self, message: Arc<[u8]>) {
        self.message += 1;
        self.messages.push_back(message);
        if self.messages.len() > KEPT {
            self.messages.pop_front();
        }
    }

    /// Returns the messages that a watcher has not had, and moves it on. `None` means that these
    /// are not all there any more: it has to have everything.
    pub(super) fn next(&self, position: &mut Position) -> Option<Vec<Arc<[u8]>>> {
        let before = *position;
        *position = Position {
            list: self.list,
            message: self.message,
        };
        if before.list != self.list {
            return None;
        }
        let missing = usize::try_from(self.message - before.message).ok()?;
        let known = self.messages.len().checked_sub(missing)?;
        Some(self.messages.iter().skip(known).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An event of the outbox, for any order of them.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Push,
        Begin,
        /// A watcher looks.
        Look(usize),
    }

    /// A number, and what makes it: everything at once, or each message after the other.
    #[derive(Default)]
    struct Watcher {
        position: Position,
        sum: u64,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            20 => Just(Step::Push),
            1 => Just(Step::Begin),
            3 => (0..3_usize).prop_map(Step::Look),
        ];
        proptest::collection::vec(step, 0..400)
    }

    proptest! {
        #[test]
        fn what_a_watcher_has_is_what_there_is_whatever_it_has_missed(steps in steps()) {
            let mut outbox = Outbox::default();
            outbox.begin();
            let mut sum = 0_u64;
            let mut watchers: [Watcher; 3] = Default::default();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        sum += number as u64;
                        outbox.push(Arc::from((number as u64).to_be_bytes()));
                    }
                    Step::Begin => {
                        // Another list: what was there means nothing any more.
                        sum = 0;
                        outbox.begin();
                    }
                    Step::Look(which) => {
                        let watcher = &mut watchers[which];
                        match outbox.next(&mut watcher.position) {
                            None => watcher.sum = sum,
                            Some(messages) => {
                                for message in messages {
                                    let bytes = <[u8; 8]>::try_from(&*message).unwrap();
                                    watcher.sum += u64::from_be_bytes(bytes);
                                }
                            }
                        }
                        prop_assert_eq!(watcher.sum, sum);
                    }
                }
            }
        }
    }

    #[test]
    fn who_is_slow_has_everything_again_and_who_has_all_has_nothing() {
        let mut outbox = Outbox::default();
        outbox.begin();
        let mut position = Position::default();
        assert_eq!(outbox.next(&mut position), None);
        assert_eq!(outbox.next(&mut position), Some(Vec::new()));
        (0..KEPT).for_each(|_| outbox.push(Arc::from([1])));
        let mut slow = position;
        let messages = outbox.next(&mut position).unwrap();
        assert_eq!(messages.len(), KEPT);
        outbox.push(Arc::from([1]));
        assert_eq!(outbox.next(&mut slow), None);
    }
}
