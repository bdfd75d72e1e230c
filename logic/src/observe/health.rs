//! The health of targets, from their latest observations and the schedules that read them. Pure.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use utakata_api::inventory::Health;
use utakata_model::{Kind, Schedule, Selector, TargetName, Zone};

use super::Covers;
use crate::{
    inventory::{Selection, refuses},
    kinds::{KindsSnapshot, Served},
    observed::LastSeen,
};

/// The targets that the schedules read, and their frequency.
#[derive(Debug, Default)]
pub struct Coverage {
    targets: HashMap<TargetName, Covers>,
}

impl Coverage {
    /// Finds the targets that these schedules read. A kind that nothing serves now counts as read:
    /// its schedules include it, and the problem is that nothing serves it.
    pub fn build(
        schedules: &[Arc<Schedule>],
        served: &KindsSnapshot,
        select: impl Fn(&Selector) -> Selection,
    ) -> Self {
        let mut targets: HashMap<TargetName, Covers> = HashMap::new();
        for schedule in schedules {
            let mut places: HashMap<(Kind, Zone), Option<Covers>> = HashMap::new();
            for known in select(&schedule.selector).iter() {
                let target = &known.target;
                let covers = places
                    .entry((target.kind.clone(), target.zone.clone()))
                    .or_insert_with(|| covers(schedule, served.get(&target.kind, &target.zone)));
                let Some(covers) = *covers else { continue };
                targets
                    .entry(target.name.clone())
                    .and_modify(|before| {
                        if covers.allows() < before.allows() {
                            *before = covers;
                        }
                    })
                    .or_insert(covers);
            }
        }
        Self { targets }
    }

    /// Returns the schedule of a target; absent if no schedule reads it.
    pub fn of(&self, target: &TargetName) -> Option<Covers> {
        self.targets.get(target).copied()
    }
}

/// Returns the way in which a schedule reads targets of a kind, if it can.
fn covers(schedule: &Schedule, served: Option<&Served>) -> Option<Covers> {
    let timeout = match served {
        None => std::time::Duration::ZERO,
        Some(served) if refuses(served, schedule).is_some() => return None,
        Some(served) => served.observe(schedule.action.as_ref())?.action.timeout,
    };
    Some(Covers {
        interval: schedule.interval,
        timeout,
    })
}

/// Returns the health of a target. Observations from before `started` do not count against it: a
/// logic environment that was away for a while has had no chance to read.
pub fn health(
    seen: &LastSeen,
    covers: Option<Covers>,
    now: Timestamp,
    started: Timestamp,
) -> Health {
    if seen.problem.is_some() {
        return Health::Failing;
    }
    let short = short(seen);
    let Some(covers) = covers else {
        return short.unwrap_or(Health::Unobserved);
    };
    let Some(answered) = seen.answered else {
        return Health::Unseen;
    };
    if covers.is_stale(answered.max(started), now) {
        return Health::Stale;
    }
    short.unwrap_or(Health::Answering)
}

/// Returns the health of a target that answered, unless all is well.
fn short(seen: &LastSeen) -> Option<Health> {
    let is_strange = |seen: &LastSeen| {
        let recognition = seen.recognition.as_ref();
        recognition.is_some_and(|one| !one.is_understood)
    };
    match seen {
        seen if !seen.missing.is_empty() => Some(Health::Partial),
        seen if is_strange(seen) => Some(Health::NotUnderstood),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use utakata_model::{Cure, Missing, Problem, Recognition, missing};

    use super::*;

    #[test]
    fn a_target_that_nothing_reads_is_never_well_and_one_that_is_read_too_late_is_stale() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let covers = Some(Covers {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        });
        let problem = Problem::new("unreachable", Cure::Operator, "it does not answer");
        for (answered, problem, covers, started, expect) in [
            (Some(990), None, covers, 0, Health::Answering),
            (Some(969), None, covers, 0, Health::Stale),
            // It has only begun to read.
            (Some(1), None, covers, 980, Health::Answering),
            (None, None, covers, 0, Health::Unseen),
            (Some(999), None, None, 0, Health::Unobserved),
            (None, None, None, 0, Health::Unobserved),
            (Some(1), Some(&problem), covers, 0, Health::Failing),
            (None, Some(&problem), None, 0, Health::Failing),
            // The clock was set back since.
            (Some(2000), None, covers, 0, Health::Answering),
        ] {
            let mut seen = LastSeen::default();
            seen.answered = answered.map(at);
            seen.problem = problem.cloned();
            let found = health(&seen, covers, at(1000), at(started));
            assert_eq!(found, expect, "{answered:?} {covers:?} {started}");
        }
    }

    #[test]
    fn a_target_that_answers_in_part_or_is_not_understood_is_not_simply_answering() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let covers = Some(Covers {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        });
        let gap = || vec![Missing::rest("1.2.3", missing::NO_ANSWER, "")];
        for (missing, is_understood, answered, covers, expect) in [
            (gap(), true, 990, covers, Health::Partial),
            (gap(), false, 990, covers, Health::Partial),
            (Vec::new(), false, 990, covers, Health::NotUnderstood),
            (Vec::new(), true, 990, covers, Health::Answering),
            (gap(), true, 900, covers, Health::Stale),
            (gap(), true, 990, None, Health::Partial),
            (Vec::new(), false, 1, None, Health::NotUnderstood),
        ] {
            let mut seen = LastSeen::default();
            seen.answered = Some(at(answered));
            seen.recognition = Some(Arc::new(Recognition {
                is_understood,
                profiles: Vec::new(),
                identity: None,
                description: None,
            }));
            if !missing.is_empty() {
                seen.missing.insert("read".parse().unwrap(), missing);
            }
            let found = health(&seen, covers, at(1000), at(0));
            assert_eq!(found, expect, "{seen:?}");
        }
    }
}
