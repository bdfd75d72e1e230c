//! Whoever reads targets now: environments that are there, and are not stopped. Pure.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use utakata_model::{EnvironmentState, EnvironmentStatus, Kind, PoolStatus, Target, Zone};

/// The silence after which an environment is suspect: it reports every ten seconds.
pub const SILENT: Duration = Duration::from_secs(30);

/// The kinds that some environment reads now, in each zone.
#[derive(Debug, Default)]
pub struct Readers(HashSet<(Kind, Zone)>);

impl Readers {
    /// Finds them in the reports of environments.
    pub fn of(environments: &[EnvironmentStatus], now: Timestamp) -> Self {
        let at_work = environments.iter().filter(|one| is_at_work(one, now));
        let kinds = at_work.flat_map(|environment| {
            let pools = environment
                .pools
                .iter()
                .filter(|pool| reads(environment, pool));
            pools.map(|pool| (pool.release.kind.clone(), environment.zone.clone()))
        });
        Self(kinds.collect())
    }

    /// Returns true if somebody reads targets like this one.
    pub fn read(&self, target: &Target) -> bool {
        self.0.contains(&(target.kind.clone(), target.zone.clone()))
    }
}

fn is_at_work(environment: &EnvironmentStatus, now: Timestamp) -> bool {
    let silence = Duration::try_from(now.duration_since(environment.time)).unwrap_or_default();
    environment.state == EnvironmentState::Running
        && environment.stopped.all.is_none()
        && silence < SILENT
}

fn reads(environment: &EnvironmentStatus, pool: &PoolStatus) -> bool {
    let stopped = &environment.stopped;
    let is_stopped = |name: &utakata_model::ReleaseName| {
        name.kind == pool.release.kind && name.version == pool.release.version
    };
    !stopped.kinds.contains_key(&pool.release.kind) && !stopped.releases.keys().any(is_stopped)
}
