//! The disasters of a drill: the victim, the time and the duration of each. A pure sequence that a
//! seed determines.

use std::time::Duration;

use serde::Serialize;

use crate::dice::Dice;

/// The longest absence of a victim.
const MAX_DOWN: Duration = Duration::from_secs(2);
/// The relative frequency of each of our own processes, the smallest loss first.
const OURSELVES: [(Victim, usize); 12] = [
    (Victim::Worker, 4),
    (Victim::Environment, 3),
    (Victim::Program, 3),
    (Victim::Logic, 2),
    (Victim::Everything, 1),
    (Victim::StalledWorker, 1),
    (Victim::StalledEnvironment, 1),
    (Victim::StalledHost, 2),
    (Victim::StalledLogic, 1),
    (Victim::StalledBetween, 1),
    (Victim::Disk, 2),
    (Victim::Key, 2),
];

/// Something that a drill kills or stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Victim {
    /// One worker, or everything in its container; its environment starts another.
    Worker,
    /// One worker execution environment, without its workers.
    Environment,
    /// The program of one worker execution environment: it is replaced, and its workers continue.
    Program,
    Logic,
    /// All of them at once, and the inter connect, as in a power failure; but not external servers.
    Everything,
    /// One worker, which stands still.
    #[serde(rename = "worker-stalled")]
    StalledWorker,
    /// One worker execution environment, without its workers, which stands still.
    #[serde(rename = "environment-stalled")]
    StalledEnvironment,
    /// One worker execution environment and its workers, which stand still as a virtual machine
    /// does.
    #[serde(rename = "host-stalled")]
    StalledHost,
    /// A logic environment, which stands still.
    #[serde(rename = "logic-stalled")]
    StalledLogic,
    /// The inter connect, or one of the servers, which stands still.
    #[serde(rename = "between-stalled")]
    StalledBetween,
    /// The disk of the ledger, which is full for a while.
    Disk,
    /// The key of one environment, which is revoked, and accepted again.
    Key,
    /// The engine of containers, without the containers.
    Engine,
    /// One pod is evicted.
    Eviction,
    /// A node of the cluster is drained, and takes no pods for a while.
    Node,
    /// The API server of the cluster is away for a long while; its pods run on.
    Cluster,
    /// The links of one process to the servers: cut, broken or slow.
    Link,
    Mosquitto,
    Postgres,
    Rabbitmq,
}

/// The possible victims of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Only our own processes.
    Ourselves,
    /// Servers and links as well.
    Servers,
    /// Containers and their engine as well.
    Engine,
    /// Pods, nodes and the API server of a cluster as well.
    Cluster,
}

/// One disaster: a victim, a time and a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disaster {
    /// The time since the previous one.
    pub after: Duration,
    pub victim: Victim,
    /// The choice among several: the remainder of the division by their number.
    pub which: usize,
    /// The time that the victim stays away.
    pub down: Duration,
}

/// All disasters of a seed, without end.
#[derive(Debug, Clone)]
pub struct Disasters {
    dice: Dice,
    weights: Vec<(Victim, usize)>,
    mean: Duration,
}

impl Among {
    /// Returns the relative frequency of each possible victim.
    fn weights(self) -> impl Iterator<Item = (Victim, usize)> {
        OURSELVES.iter().chain(self.others()).copied()
    }

    /// Returns the same for those that are not our own processes.
    fn others(self) -> &'static [(Victim, usize)] {
        match self {
            Self::Ourselves => &[],
            Self::Servers => &[
                (Victim::Link, 4),
                (Victim::Mosquitto, 2),
                (Victim::Postgres, 2),
                (Victim::Rabbitmq, 1),
            ],
            Self::Engine => &[(Victim::Engine, 2)],
            Self::Cluster => &[
                (Victim::Eviction, 4),
                (Victim::Node, 2),
                (Victim::Cluster, 1),
            ],
        }
    }
}

impl Victim {
    /// Returns the victims that are possible.
    pub fn all(among: Among) -> impl Iterator<Item = Self> {
        among.weights().map(|(victim, _)| victim)
    }

    /// Returns true if the victim stands still, and then continues.
    pub fn is_stalled(self) -> bool {
        matches!(
            self,
            Self::StalledWorker
                | Self::StalledEnvironment
                | Self::StalledHost
                | Self::StalledLogic
                | Self::StalledBetween
        )
    }

    pub fn fate(self) -> &'static str {
        match self {
            Self::Program => "replaced",
            Self::Disk => "filled",
            Self::Key => "revoked",
            Self::Eviction => "evicted",
            Self::Node => "drained",
            Self::Cluster => "away",
            _ if self.is_stalled() => "stalled",
            _ => "killed",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker | Self::StalledWorker => "worker",
            Self::Environment | Self::StalledEnvironment => "environment",
            Self::StalledHost => "host",
            Self::Program => "program",
            Self::Logic | Self::StalledLogic => "logic",
            Self::StalledBetween => "between",
            Self::Everything => "everything",
            Self::Disk => "disk",
            Self::Key => "key",
            Self::Engine => "engine",
            Self::Eviction => "pod",
            Self::Node => "node",
            Self::Cluster => "cluster",
            Self::Link => "link",
            Self::Mosquitto => "mosquitto",
            Self::Postgres => "postgres",
            Self::Rabbitmq => "rabbitmq",
        }
    }
}

impl Disasters {
    /// Creates the disasters of a seed, one in `mean` on average.
    pub fn new(seed: u64, mean: Duration, among: Among) -> Self {
        Self {
            dice: Dice::new(seed, 1),
            weights: among.weights().collect(),
            mean,
        }
    }
}

impl Iterator for Disasters {
    type Item = Disaster;

    fn next(&mut self) -> Option<Disaster> {
        Some(Disaster {
            after: self.dice.wait(self.mean),
            victim: self.dice.choose(&self.weights, Victim::Worker),
            which: self.dice.below(1 << 16),
            down: self.dice.up_to(MAX_DOWN),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: [Among; 4] = [
        Among::Ourselves,
        Among::Servers,
        Among::Engine,
        Among::Cluster,
    ];

    fn first(seed: u64, count: usize, among: Among) -> Vec<Disaster> {
        let mean = Duration::from_secs(3);
        Disasters::new(seed, mean, among).take(count).collect()
    }

    #[test]
    fn the_same_seed_brings_the_same_disasters() {
        for among in ALL {
            assert_eq!(first(1, 100, among), first(1, 100, among));
            assert_ne!(first(1, 100, among), first(2, 100, among));
        }
    }

    #[test]
    fn everybody_is_a_victim_about_as_often_as_was_requested() {
        for among in ALL {
            let victims: BTreeSet<Victim> =
                first(1, 1000, among).iter().map(|one| one.victim).collect();
            assert!(
                victims.iter().copied().eq(Victim::all(among)),
                "{victims:?}"
            );
        }
        let disasters = first(1, 1000, Among::Ourselves);
        let all: Duration = disasters.iter().map(|one| one.after).sum();
        let mean = all.as_secs_f64() / 1000.0;
        assert!((2.5..3.5).contains(&mean), "{mean}");
        assert!(disasters.iter().all(|one| one.down <= MAX_DOWN));
    }
}
