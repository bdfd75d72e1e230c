//! Reads that a candidate repeats right after the stable release, on the same target and in the
//! same conversation, so that a device never gets more requests at a time than it can bear. Nothing
//! of it is published.
//!
//! ```text
//! stable answers ─► candidate asked ─► agrees: compared
//!    (published)          └► differs: stable asked again ─► compared with both
//! ```

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use utakata_model::{Task, TaskId, TaskKey};
use utakata_rollout::compare::{Mismatch, ReadAnswer, RepeatedRead, compare};

/// The largest number of reads that are repeated at a time.
const MAX_AT_A_TIME: usize = 16;

/// The repeated reads that are under way.
#[derive(Debug)]
pub(super) struct Shadows {
    reads: HashMap<TaskKey, RepeatedRead, foldhash::fast::RandomState>,
    /// The seed of the identifiers of repeated reads.
    seed: TaskId,
    /// The number of identifiers that were made.
    made: u64,
}

/// The consequence of an answer to a repeated read.
#[derive(Debug)]
pub(super) enum Conclusion {
    /// It was compared, with these differences.
    Compared(Vec<Mismatch>),
    /// It differs: the stable release is to be asked again, or otherwise this is the result.
    Again(RepeatedRead, Vec<Mismatch>),
    /// The target itself has changed, which says nothing about the candidate.
    Changed,
}

impl Shadows {
    /// Creates an empty set. `seed` is an identifier that is used nowhere else.
    pub(super) fn new(seed: TaskId) -> Self {
        Self {
            reads: HashMap::default(),
            seed,
            made: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    /// Returns true if another read may be repeated.
    pub(super) fn has_room(&self) -> bool {
        self.reads.len() < MAX_AT_A_TIME
    }

    /// Creates the task by which a read is repeated.
    pub(super) fn begin(
        &mut self,
        read: &Task,
        request: RepeatedRead,
        timeout: Duration,
        clock: Timestamp,
    ) -> Task {
        let task = Task {
            id: self.next_id(),
            attempt: 1,
            expires: clock.checked_add(timeout).unwrap_or(read.expires),
            timeout,
            ..read.clone()
        };
        self.reads.insert(task.key(), request);
        task
    }

    /// Ends the repeated read of this attempt, if it is one: nobody waits for its outcome.
    pub(super) fn end(&mut self, key: TaskKey) -> Option<RepeatedRead> {
        self.reads.remove(&key)
    }

    /// Returns the seed with a number in its last bytes.
    fn next_id(&mut self) -> TaskId {
        self.made += 1;
        let mut bytes = *self.seed.as_bytes();
        let [.., a, b, c, d, e, f] = self.made.to_be_bytes();
        for (byte, number) in bytes[10..].iter_mut().zip([a, b, c, d, e, f]) {
            *byte ^= number;
        }
        TaskId::from_bytes(bytes)
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> Vec<TaskKey> {
        self.reads.keys().copied().collect()
    }
}

/// Judges the answer to a repeated read.
pub(super) fn judge(request: RepeatedRead, seen: ReadAnswer, tolerance: f64) -> Conclusion {
    let RepeatedRead {
        rollout,
        before,
        candidate,
    } = request;
    let Some(candidate) = candidate else {
        let mismatches = compare(&before, &seen, None, tolerance);
        if mismatches.is_empty() {
            return Conclusion::Compared(mismatches);
        }
        let again = RepeatedRead {
            rollout,
            before,
            candidate: Some(seen),
        };
        return Conclusion::Again(again, mismatches);
    };
    if seen.ended_as(&before) {
        let mismatches = compare(&before, &candidate, Some(&seen), tolerance);
        Conclusion::Compared(mismatches)
    } else {
        Conclusion::Changed
    }
}

/// Judges a repeated read whose worker is gone or does not answer in time: for the candidate that
/// is an answer like any other; for the stable release, it says nothing.
pub(super) fn judge_lost(request: &RepeatedRead, code: &str, tolerance: f64) -> Vec<Mismatch> {
    match &request.candidate {
        None => compare(&request.before, &ReadAnswer::failed(code), None, 0.0),
        Some(candidate) => compare(&request.before, candidate, None, tolerance),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utakata_model::RolloutId;

    use super::*;
    use crate::samples::task;

    fn request(before: ReadAnswer, candidate: Option<ReadAnswer>) -> RepeatedRead {
        RepeatedRead {
            rollout: RolloutId::generate(),
            before,
            candidate,
        }
    }

    #[test]
    fn each_repeated_read_has_an_identifier_of_its_own_and_ends_once() {
        let mut shadows = Shadows::new(TaskId::from_bytes([7; 16]));
        let read = task("a");
        let begin = |shadows: &mut Shadows| {
            let request = request(ReadAnswer::failed("x"), None);
            let made = shadows.begin(
                &read,
                request,
                Duration::from_secs(1),
                Timestamp::UNIX_EPOCH,
            );
            made.key()
        };
        let keys: Vec<TaskKey> = (0..MAX_AT_A_TIME).map(|_| begin(&mut shadows)).collect();
        assert_eq!(
            keys.iter().collect::<BTreeSet<_>>().len(),
            MAX_AT_A_TIME,
            "{keys:?}"
        );
        assert!(!keys.contains(&read.key()) && !shadows.has_room());
        for key in keys {
            assert!(shadows.end(key).is_some() && shadows.end(key).is_none());
        }
        assert!(shadows.is_empty() && shadows.has_room());
    }

    #[test]
    fn what_differs_is_asked_of_the_stable_release_once_more() {
        let (one, other) = (ReadAnswer::failed("one"), ReadAnswer::failed("other"));
        let agrees = judge(request(one.clone(), None), one.clone(), 0.0);
        assert!(matches!(agrees, Conclusion::Compared(mismatches) if mismatches.is_empty()));
        let mismatches = judge(request(one.clone(), None), other.clone(), 0.0);
        let Conclusion::Again(again, _) = mismatches else {
            panic!("{mismatches:?}");
        };
        assert_eq!(again.candidate, Some(other.clone()));
        let confirmed = judge(again, one.clone(), 0.0);
        assert!(matches!(confirmed, Conclusion::Compared(mismatches) if !mismatches.is_empty()));
        let changed = judge(request(one, Some(other.clone())), other, 0.0);
        assert!(matches!(changed, Conclusion::Changed));
    }

    #[test]
    fn a_lost_candidate_differs_and_a_lost_stable_release_leaves_what_was_seen() {
        let (one, other) = (ReadAnswer::failed("one"), ReadAnswer::failed("other"));
        for (candidate, code, expect) in [
            (None, "worker-lost", true),
            (None, "one", false),
            (Some(other), "worker-lost", true),
            (Some(one.clone()), "worker-lost", false),
        ] {
            let request = request(one.clone(), candidate);
            assert_eq!(!judge_lost(&request, code, 0.0).is_empty(), expect);
        }
    }
}
