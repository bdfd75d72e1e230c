//! The findings that are not about single targets. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use utakata_api::{
    environment::Suspension,
    inventory::Health,
    overview::{About, EnvironmentCounts, Finding, TargetCounts, Weight},
    rollout::{Rollout, RolloutState},
    status::Status,
};
use utakata_model::{
    Cure, EnvironmentState, EnvironmentStatus, Kind, PoolStatus, Problem, ReleaseId, Stop, Zone,
    duration, environment::RefusedRelease,
};

use super::{disk::Disk, targets::Short};
use crate::ledger::Summary;

/// The silence after which an environment is suspect: it reports every ten seconds.
const SILENT: Duration = Duration::from_secs(30);
/// The difference below which clocks count as equal.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);
/// The time for which a rollout that went back is reported.
const TURNED_BACK_TOLD: Duration = Duration::from_secs(86_400);

/// The facts about the site, except for targets.
pub struct SiteFacts {
    pub now: Timestamp,
    /// The status of the system.
    pub status: Status,
    /// The problems of schedules, which are also in the status.
    pub schedules: Vec<Problem>,
    /// The control, if the ledger is kept here.
    pub control: Option<Summary>,
    /// The orders by which something is stopped.
    pub orders: Vec<Suspension>,
    pub rollouts: Vec<Rollout>,
    /// The targets that no environment of their zone serves.
    pub unserved: BTreeMap<(Kind, Zone), u64>,
    /// The zones that have targets.
    pub zones: BTreeSet<Zone>,
    /// The disk that holds the store, if known.
    pub disk: Option<Disk>,
    /// The numbers of targets by health.
    pub counts: TargetCounts,
    /// The targets that answer incompletely.
    pub short: Short,
}

