//! Leases: which logic environment does what, until when by the clock of the store.

use std::time::Duration;

use utakata_model::{EnvironmentId, Incarnation};

/// One life of one logic environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// The logic environment.
    pub environment: EnvironmentId,
    /// Its life.
    pub incarnation: Incarnation,
}

/// A lease, as it is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its name: `ledger`.
    pub name: String,
    /// How often it was taken.
    pub epoch: u64,
    /// Who took it last and has not given it back, whether it has ended since or not.
    pub held: Option<Held>,
}

/// Who has a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub by: Member,
    /// Where its API can be reached by the others.
    pub address: String,
    /// For how long it has had it without a gap.
    pub since: Duration,
    /// How long until it ends; nothing when it has ended.
    pub ends_in: Duration,
}

/// What one member wants of the leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseWanted {
    /// Who.
    pub by: Member,
    /// Where its API can be reached by the others.
    pub address: String,
    /// How long leases last from now on, unless they are renewed.
    pub lasts: Duration,
    /// Those that it wants if nobody has them.
    pub take: Vec<String>,
    /// Those of its own that it gives back.
    pub release: Vec<String>,
}

/// Under which lease something is written: it is refused when somebody took it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// The lease.
    pub lease: String,
    /// Who has it.
    pub by: Member,
    /// Since which taking.
    pub epoch: u64,
}

impl Lease {
    /// Who has it now.
    pub fn holder(&self) -> Option<&Member> {
        let held = self.held.as_ref();
        held.filter(|held| !held.ends_in.is_zero())
            .map(|held| &held.by)
    }
}

/// The columns of a lease, times in milliseconds.
pub(super) struct LeaseColumns<'r> {
    pub name: &'r str,
    pub epoch: i64,
    pub environment: Option<&'r str>,
    pub incarnation: Option<&'r str>,
    pub address: &'r str,
    pub since: i64,
    pub ends_in: i64,
}

impl LeaseColumns<'_> {
    /// As a value. A holder that cannot be read is none of ours, and none.
    pub fn lease(&self) -> Lease {
        let milliseconds = |count: i64| Duration::from_millis(count.try_into().unwrap_or_default());
        let held = || {
            Some(Held {
                by: Member {
                    environment: EnvironmentId::new(self.environment?).ok()?,
                    incarnation: self.incarnation?.parse().ok()?,
                },
                address: self.address.to_owned(),
                since: milliseconds(self.since),
                ends_in: milliseconds(self.ends_in),
            })
        };
        Lease {
            name: self.name.to_owned(),
            epoch: self.epoch.try_into().unwrap_or_default(),
            held: held(),
        }
    }
}
