//! Duties: what one of several logic environments does at a time for all of them.
//!
//! One keeps the ledger; the schedules are in shards, each of which one reads. A logic
//! environment that is alone has all of them, always.

use tokio::sync::watch;
use utakata_model::{LogicId, TargetName, hash::fnv1a_32};

use crate::store::Fence;

/// In how many shards the targets of schedules are.
pub const SHARDS: u8 = 16;

/// The duties of this logic environment now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    /// Under which term it keeps the ledger; absent while another one does, or nobody.
    pub ledger: Option<Term>,
    /// The URL of the API of whoever keeps the ledger, when that is another one.
    pub ledger_at: Option<String>,
    /// The targets that it reads by schedules.
    pub shards: Shards,
    /// All logic environments that there are, by name; none where it is alone.
    pub members: Vec<LogicId>,
}

/// By which right the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// There is nobody else.
    Alone,
    /// It has the lease of the ledger.
    Lease(Fence),
}

impl Term {
    /// Returns the fence that the store holds writes against.
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

    /// Returns true when the shard of this target is among them.
    pub fn have(self, target: &TargetName) -> bool {
        self == Self::ALL || self.0 & (1 << shard_of(target)) != 0
    }

    /// Returns their number.
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

/// The shard of a target, the same in every process and version: FNV-1a, folded. Two that shard
/// differently would read a target twice, or never.
fn shard_of(target: &TargetName) -> u8 {
    let hash = fnv1a_32(target.as_str().bytes());
    ((hash ^ (hash >> 16)) % u32::from(SHARDS)).to_le_bytes()[0]
}

impl Duties {
    /// Those of a logic environment that is alone.
    pub fn all() -> Self {
        Self {
            ledger: Some(Term::Alone),
            ledger_at: None,
            shards: Shards::ALL,
            members: Vec::new(),
        }
    }

    /// None: others do everything, or nobody does.
    pub fn none() -> Self {
        Self {
            ledger: None,
            ledger_at: None,
            shards: Shards::NONE,
            members: Vec::new(),
        }
    }

    /// The duties of a logic environment that is alone, which never change.
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
