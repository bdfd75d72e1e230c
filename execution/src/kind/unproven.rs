//! Outcomes of control whose workers are out of reach: they may go on, until they are seen to be
//! gone.

use utakata_model::Outcome;

use super::outcome;
use crate::worker::Number;

/// Outcomes whose end was not seen, with their workers.
#[derive(Debug, Default)]
pub(super) struct Unproven(Vec<(Number, Outcome)>);

impl Unproven {
    /// Adds the outcome of an attempt whose worker is out of reach.
    pub(super) fn add(&mut self, worker: Number, outcome: Outcome) {
        self.0.push((worker, outcome));
    }

    /// Takes the outcomes of a worker that is seen to be gone: nothing changes them any more.
    pub(super) fn prove(&mut self, worker: Number) -> Vec<Outcome> {
        let its = self.0.extract_if(.., |(of, _)| *of == worker);
        its.map(|(_, outcome)| outcome::seen_to_end(outcome))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use utakata_model::OutcomeStatus;

    use super::*;
    use crate::samples::control;

    #[test]
    fn what_a_worker_had_is_over_once_when_that_worker_has_gone() {
        let mut unproven = Unproven::default();
        let outcome = outcome::not_begun(
            control("a"),
            OutcomeStatus::Unknown,
            outcome::stopped(),
            Duration::ZERO,
            Timestamp::UNIX_EPOCH,
        );
        unproven.add(Number(1), outcome.clone());
        assert!(unproven.prove(Number(2)).is_empty());
        let proven = unproven.prove(Number(1));
        assert_eq!(proven.len(), 1);
        assert!(proven[0].is_over && proven[0].key() == outcome.key());
        assert!(unproven.prove(Number(1)).is_empty());
    }
}
