//! Leases: the division of duties among logic environments, timed by the clock of the store.

use std::time::Duration;

use async_trait::async_trait;
use utakata_model::{EnvironmentId, Incarnation};

use super::{Error, number::from_column};

/// Leases among several logic environments on one store.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Gives back, renews and takes leases in one step, and returns all leases. All leases of the
    /// member are renewed, including expired ones that nobody has taken since.
    async fn lease(&self, wanted: &LeaseRequest) -> Result<Vec<Lease>, Error>;
}

/// One life of one logic environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// The logic environment.
    pub environment: EnvironmentId,
    /// The life of it: after a restart it has another.
    pub incarnation: Incarnation,
}

/// A lease at the present moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The name: `ledger`.
    pub name: String,
    /// The number of times it was taken.
    pub epoch: u64,
    /// The last holder that has not given it back, even if it has expired since.
    pub held: Option<Held>,
}

/// The holder of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The member that holds it.
    pub by: Member,
    /// The URL of its API for the others.
    pub address: String,
    /// What proves that it has written its address itself.
    pub proof: String,
    /// The time it has been held without a gap.
    pub since: Duration,
    /// The time until it expires; zero once it has.
    pub ends_in: Duration,
}

/// A member's request for leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The member that makes the request.
    pub by: Member,
    /// The URL of its API for the others.
    pub address: String,
    /// What proves that it has written its address itself.
    pub proof: String,
    /// The duration of leases from now on, unless they are renewed.
    pub lasts: Duration,
    /// The leases to take if nobody has them.
    pub take: Vec<String>,
    /// Its own leases to give back.
    pub release: Vec<String>,
}

/// The lease under which something is written: refused if another member has taken it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub lease: String,
    /// The member that held it when the writing began.
    pub by: Member,
    /// The epoch in which it was taken.
    pub epoch: u64,
}

impl LeaseRequest {
    /// The duration of leases in milliseconds, at most the largest number.
    pub(super) fn milliseconds(&self) -> i64 {
        i64::try_from(self.lasts.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Lease {
    /// Returns the holder, unless the lease has expired.
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
    pub proof: &'r str,
    pub since: i64,
    pub ends_in: i64,
}

impl LeaseColumns<'_> {
    /// Converts the columns to a lease. An unreadable holder is not one of ours and counts as none.
    pub fn lease(&self) -> Lease {
        // An expired lease has a time in the past.
        let milliseconds = |count: i64| Duration::from_millis(count.max(0).unsigned_abs());
        let held = || {
            Some(Held {
                by: Member {
                    environment: EnvironmentId::new(self.environment?).ok()?,
                    incarnation: self.incarnation?.parse().ok()?,
                },
                address: self.address.to_owned(),
                proof: self.proof.to_owned(),
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
