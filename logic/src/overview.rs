//! The overview of the site: compiled at most once a second, however many ask, and anew after each
//! change that somebody has requested.

mod alarms;
mod disk;
mod findings;
mod readers;
mod targets;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use utakata_api::{
    overview::{About, Finding, Overview, Weight},
    rollout::Rollout,
    status::Status,
};
use utakata_model::Selector;

use self::{disk::Disk, findings::SiteFacts, readers::Readers, targets::Survey};
use crate::{
    alarms::{Alarms, Shown},
    desired::{Desired, rollouts::Rollouts},
    inventory::Inventory,
    kinds::Kinds,
    ledger::{self, Ledger, Summary},
    notifications::Notifications,
    observe::Observe,
    observed::Observed,
    rotation::Rotations,
    store,
};

/// The time for which an overview is reused, since looking at all targets is expensive.
const KEPT: Duration = Duration::from_secs(1);
/// The largest number of findings in an answer.
const MAX_FINDINGS: usize = 100;
/// The number of rollouts that are examined.
const ROLLOUTS: u32 = 20;

/// The sources of overviews. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    pub inventory: Arc<Inventory>,
    /// The schedules.
    pub observe: Arc<Observe>,
    /// The latest observations of targets.
    pub observed: Arc<Observed>,
    /// The kinds that are served.
    pub kinds: Arc<Kinds>,
    /// The desired state of environments.
    pub desired: Arc<Desired>,
    pub rollouts: Arc<Rollouts>,
    /// The changes of passwords.
    pub rotations: Arc<Rotations>,
    /// The ledger of control.
    pub ledger: Ledger,
    pub alarms: Alarms,
    /// The notifications of devices.
    pub notifications: Arc<Notifications>,
    /// The folder whose disk is examined.
    pub folder: Option<PathBuf>,
}

/// A compiler of overviews.
pub struct Overviews {
    sources: Sources,
    last: tokio::sync::Mutex<Option<(Compiled, Arc<Overview>)>>,
    /// The number of requests so far that may have changed something.
    changes: AtomicU64,
}

/// The moment of an overview that may be reused.
#[derive(Debug, Clone, Copy)]
struct Compiled {
    at: Instant,
    /// The number of changes before its sources were looked at.
    changes: u64,
}

impl Compiled {
    /// Returns true if it shows every change, and is young enough.
    fn may_be_reused(&self, changes: u64, now: Instant) -> bool {
        self.changes == changes && now.saturating_duration_since(self.at) < KEPT
    }
}

impl Overviews {
    /// Creates one with these sources.
    pub fn new(sources: Sources) -> Self {
        Self {
            sources,
            last: tokio::sync::Mutex::default(),
            changes: AtomicU64::new(0),
        }
    }

    /// Has the next overview compiled anew: whoever has changed something sees it.
    pub fn is_changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the overview of the site. Callers at the same time share one.
    ///
    /// # Errors
    /// The logic environment is ending.
    pub async fn look(
        &self,
        status: impl FnOnce() -> Status,
    ) -> Result<Arc<Overview>, ledger::Error> {
        let mut last = self.last.lock().await;
        // Before the sources: what is changed meanwhile may be in them or not.
        let changes = self.changes.load(Ordering::Acquire);
        if let Some((compiled, overview)) = &*last
            && compiled.may_be_reused(changes, Instant::now())
        {
            return Ok(Arc::clone(overview));
        }
        let status = status();
        let control = self.sources.ledger.summary().await.ok();
        let rollouts = self.sources.rollouts.list(None, ROLLOUTS).await;
        let sources = self.sources.clone();
        // Not on the threads that permits run on: a large site takes some milliseconds.
        let put = move || sources.put_together(status, control, rollouts);
        let overview = match tokio::task::spawn_blocking(put).await {
            Ok(overview) => Arc::new(overview),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(ledger::Error::Ending),
            },
        };
        let at = Instant::now();
        *last = Some((Compiled { at, changes }, Arc::clone(&overview)));
        Ok(overview)
    }
}

impl Sources {
    fn put_together(
        &self,
        status: Status,
        control: Option<Summary>,
        rollouts: Result<Vec<Rollout>, store::Error>,
    ) -> Overview {
        let now = crate::clock::now();
        let readers = Readers::of(&status.environments, now);
        let look = Survey {
            readers: &readers,
            coverage: &self.observe.coverage(),
            observed: &self.observed,
            served: &self.kinds.served(),
            now,
            started: status.started,
        };
        let targets = look.at(&self.inventory.select(&Selector::default()));
        let disk = self.folder.as_deref().map(Disk::look);
        let unreadable = rollouts.as_ref().err().map(unreadable);
        let facts = SiteFacts {
            now,
            schedules: self.observe.problems(),
            control,
            orders: self.desired.all_orders(),
            rollouts: rollouts.unwrap_or_default(),
            stuck: self.rotations.stuck(),
            unserved: targets.unserved,
            zones: targets.zones,
            counts: targets.counts,
            short: targets.short,
            unknown: self.notifications.unknown(),
            disk: disk.and_then(Result::ok),
            status,
        };
        let alarms = self
            .ledger
            .is_here()
            .then(|| self.alarms.look(Shown::counts));
        let of_alarms = alarms.as_ref().and_then(alarms::finding);
        let mut findings: Vec<Finding> = unreadable.into_iter().chain(facts.findings()).collect();
        findings.extend(of_alarms);
        findings.sort_by_key(|one| one.weight);
        let is_wrong = findings.iter().any(|one| one.weight == Weight::Wrong);
        let left_out = findings.len().saturating_sub(MAX_FINDINGS) as u64;
        findings.truncate(MAX_FINDINGS);
        Overview {
            time: now,
            version: facts.status.version.clone(),
            well: !is_wrong && targets.groups.is_empty(),
            targets: targets.counts,
            failing: targets.groups,
            failing_left_out: targets.left_out,
            control: facts.control.as_ref().map(|control| control.counts),
            alarms,
            environments: facts.counts(),
            findings,
            findings_left_out: left_out,
        }
    }
}

/// Reports a store that cannot be read just now, regardless of its own status.
fn unreadable(error: &store::Error) -> Finding {
    Finding {
        weight: Weight::Wrong,
        about: About::Store,
        subject: "store".into(),
        says: error.to_string(),
        cure: Some(error.cure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overview_is_reused_for_a_second_unless_something_was_changed_since() {
        let at = Instant::now();
        let last = Compiled { at, changes: 7 };
        let ms = Duration::from_millis;
        for (changes, age, expect) in [
            (7, ms(0), true),
            (7, ms(999), true),
            (7, ms(1000), false),
            (8, ms(0), false),
            (8, ms(999), false),
        ] {
            let is_reused = last.may_be_reused(changes, at + age);
            assert_eq!(is_reused, expect, "{changes} changes, {age:?}");
        }
    }
}
