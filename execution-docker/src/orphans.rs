//! Containers that nobody is in charge of: those of an earlier incarnation, and those of this one
//! that were lost on the way.

use std::{collections::HashSet, time::Duration};

use bollard::models::ContainerSummary;
use utakata_model::Incarnation;

use crate::labels::INCARNATION_LABEL;
use utakata_execution::runtime::Life;

/// The age from which a container of this life that nobody is in charge of counts as lost; a
/// younger one is about to be taken.
const LOST_AFTER: Duration = Duration::from_secs(60);

/// Returns the ids of containers to end. `now` is the time since the epoch, by the engine's clock.
pub(crate) fn find(
    found: &[ContainerSummary],
    life: &Life,
    held: &HashSet<String>,
    now: Duration,
) -> Vec<String> {
    let is_orphan = |container: &&ContainerSummary| {
        let incarnation = incarnation(container);
        let created = container.created.and_then(|at| u64::try_from(at).ok());
        // A container whose age the engine does not report may be under way.
        let age = created.map_or(Duration::ZERO, |created| {
            now.saturating_sub(Duration::from_secs(created))
        });
        match incarnation {
            // A later life will end our containers, and not the other way round.
            Some(incarnation) if incarnation > life.incarnation => false,
            Some(incarnation) if incarnation == life.incarnation => {
                let id = container.id.as_ref();
                age >= LOST_AFTER && !id.is_some_and(|id| held.contains(id))
            }
            Some(_) | None => true,
        }
    };
    let orphans = found.iter().filter(is_orphan);
    orphans
        .filter_map(|container| container.id.clone())
        .collect()
}

/// Returns the ids of all containers of this life.
pub(crate) fn of(found: &[ContainerSummary], life: &Life) -> Vec<String> {
    let is_own = |one: &&ContainerSummary| incarnation(one) == Some(life.incarnation);
    let own = found.iter().filter(is_own);
    own.filter_map(|container| container.id.clone()).collect()
}

/// Returns the life of a container; `None` if its label is missing.
pub(crate) fn incarnation(container: &ContainerSummary) -> Option<Incarnation> {
    let label = container.labels.as_ref()?.get(INCARNATION_LABEL)?;
    label.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use utakata_model::EnvironmentId;

    use super::*;

    #[test]
    fn what_an_earlier_life_left_and_what_this_one_lost_are_orphans() {
        let lives: [Incarnation; 3] = std::array::from_fn(|_| Incarnation::generate());
        let life = Life {
            environment: EnvironmentId::new("e").unwrap(),
            incarnation: lives[1],
        };
        let held = HashSet::from(["held".to_owned()]);
        let now = Duration::from_secs(1000);
        for (id, label, age, expect) in [
            ("earlier", lives[0].to_string(), 0, true),
            ("later", lives[2].to_string(), 500, false),
            ("held", lives[1].to_string(), 500, false),
            ("new", lives[1].to_string(), 1, false),
            ("lost", lives[1].to_string(), 60, true),
            ("unreadable", "x".into(), 0, true),
        ] {
            let container = ContainerSummary {
                id: Some(id.into()),
                created: Some(1000 - age),
                labels: Some(HashMap::from([(
                    INCARNATION_LABEL.to_owned(),
                    label.clone(),
                )])),
                ..ContainerSummary::default()
            };
            let found = [container];
            let is_own = label == lives[1].to_string();
            assert_eq!(of(&found, &life) == [id], is_own, "{id}");
            assert_eq!(find(&found, &life, &held, now) == [id], expect, "{id}");
        }
    }
}