impl SiteFacts {
    /// Returns all findings, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(self.disk.as_ref().and_then(Disk::finding));
        self.brokers(&mut found);
        self.ledger(&mut found);
        self.environments(&mut found);
        self.kinds(&mut found);
        self.others(&mut found);
        self.short(&mut found);
        self.control(&mut found);
        self.orders(&mut found);
        self.rollouts(&mut found);
        // The sort is stable: earlier findings stay first among their like.
        found.sort_by_key(|one| one.weight);
        found
    }

    /// Returns the numbers of environments and workers.
    pub fn counts(&self) -> EnvironmentCounts {
        let mut counts = EnvironmentCounts::default();
        for environment in &self.status.environments {
            if self.is_there(environment) {
                counts.running += 1;
                let ready = environment.pools.iter().map(|pool| u64::from(pool.ready));
                counts.workers += ready.sum::<u64>();
            } else {
                counts.gone += 1;
            }
        }
        counts
    }

    fn is_there(&self, environment: &EnvironmentStatus) -> bool {
        environment.state != EnvironmentState::Gone && self.silence(environment) < SILENT
    }

    fn silence(&self, environment: &EnvironmentStatus) -> Duration {
        let silence = self.now.duration_since(environment.time);
        Duration::try_from(silence).unwrap_or_default()
    }

    fn brokers(&self, found: &mut Vec<Finding>) {
        let ours = self.status.connections.iter().map(|one| (None, one));
        let theirs = self
            .status
            .environments
            .iter()
            .filter(|one| self.is_there(one));
        let theirs = theirs.flat_map(|environment| {
            let all = environment.connections.iter();
            all.map(|one| (Some(&environment.id), one))
        });
        for (of, one) in ours.chain(theirs) {
            let whose = of.map_or_else(String::new, |id| format!(" of {id}"));
            let subject = match one.name.as_str() {
                "hub" => format!("hub{whose}"),
                name => format!("broker of {name}{whose}"),
            };
            found.extend(one.notices.iter().map(|notice| Finding {
                weight: Weight::Notice,
                about: About::Broker,
                subject: subject.clone(),
                says: format!("{}: {notice}", one.to),
                cure: Some("it is told for ten minutes after it was seen last".into()),
            }));
            let Some(problem) = &one.problem else {
                continue;
            };
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Broker,
                subject,
                says: format!("{} is away: {problem}", one.to),
                cure: Some(
                    "see that it runs and can be reached; it is tried again by itself".into(),
                ),
            });
        }
    }

    fn ledger(&self, found: &mut Vec<Finding>) {
        let nobody = self.status.duties.as_ref();
        if nobody.is_some_and(|duties| !duties.ledger && duties.ledger_at.is_none()) {
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Ledger,
                subject: "ledger".into(),
                says: "no logic environment keeps it: nothing can be controlled".into(),
                cure: Some("wait ten seconds; then see whether PostgreSQL answers".into()),
            });
        }
    }

    fn environments(&self, found: &mut Vec<Finding>) {
        let all = &self.status.environments;
        if all.is_empty() {
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Environment,
                subject: "environments".into(),
                says: "none was heard of: nothing can be read or controlled".into(),
                cure: Some("see the log of `utakata up`, or of each `utakata wee`".into()),
            });
        }
        for environment in all {
            match self.is_there(environment) {
                false => found.push(self.gone(environment)),
                true => {
                    workers(environment, found);
                    found.extend(clock(environment));
                }
            }
        }
    }

    /// Reports a missing environment, if nothing else serves its zone.
    fn gone(&self, environment: &EnvironmentStatus) -> Finding {
        let EnvironmentStatus { id, zone, .. } = environment;
        let mut others = self.status.environments.iter();
        let is_served = others.any(|one| one.zone == *zone && self.is_there(one));
        let is_missed = !is_served && self.zones.contains(zone);
        let ago = ago(self.silence(environment));
        let how = match environment.state {
            EnvironmentState::Gone => format!("gone, last heard of {ago}"),
            _ => format!("silent, last heard of {ago}"),
        };
        let zone = match (is_served, is_missed) {
            (true, _) => format!("others serve the zone {zone}"),
            (false, true) => format!("nobody serves the zone {zone}"),
            (false, false) => format!("the zone {zone} has no targets"),
        };
        Finding {
            weight: if is_missed {
                Weight::Wrong
            } else {
                Weight::Notice
            },
            about: About::Environment,
            subject: format!("environment {id}"),
            says: format!("{how}: {zone}"),
            cure: Some("see whether it still runs, and its log".into()),
        }
    }

    fn kinds(&self, found: &mut Vec<Finding>) {
        for ((kind, zone), count) in &self.unserved {
            let targets = targets(*count);
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Kind,
                subject: format!("kind {kind}"),
                says: format!(
                    "no environment serves it in the zone {zone}: {targets} cannot be reached"
                ),
                cure: Some(format!(
                    "see `utakata worker list` and `utakata kind show {kind}`"
                )),
            });
        }
    }

    /// Adds the other problems of the status. Pools and releases are reported with their
    /// environments, unserved kinds with their targets.
    fn others(&self, found: &mut Vec<Finding>) {
        let environments = &self.status.environments;
        let pools = environments.iter().flat_map(|one| &one.pools);
        let refused = environments.iter().flat_map(|one| &one.refused);
        let told: Vec<&Problem> = pools
            .filter_map(|pool| pool.problem.as_ref())
            .chain(refused.map(|one| &one.problem))
            .collect();
        for problem in &self.status.problems {
            let is_of_schedule = self.schedules.contains(problem);
            let is_told = is_of_schedule && &*problem.code == "kind-not-served";
            if told.contains(&problem) || is_told {
                continue;
            }
            let about = match is_of_schedule {
                true => About::Schedule,
                false if problem.code.starts_with("store") => About::Store,
                false => About::Server,
            };
            found.push(Finding {
                weight: Weight::Wrong,
                about,
                subject: about.as_str().into(),
                says: problem.to_string(),
                cure: cure(problem),
            });
        }
    }

    /// Reports the targets that answer, but with a part, or everything, missing.
    fn short(&self, found: &mut Vec<Finding>) {
        let all = [
            (
                self.counts.partial,
                &self.short.partial,
                Health::Partial,
                ["answers in part", "answer in part"],
            ),
            (
                self.counts.not_understood,
                &self.short.strange,
                Health::NotUnderstood,
                [
                    "answers and is not understood",
                    "answer and are not understood",
                ],
            ),
        ];
        for (count, examples, health, [one, many]) in all {
            let Some((name, problem)) = examples.first() else {
                continue;
            };
            let why = problem
                .as_ref()
                .map_or_else(String::new, |problem| format!(": {}", problem.message));
            found.push(Finding {
                weight: Weight::Notice,
                about: About::Target,
                subject: "targets".into(),
                says: match count {
                    1 => format!("{name} {one}{why}"),
                    count => format!("{count} {many}, as {name}{why}"),
                },
                cure: Some(format!(
                    "`utakata target list --health {}`",
                    health.as_str()
                )),
            });
        }
    }

    fn control(&self, found: &mut Vec<Finding>) {
        let Some(control) = &self.control else {
            return;
        };
        let counts = control.counts;
        if let Some((id, target)) = control.unsettled.first() {
            let what = match counts.unsettled {
                1 => format!("1 task is unsettled, on {target}"),
                count => format!("{count} tasks are unsettled, the oldest on {target}"),
            };
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Task,
                subject: "control".into(),
                says: format!("{what}: a person has to say what became of it"),
                cure: Some(format!(
                    "`utakata task explain {id}`; all: `utakata task list --state unsettled`"
                )),
            });
        }
        let operations = [
            (
                counts.stopped,
                control.stopped.first(),
                Weight::Wrong,
                "stopped because too many tasks failed",
                "explain",
            ),
            (
                counts.awaiting,
                control.awaiting.first(),
                Weight::Notice,
                "waiting for an approval",
                "approve",
            ),
        ];
        for (count, first, weight, how, verb) in operations {
            let Some(first) = first else { continue };
            found.push(Finding {
                weight,
                about: About::Operation,
                subject: "control".into(),
                says: match count {
                    1 => format!("1 operation is {how}"),
                    count => format!("{count} operations are {how}"),
                },
                cure: Some(format!("`utakata operation {verb} {first}`")),
            });
        }
        if counts.paused > 0 {
            found.push(Finding {
                weight: Weight::Notice,
                about: About::Operation,
                subject: "control".into(),
                says: match counts.paused {
                    1 => "1 operation is paused".into(),
                    count => format!("{count} operations are paused"),
                },
                cure: Some("`utakata operation list`".into()),
            });
        }
    }

    fn orders(&self, found: &mut Vec<Finding>) {
        for standing in &self.orders {
            let order = &standing.order;
            let stop = match order.stop {
                Stop::Pause => "paused",
                Stop::Drain => "drained",
            };
            let why = order
                .why
                .as_ref()
                .map_or_else(String::new, |why| format!(": {why}"));
            found.push(Finding {
                weight: Weight::Notice,
                about: About::Order,
                subject: standing.scope.to_string(),
                says: format!("{stop} by {}{why}", order.by),
                cure: Some(format!("to go on: `{}`", standing.scope.lift())),
            });
        }
    }

    fn rollouts(&self, found: &mut Vec<Finding>) {
        for rollout in &self.rollouts {
            let how = match rollout.state {
                RolloutState::Running => "under way".to_owned(),
                RolloutState::Paused => "paused".into(),
                RolloutState::GoingBack | RolloutState::Aborting => "going back".into(),
                RolloutState::Failed if self.is_recent(rollout.ended) => "turned back".into(),
                RolloutState::Failed | RolloutState::Done | RolloutState::Aborted => continue,
            };
            let problem = rollout.problem.as_ref();
            let why = problem.map_or_else(String::new, |problem| format!(": {problem}"));
            found.push(Finding {
                weight: Weight::Notice,
                about: About::Rollout,
                subject: format!("rollout of {}", rollout.kind),
                says: format!("to {} is {how}{why}", rollout.to.version),
                cure: Some(format!("`utakata rollout show {}`", rollout.id)),
            });
        }
    }

    fn is_recent(&self, ended: Option<Timestamp>) -> bool {
        let ago = ended.map(|ended| self.now.duration_since(ended));
        let ago = ago.map(|ago| Duration::try_from(ago).unwrap_or_default());
        ago.is_some_and(|ago| ago < TURNED_BACK_TOLD)
    }
}

