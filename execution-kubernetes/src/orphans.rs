//! Pods that nobody has in hand.

use std::{collections::HashSet, time::Duration};

use utakata_execution::runtime::Life;
use utakata_model::Incarnation;

use crate::{life::KILL_GRACE, watching::Listed};

/// The seconds that a worker of an earlier life has to bring to its end what it has begun.
const POLITE_GRACE: u32 = 30;
/// A pod of this life may be there before the answer to its creation is.
const UNANSWERED: Duration = Duration::from_secs(60);

/// A pod to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Orphan {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) grace: u32,
}

/// Finds the pods that nobody has in hand, by the order of lives: so two environments with one
/// name by mistake do not fight both ways.
pub(crate) fn find(listed: &[Listed], life: &Life, held: &HashSet<String>) -> Vec<Orphan> {
    let orphan = |pod: &Listed| {
        let of = pod.life?;
        let is_mine = of == life.incarnation;
        let is_lost = match is_mine {
            true => !held.contains(&pod.uid) && pod.known_for >= UNANSWERED,
            false => of < life.incarnation,
        };
        let grace = if is_mine || pod.is_over {
            KILL_GRACE
        } else {
            POLITE_GRACE
        };
        (is_lost && !pod.is_ending).then(|| Orphan {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            grace,
        })
    };
    listed.iter().filter_map(orphan).collect()
}

/// Returns the lives that may have workers that act.
pub(crate) fn lives(listed: &[Listed], unseen: Vec<Incarnation>) -> Vec<Incarnation> {
    let acting = listed.iter().filter(|pod| !pod.is_over);
    let lives = acting.filter_map(|pod| pod.life).chain(unseen);
    lives.collect()
}

#[cfg(test)]
mod tests {
    use utakata_model::EnvironmentId;

    use super::*;

    fn life(byte: u8) -> Incarnation {
        Incarnation::from_bytes([byte; 16])
    }

    fn pod(uid: &str, of: u8) -> Listed {
        Listed {
            uid: uid.into(),
            name: uid.into(),
            life: Some(life(of)),
            is_over: false,
            is_ending: false,
            known_for: Duration::from_secs(100),
        }
    }

    #[test]
    fn earlier_lives_are_ended_politely_and_later_ones_left_alone() {
        let me = Life {
            environment: EnvironmentId::new("lab").unwrap(),
            incarnation: life(2),
        };
        let new = Listed {
            known_for: Duration::ZERO,
            ..pod("new", 2)
        };
        let over = Listed {
            is_over: true,
            ..pod("over", 1)
        };
        let ending = Listed {
            is_ending: true,
            ..pod("ending", 1)
        };
        let unknown = Listed {
            life: None,
            ..pod("unknown", 1)
        };
        let listed = [
            pod("earlier", 1),
            pod("later", 3),
            pod("mine", 2),
            pod("lost", 2),
            new,
            over,
            ending,
            unknown,
        ];
        let held = HashSet::from(["mine".to_owned()]);
        let found = find(&listed, &me, &held);
        let found: Vec<(&str, u32)> = found.iter().map(|one| (&*one.name, one.grace)).collect();
        let expect = [
            ("earlier", POLITE_GRACE),
            ("lost", KILL_GRACE),
            ("over", KILL_GRACE),
        ];
        assert_eq!(found, expect);
        let acting = lives(&listed, vec![life(0)]);
        assert!(acting.contains(&life(0)) && acting.contains(&life(1)));
    }
}
