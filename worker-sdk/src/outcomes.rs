//! Outcomes that wait to be sent, in messages of limited size.

use utakata_protocol::MESSAGE_MAX;

use crate::packed::Packed;

/// The size up to which a message is filled, in bytes. One more outcome always fits on top.
const FILLED: usize = MESSAGE_MAX / 4;

/// Outcomes that wait to be sent.
#[derive(Debug, Default)]
pub struct Outcomes {
    waiting: Vec<Packed>,
    weight: usize,
}

impl Outcomes {
    /// Adds an outcome.
    pub fn push(&mut self, outcome: Packed) {
        self.weight += outcome.len();
        self.waiting.push(outcome);
    }

    /// Returns the number of outcomes.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes as many of the oldest as fit into a message.
    pub fn take(&mut self) -> Vec<Packed> {
        if self.weight <= FILLED {
            self.weight = 0;
            return std::mem::take(&mut self.waiting);
        }
        let mut filled = 0;
        let count = self.waiting.iter().take_while(|outcome| {
            let room = filled <= FILLED;
            filled += outcome.len();
            room
        });
        let count = count.count();
        let rest = self.waiting.split_off(count);
        let taken = std::mem::replace(&mut self.waiting, rest);
        self.weight -= taken.iter().map(Packed::len).sum::<usize>();
        taken
    }
}

#[cfg(test)]
mod tests {
    use utakata_protocol::v1::AttemptOutcome;

    use super::*;

    fn outcome(bytes: usize) -> Packed {
        let rest = AttemptOutcome {
            result: vec![b'1'; bytes],
            ..AttemptOutcome::default()
        };
        Packed::build(&rest, &[], &[])
    }

    #[test]
    fn what_waits_goes_together_as_far_as_a_message_can_hold() {
        let mut outcomes = Outcomes::default();
        (0..1000).for_each(|_| outcomes.push(outcome(200)));
        assert_eq!(outcomes.take().len(), 1000);
        assert!(outcomes.is_empty());

        (0..5).for_each(|_| outcomes.push(outcome(MESSAGE_MAX / 5)));
        let mut sent = 0;
        while !outcomes.is_empty() {
            let message = outcomes.take();
            assert!(!message.is_empty());
            assert!(message.iter().map(Packed::len).sum::<usize>() < MESSAGE_MAX);
            sent += message.len();
        }
        assert_eq!(sent, 5);
        assert_eq!(outcomes.weight, 0);
    }
}
