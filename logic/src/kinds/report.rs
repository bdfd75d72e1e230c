//! The latest status of an environment, and the claims in it that are ignored.

use std::sync::Arc;

use tokio::time::Instant;
use utakata_model::{
    Cure, EnvironmentKey, EnvironmentStatus, PoolStatus, Problem, ReleaseId, Zone,
};
use utakata_seal::fingerprint;

/// The latest status of an environment.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) status: Arc<EnvironmentStatus>,
    pub(super) at: Instant,
}

/// A claim of an environment that is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The release; absent if all claims of the environment are ignored.
    pub release: Option<ReleaseId>,
    /// The reason why it is ignored.
    pub problem: Problem,
}

impl Report {
    pub(super) fn now(status: Arc<EnvironmentStatus>) -> Self {
        Self {
            status,
            at: Instant::now(),
        }
    }

    /// Returns true if another status is the same in everything that decides what is served.
    pub(super) fn says_the_same_as(&self, other: &EnvironmentStatus) -> bool {
        let pool = |pool: &PoolStatus, other: &PoolStatus| {
            pool.release == other.release
                && pool.active == other.active
                && pool.manifest == other.manifest
        };
        let (mine, theirs) = (&self.status.pools, &other.pools);
        let public = |status: &EnvironmentStatus| status.key.as_ref().map(|key| key.public.clone());
        self.status.zone == other.zone
            && public(&self.status) == public(other)
            && self.status.state == other.state
            && mine.len() == theirs.len()
            && mine
                .iter()
                .zip(theirs)
                .all(|(mine, theirs)| pool(mine, theirs))
    }
}

impl Claim {
    /// Reports that the environment claims another zone than its own.
    pub(super) fn of_zone(status: &EnvironmentStatus, zone: &Zone) -> Self {
        let (id, told) = (&status.id, &status.zone);
        let message = format!(
            "the environment {id} says that it is in the zone \"{told}\", and its zone is \
             \"{zone}\": nothing that it tells counts; if it has moved, `utakata environment \
             forget {id}` lets it"
        );
        Self {
            release: None,
            problem: Problem::new("zone-not-its-own", Cure::Operator, message),
        }
    }

    /// Reports that the key of the environment is not accepted.
    pub(super) fn of_key(status: &EnvironmentStatus, key: &EnvironmentKey) -> Self {
        let id = &status.id;
        let message = format!(
            "the environment {id} of the zone \"{}\" waits to be accepted, and takes no tasks until \
             then: if its log has the fingerprint {}, `utakata environment accept {id}`",
            status.zone,
            fingerprint(key)
        );
        Self {
            release: None,
            problem: Problem::new("environment-waiting", Cure::Operator, message),
        }
    }

    /// Reports that the catalogue does not have the release.
    pub(super) fn unknown(status: &EnvironmentStatus, release: &ReleaseId) -> Self {
        let message = format!(
            "the environment {} has {release}, which the catalogue does not have: it serves \
             nothing by it; `utakata worker push DIR` adds it, and a newer utakata brings along \
             the releases of its own",
            status.id
        );
        Self {
            release: Some(release.clone()),
            problem: Problem::new("release-unknown", Cure::Operator, message),
        }
    }

    /// Reports that the catalogue contradicts the claim.
    pub(super) fn contradicts(status: &EnvironmentStatus, release: &ReleaseId, why: &str) -> Self {
        let message = format!(
            "the environment {} tells of {release} what the catalogue does not: {why}; it serves \
             nothing by it",
            status.id
        );
        Self {
            release: Some(release.clone()),
            problem: Problem::new("release-contradicts", Cure::Operator, message),
        }
    }
}
