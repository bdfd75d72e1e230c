//! Refusals of requests, folded: many of the same kind are one line in a while.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;
use utakata_model::PersonName;

/// The time within which refusals of the same kind become one line.
const WINDOW: Duration = Duration::from_secs(60);
/// The largest number of kinds that are remembered. A kind beyond it is not recorded until others
/// are forgotten; the log has each.
const MAX_KINDS: usize = 1000;

/// A person, and the method and path that they asked for.
type Kind = (PersonName, String);

/// The refusals of the last minute.
#[derive(Debug, Default)]
pub(in crate::http) struct Refusals(Mutex<HashMap<Kind, Folded>>);

#[derive(Debug, Clone, Copy)]
struct Folded {
    since: Timestamp,
    /// The number since the last line.
    times: u64,
}

impl Refusals {
    /// Notes a refusal; returns the lines to write now, each with the number that it stands for.
    pub(super) fn note(&self, kind: Kind, now: Timestamp) -> Vec<(Kind, u64)> {
        let mut kinds = self.0.lock();
        let mut lines = Vec::new();
        kinds.retain(|kind, folded| {
            let is_over = folded.since > now
                || folded
                    .since
                    .checked_add(WINDOW)
                    .is_ok_and(|until| until <= now);
            if is_over && folded.times > 0 {
                lines.push((kind.clone(), folded.times));
            }
            !is_over
        });
        if let Some(folded) = kinds.get_mut(&kind) {
            folded.times += 1;
        } else if kinds.len() < MAX_KINDS {
            let new = Folded {
                since: now,
                times: 0,
            };
            kinds.insert(kind.clone(), new);
            lines.push((kind, 1));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn kind(name: &str) -> Kind {
        (PersonName::new(name).unwrap(), "GET /v1/audit".into())
    }

    #[test]
    fn the_first_is_a_line_and_the_rest_of_a_minute_another() {
        let refusals = Refusals::default();
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert_eq!(refusals.note(kind("ana"), at(0)), [(kind("ana"), 1)]);
        for second in 1..60 {
            assert_eq!(refusals.note(kind("ana"), at(second)), []);
        }
        assert_eq!(refusals.note(kind("bo"), at(59)), [(kind("bo"), 1)]);
        assert_eq!(
            refusals.note(kind("bo"), at(60)),
            [(kind("ana"), 59)],
            "what was folded is written with whatever is refused next"
        );
        assert_eq!(refusals.note(kind("ana"), at(61)), [(kind("ana"), 1)]);
    }

    #[test]
    fn the_memory_is_bounded() {
        let refusals = Refusals::default();
        let lines: usize = (0..2 * MAX_KINDS)
            .map(|number| refusals.note(kind(&format!("p{number}")), Timestamp::UNIX_EPOCH))
            .map(|lines| lines.len())
            .sum();
        assert_eq!(lines, MAX_KINDS);
    }
}