/// Reports an environment whose clock differs from ours. That makes nothing late or early, but
/// builds before 0.1 rely on clocks, and so does anybody who compares logs.
fn clock(environment: &EnvironmentStatus) -> Option<Finding> {
    let ahead = environment.clock_ahead_ms?;
    let by = Duration::from_millis(ahead.unsigned_abs());
    if by < MAX_CLOCK_DIFFERENCE {
        return None;
    }
    let how = if ahead > 0 { "ahead of" } else { "behind" };
    Some(Finding {
        weight: Weight::Notice,
        about: About::Environment,
        subject: format!("environment {}", environment.id),
        says: format!(
            "its clock is {} {how} that of the logic environment",
            duration::format(Duration::from_secs(by.as_secs()))
        ),
        cure: Some(
            "set the clocks of both hosts by NTP: `timedatectl` says whether they are".into(),
        ),
    })
}

/// Reports a refused release, or a profile that could not be made into one.
fn refused(refused: &RefusedRelease) -> Finding {
    let (path, problem) = (&refused.path, &refused.problem);
    let (subject, says) = match problem.code.starts_with("profile") {
        true => (path.clone(), problem.to_string()),
        false => (format!("release in {path}"), format!("refused: {problem}")),
    };
    Finding {
        weight: Weight::Wrong,
        about: About::Worker,
        subject,
        says,
        cure: cure(problem),
    }
}

