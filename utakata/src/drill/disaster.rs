//! What is killed, when, and for how long it stays away: a pure sequence that a seed determines.

use std::time::Duration;

use serde::Serialize;

use super::dice::Dice;

/// What is killed stays away up to so long.
const DOWN_MOST: Duration = Duration::from_secs(2);
/// How often each is the victim.
const WEIGHTS: [(Victim, usize); 4] = [
    (Victim::Worker, 4),
    (Victim::Environment, 3),
    (Victim::Logic, 2),
    (Victim::Everything, 1),
];

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Victim {
    /// One worker; its environment starts another.
    Worker,
    /// One worker execution environment, but not its workers.
    Environment,
    /// The logic environment.
    Logic,
    /// All of them at once, and the inter connect, as when the power fails.
    Everything,
}

/// Something is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disaster {
    /// How long after the one before.
    pub after: Duration,
    /// Who.
    pub victim: Victim,
    /// Which one of several: the remainder of the division by how many there are.
    pub which: usize,
    /// How long it stays away.
    pub down: Duration,
}

/// All disasters of a seed, without end.
#[derive(Debug, Clone)]
pub struct Disasters {
    dice: Dice,
    mean: Duration,
}

impl Victim {
    /// All, the smallest loss first.
    pub const ALL: [Self; 4] = [
        Self::Worker,
        Self::Environment,
        Self::Logic,
        Self::Everything,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Environment => "environment",
            Self::Logic => "logic",
            Self::Everything => "everything",
        }
    }
}

impl Disasters {
    /// One in `mean`, on the average.
    pub fn new(seed: u64, mean: Duration) -> Self {
        Self {
            dice: Dice::new(seed, 1),
            mean,
        }
    }
}

impl Iterator for Disasters {
    type Item = Disaster;

    fn next(&mut self) -> Option<Disaster> {
        Some(Disaster {
            after: self.dice.wait(self.mean),
            victim: self.dice.choose(&WEIGHTS, Victim::Worker),
            which: self.dice.below(1 << 16),
            down: self.dice.up_to(DOWN_MOST),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn first(seed: u64, count: usize) -> Vec<Disaster> {
        let mean = Duration::from_secs(3);
        Disasters::new(seed, mean).take(count).collect()
    }

    #[test]
    fn the_same_seed_brings_the_same_disasters() {
        assert_eq!(first(1, 100), first(1, 100));
        assert_ne!(first(1, 100), first(2, 100));
    }

    #[test]
    fn everybody_is_a_victim_about_as_often_as_was_asked_for() {
        let disasters = first(1, 1000);
        let victims: BTreeSet<Victim> = disasters.iter().map(|one| one.victim).collect();
        assert_eq!(victims.len(), Victim::ALL.len());
        let all: Duration = disasters.iter().map(|one| one.after).sum();
        let mean = all.as_secs_f64() / 1000.0;
        assert!((2.5..3.5).contains(&mean), "{mean}");
        assert!(disasters.iter().all(|one| one.down <= DOWN_MOST));
    }
}
