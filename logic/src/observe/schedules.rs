//! Schedules: the plan of reads in action.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_model::{Class, Cure, Kind, Origin, Parameters, Problem, Schedule, Zone};

use super::{
    Observe,
    read_plan::{Due, ReadPlan, ScheduleEntry},
};
use crate::{
    dispatch::{Batch, NewRead},
    inventory::{TargetEntry, refuses},
    kinds::KindsSnapshot,
};

/// Reads that are due within this time of each other are dispatched together.
const TOGETHER: Duration = Duration::from_millis(5);
/// The interval at which the plan is recomputed while the inventory changes continuously.
const REBUILD_INTERVAL: Duration = Duration::from_millis(200);

impl Observe {
    /// Reads by schedule until it is cancelled.
    pub async fn run(&self, cancel: CancellationToken) {
        let start = Instant::now();
        let mut inventory = self.inventory.follow();
        let mut kinds = self.kinds.follow();
        let mut duties = self.duties.clone();
        let mut plan = ReadPlan::default();
        let mut rebuild_at = Some(start);
        let mut not_before = start;
        loop {
            if rebuild_at.is_some_and(|at| at <= Instant::now()) {
                inventory.mark_unchanged();
                kinds.mark_unchanged();
                duties.mark_unchanged();
                plan = self.rebuild(&plan, start.elapsed());
                rebuild_at = None;
                not_before = Instant::now() + REBUILD_INTERVAL;
            }
            let next = plan.next().map(|at| start + at);
            tokio::select! {
                () = cancel.cancelled() => return,
                Ok(()) = inventory.changed() => { rebuild_at.get_or_insert(not_before); }
                Ok(()) = kinds.changed() => { rebuild_at.get_or_insert(not_before); }
                Ok(()) = duties.changed() => { rebuild_at.get_or_insert(not_before); }
                () = sleep_until(rebuild_at) => {}
                () = sleep_until(next) => {
                    // Neighbours are dispatched together: one batch costs less than many.
                    tokio::time::sleep(TOGETHER).await;
                    for due in plan.due(start.elapsed()) {
                        self.read_due(due).await;
                    }
                }
            }
        }
    }

    fn rebuild(&self, before: &ReadPlan, now: Duration) -> ReadPlan {
        let served = self.kinds.served();
        let shards = self.duties.borrow().shards;
        let mut problems = Vec::new();
        let mut entries = Vec::new();
        for schedule in self.inventory.schedules() {
            let selected = self.inventory.select(&schedule.selector);
            let ours = selected
                .iter()
                .filter(|known| shards.have(&known.target.name));
            let targets: Vec<Arc<TargetEntry>> = ours.cloned().collect();
            entries.extend(plan(&schedule, &targets, &served, &mut problems));
        }
        *self.problems.lock() = problems;
        let pace = Duration::from_secs(1) / self.config.observe.first_reads_per_second.max(1);
        before.rebuilt(entries, now, pace)
    }

    async fn read_due(&self, due: Due) {
        let Due { entry, reads } = due;
        // A target whose last read is still under way is left out: its reading will show as stale.
        let free = reads.into_iter().filter(|read| read.slot.take());
        let made: Vec<NewRead> = free
            .map(|read| NewRead {
                slot: Some(read.slot),
                ..NewRead::new(&read.known)
            })
            .collect();
        if made.is_empty() {
            return;
        }
        let made_at = crate::clock::now();
        let batch = Arc::new(Batch {
            origin: Origin::Schedule(entry.schedule.clone()),
            action: entry.action.clone(),
            class: Class::Observe,
            parameters: entry.parameters.clone(),
            timeout: entry.timeout,
            made: made_at,
            expires: made_at + entry.interval,
            deadline: Instant::now() + entry.interval + entry.timeout + self.dispatch.grace(),
            progress: None,
        });
        let slots: Vec<_> = made.iter().filter_map(|made| made.slot.clone()).collect();
        if let Err(error) = self.dispatch.send(&batch, made).await {
            tracing::warn!(schedule = %entry.schedule, %error, "scheduled reads are left out");
            slots.iter().for_each(|slot| slot.free());
        }
    }
}

/// Returns the entries of a schedule, one for each kind and zone; anything that it cannot read is a
/// problem.
fn plan(
    schedule: &Schedule,
    targets: &[Arc<TargetEntry>],
    served: &KindsSnapshot,
    problems: &mut Vec<Problem>,
) -> Vec<(ScheduleEntry, Vec<Arc<TargetEntry>>)> {
    let mut by_kind: BTreeMap<(&Kind, &Zone), Vec<Arc<TargetEntry>>> = BTreeMap::new();
    for known in targets {
        let key = (&known.target.kind, &known.target.zone);
        by_kind.entry(key).or_default().push(Arc::clone(known));
    }
    let mut entries = Vec::new();
    for ((kind, zone), targets) in by_kind {
        let mut refuse = |code, message: String| {
            let problem = Problem::new(code, Cure::Operator, message);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        };
        let name = &schedule.name;
        let Some(found) = served.get(kind, zone) else {
            let count = targets.len();
            let nobody = match served.has(kind) {
                true => format!("no environment in zone \"{zone}\""),
                false => "no environment".into(),
            };
            refuse(
                "kind-not-served",
                format!(
                    "the schedule \"{name}\" reads {count} targets of the kind \"{kind}\", which \
                     {nobody} serves now"
                ),
            );
            continue;
        };
        if let Some(why) = refuses(found, schedule) {
            refuse(
                "schedule-impossible",
                format!("the schedule \"{name}\": {why}"),
            );
            continue;
        }
        let Some(action) = found.observe(schedule.action.as_ref()) else {
            continue;
        };
        let entry = ScheduleEntry {
            schedule: name.clone(),
            interval: schedule.interval,
            action: action.action.name.clone(),
            parameters: Parameters::new(&schedule.parameters),
            timeout: action.action.timeout,
        };
        entries.push((entry, targets));
    }
    entries
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
