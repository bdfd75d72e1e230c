//! Leases: which logic environment does what, until when by the clock of the store.

use std::time::Duration;

use async_trait::async_trait;
use utakata_model::{EnvironmentId, Incarnation};

use super::{Error, number::from_column};

/// Leases among several logic environments on one store.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Gives back, renews and takes leases, at one moment, and tells all that there are. All of
    /// a member are renewed, and those that ended, too, if nobody took them since.
    async fn lease(&self, wanted: &LeaseRequest) -> Result<Vec<Lease>, Error>;
}

/// One life of one logic environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// The logic environment.
    pub environment: EnvironmentId,
    /// The life.
    pub incarnation: Incarnation,
}

/// A lease, as it is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The name: `ledger`.
    pub name: String,
    /// The number of times that it was taken.
    pub epoch: u64,
    /// The last who took it and has not given it back, even if it has ended since.
    pub held: Option<Held>,
}

/// The holder of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The member.
    pub by: Member,
    /// The URL of its API for the others.
    pub address: String,
    /// The time for which it has had it without a gap.
    pub since: Duration,
    /// The time until it ends; zero when it has ended.
    pub ends_in: Duration,
}

/// A request of one member for leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The member.
    pub by: Member,
    /// The URL of its API for the others.
    pub address: String,
    /// The time that leases last from now on, unless they are renewed.
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
    /// The holder.
    pub by: Member,
    /// Since which taking.
    pub epoch: u64,
}

impl LeaseRequest {
    /// How long leases last, in milliseconds. Nothing lasts longer than the largest number.
    pub(super) fn milliseconds(&self) -> i64 {
        i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Lease {
    /// The holder, unless it has ended.
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
        // What has ended is in the past.
        let milliseconds = |count: i64| Duration::from_millis(count.max(0).unsigned_abs());
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
            epoch: from_column(self.epoch),
            held: held(),
        }
    }
}
