//! Duties that one of several logic environments performs for all of them.
//!
//! One keeps the ledger. The schedules are divided into shards, each of which is read by one. A
//! logic environment that is alone always has all duties.

use tokio::sync::watch;
use utakata_model::{LogicId, TargetName, hash::fnv1a_32};

use crate::store::Fence;

/// The number of shards into which the targets of schedules are divided.
pub const SHARDS: u8 = 16;

/// The present duties of this logic environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    /// The term under which it keeps the ledger. Absent while another logic environment keeps it,
    /// or none.
    pub ledger: Option<Term>,
    /// The URL of the keeper's API, if another one keeps the ledger.
    pub ledger_at: Option<String>,
    /// The reason why nothing is passed on to the keeper at that address.
    pub unfit: Option<Unfit>,
    /// The targets that it reads by schedule.
    pub shards: Shards,
    /// The names of all logic environments; empty if it is alone.
    pub members: Vec<LogicId>,
}

/// A reason why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(
        "no logic environment of this site that has its key, and is of this version, has written it"
    )]
    Unproven,
    #[error("it is without TLS, and the API here has it")]
    Clear,
}

/// The right by which the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// There is only this logic environment.
    Alone,
    /// It has the lease of the ledger.
    Lease(Fence),
}

impl Term {
    /// Returns the fence against which the store checks writes.
    pub fn fence(&self) -> Option<&Fence> {
        match self {
            Self::Alone => None,
            Self::Lease(fence) => Some(fence),
        }
    }
}

/// A set of shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shards(u16);

impl Shards {
    /// No shard.
    pub const NONE: Self = Self(0);
    /// All shards.
    pub const ALL: Self = Self(u16::MAX);

    /// Returns true if the shard of this target is in the set.
    pub fn have(self, target: &TargetName) -> bool {
        self == Self::ALL || self.0 & (1 << shard_of(target)) != 0
    }

    /// Returns the number of shards in the set.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl FromIterator<u8> for Shards {
    fn from_iter<I: IntoIterator<Item = u8>>(shards: I) -> Self {
        let bits = shards.into_iter().filter(|shard| *shard < SHARDS);
        Self(bits.fold(0, |set, shard| set | 1 << shard))
    }
}

/// Returns the shard of a target, the same in every process and version: FNV-1a, folded. Two
/// versions that disagree would read a target twice, or never.
fn shard_of(target: &TargetName) -> u8 {
    let hash = fnv1a_32(target.as_str().bytes());
    ((hash ^ (hash >> 16)) % u32::from(SHARDS)).to_le_bytes()[0]
}

impl Duties {
    /// Returns the duties of a logic environment that is alone.
    pub fn all() -> Self {
        Self {
            ledger: Some(Term::Alone),
            ledger_at: None,
            unfit: None,
            shards: Shards::ALL,
            members: Vec::new(),
        }
    }

    /// Returns no duties: others have them, or nobody.
    pub fn none() -> Self {
        Self {
            ledger: None,
            ledger_at: None,
            unfit: None,
            shards: Shards::NONE,
            members: Vec::new(),
        }
    }

    /// Returns the duties of a logic environment that is alone, which never change.
    pub fn forever() -> watch::Receiver<Self> {
        watch::channel(Self::all()).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_in_one_shard_and_shards_are_alike() {
        let mut counts = [0_u32; SHARDS as usize];
        for number in 0..16_000 {
            let name = TargetName::new(format!("pdu-{number}")).unwrap();
            counts[usize::from(shard_of(&name))] += 1;
            assert!(Shards::ALL.have(&name));
            assert!(!Shards::NONE.have(&name));
            let halves = [Shards::from_iter(0..8), Shards::from_iter(8..16)];
            assert_eq!(halves.iter().filter(|half| half.have(&name)).count(), 1);
        }
        assert!(
            counts.iter().all(|count| (800..1200).contains(count)),
            "{counts:?}"
        );
    }

    /// Golden: two versions that run side by side must agree, or a target is read twice, or never.
    #[test]
    fn the_shard_of_a_target_never_changes() {
        for (name, shard) in [
            ("pdu-a1-a", 15),
            ("ups-7", 4),
            ("x", 11),
            ("a", 0),
            ("rack-12.pdu-3", 13),
            ("crac.north.4", 2),
            ("sw-core-1", 3),
            ("Z9", 4),
            ("pdu-0", 2),
            ("pdu-1", 13),
            ("pdu-2", 8),
            ("pdu-3", 11),
        ] {
            assert_eq!(shard_of(&TargetName::new(name).unwrap()), shard, "{name}");
        }
        assert_eq!(Shards::from_iter([0, 3, 99]).count(), 2);
    }
}