/// Reports workers that do not start, and refused releases.
fn workers(environment: &EnvironmentStatus, found: &mut Vec<Finding>) {
    let id = &environment.id;
    let failing: Vec<(&PoolStatus, &Problem)> = environment
        .pools
        .iter()
        .filter_map(|pool| Some((pool, pool.problem.as_ref()?)))
        .collect();
    let subject = format!("environment {id}");
    if failing.len() > 1 && failing.len() == environment.pools.len() {
        let (first, problem) = failing[0];
        found.push(Finding {
            weight: Weight::Wrong,
            about: About::Worker,
            subject,
            says: format!(
                "none of its workers starts ({} kinds); {}: {problem}",
                failing.len(),
                named(&first.release)
            ),
            cure: cure(problem),
        });
    } else {
        found.extend(failing.iter().map(|(pool, problem)| Finding {
            weight: Weight::Wrong,
            about: About::Worker,
            subject: format!("worker {} in {id}", named(&pool.release)),
            says: problem.to_string(),
            cure: cure(problem),
        }));
    }
    found.extend(environment.refused.iter().map(refused));
    if let Some(workers) = environment
        .workers
        .as_ref()
        .filter(|one| !one.short.is_empty())
    {
        let short: Vec<&str> = workers.short.iter().map(Kind::as_str).collect();
        found.push(Finding {
            weight: Weight::Notice,
            about: About::Worker,
            subject: format!("environment {id}"),
            says: format!(
                "runs {} workers, as many as it may: tasks wait of {}",
                workers.most,
                short.join(", ")
            ),
            cure: Some("raise execution.max_workers, or start another environment".into()),
        });
    }
}

/// Returns the name of a release without its digest: people know it by its version.
fn named(release: &ReleaseId) -> String {
    format!("{}@{}", release.kind, release.version)
}

fn cure(problem: &Problem) -> Option<String> {
    Some(match problem.cure {
        Cure::Retry => "it may pass by itself".into(),
        Cure::Operator => format!("`utakata error {}`", problem.code),
        Cure::Bug => {
            "see the log of that moment; a worker of your own: `utakata worker test`".into()
        }
    })
}

/// Returns `1 target`, `7 targets`.
fn targets(count: u64) -> String {
    match count {
        1 => "1 target".into(),
        count => format!("{count} targets"),
    }
}

/// Formats a past time in its largest unit: `20s ago`.
fn ago(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s ago"),
        seconds @ 60..3600 => format!("{}m ago", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h ago", seconds / 3600),
        seconds => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
