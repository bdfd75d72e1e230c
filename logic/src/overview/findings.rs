//! The findings that are not about single targets. Pure.

mod control;
mod environment;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use utakata_api::{
    environment::Suspension,
    inventory::{Health, RotationView},
    overview::{About, EnvironmentCounts, Finding, TargetCounts, Weight},
    rollout::{Rollout, RolloutState},
    status::Status,
};
use utakata_model::{
    CredentialName, Cure, EnvironmentState, EnvironmentStatus, Kind, Problem, Stop, Zone,
};

use super::{disk::Disk, readers::SILENT, targets::Short};
use crate::{ledger::Summary, notifications::UnknownSource};

/// The time after a start in which what nobody serves yet may still come.
const STARTING: Duration = Duration::from_secs(60);
/// The time for which a source that is no target is reported.
const STRANGERS_TOLD: Duration = Duration::from_secs(86_400);
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
    /// The changes of passwords of which neither password is known to be right.
    pub stuck: Vec<(CredentialName, RotationView)>,
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
    /// The sources of notifications that are no targets.
    pub unknown: Vec<UnknownSource>,
}

impl SiteFacts {
    /// Returns all findings, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(self.disk.as_ref().and_then(Disk::finding));
        let ours = self.status.invariants_broken;
        found.extend(broken(About::Server, "server".into(), ours));
        self.brokers(&mut found);
        self.ledger(&mut found);
        self.environments(&mut found);
        self.kinds(&mut found);
        self.others(&mut found);
        self.short(&mut found);
        found.extend(self.strangers());
        self.control(&mut found);
        self.rotations(&mut found);
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

    /// Returns true if this process has only begun: environments report within seconds.
    fn is_starting(&self) -> bool {
        let age = self.now.duration_since(self.status.started);
        Duration::try_from(age).is_ok_and(|age| age < STARTING)
    }

    fn weight_of_absence(&self) -> Weight {
        match self.is_starting() {
            true => Weight::Notice,
            false => Weight::Wrong,
        }
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
                "notifications" => format!("notifications{whose}"),
                name => format!("broker of {name}{whose}"),
            };
            found.extend(one.notices.iter().map(|notice| Finding {
                weight: Weight::Notice,
                about: About::Broker,
                subject: subject.clone(),
                says: format!("{}: {notice}", one.to),
                cure: Some("it is reported for ten minutes after it was last seen".into()),
            }));
            let Some(problem) = &one.problem else {
                continue;
            };
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Broker,
                subject,
                says: match one.name.as_str() {
                    "notifications" => problem.clone(),
                    _ => format!("{} is away: {problem}", one.to),
                },
                cure: Some(match one.name.as_str() {
                    "notifications" => {
                        "traps and informs do not arrive; it is retried automatically".into()
                    }
                    _ => "make sure that it runs and can be reached; it is retried automatically"
                        .into(),
                }),
            });
        }
    }

    /// Reports the sources of notifications that are no targets: they may be devices that nobody
    /// has declared.
    fn strangers(&self) -> Option<Finding> {
        let is_recent = |one: &&UnknownSource| {
            let age = Duration::try_from(self.now.duration_since(one.last)).unwrap_or_default();
            age < STRANGERS_TOLD
        };
        let recent: Vec<&UnknownSource> = self.unknown.iter().filter(is_recent).collect();
        let first = recent.first()?;
        let named = recent.iter().take(3);
        let named = named.map(|one| match one.count {
            1 => format!("{} (once)", one.source),
            count => format!("{} ({count} times)", one.source),
        });
        let more = match recent.len() {
            0..=3 => String::new(),
            count => format!(" and {} more", count - 3),
        };
        Some(Finding {
            weight: Weight::Notice,
            about: About::Target,
            subject: format!("notifications in zone {}", first.zone),
            says: format!(
                "no target has the address of {}{more}, which sent notifications within the last \
                 day",
                named.collect::<Vec<_>>().join(", ")
            ),
            cure: Some(
                "`utakata notification list --unknown` shows them; declare the devices as targets \
                 by their addresses"
                    .into(),
            ),
        })
    }

    fn ledger(&self, found: &mut Vec<Finding>) {
        let duties = self.status.duties.as_ref();
        if duties.is_some_and(|duties| !duties.ledger && duties.ledger_at.is_none()) {
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Ledger,
                subject: "ledger".into(),
                says: "no logic environment keeps it: nothing can be controlled".into(),
                cure: Some("wait ten seconds; then see whether PostgreSQL answers".into()),
            });
        }
        if let Some((at, unfit)) =
            duties.and_then(|duties| duties.ledger_at.as_ref().zip(duties.unfit.as_ref()))
        {
            found.push(Finding {
                weight: Weight::Wrong,
                about: About::Ledger,
                subject: "ledger".into(),
                says: format!("nothing is passed on to {at}, which should keep it: {unfit}"),
                cure: Some(
                    "give all logic environments the same site key, TLS and version; if they have, \
                     somebody else has written to the database (`utakata error ledger-elsewhere`)"
                        .into(),
                ),
            });
        }
    }

    fn kinds(&self, found: &mut Vec<Finding>) {
        for ((kind, zone), count) in &self.unserved {
            let targets = targets(*count);
            found.push(Finding {
                weight: self.weight_of_absence(),
                about: About::Kind,
                subject: format!("kind {kind}"),
                says: match self.is_starting() {
                    true => format!("it is waited for in the zone {zone}, with {targets}"),
                    false => format!(
                        "no environment serves it in the zone {zone}: {targets} cannot be reached"
                    ),
                },
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
            let is_reported = is_of_schedule && &*problem.code == "kind-not-served";
            if told.contains(&problem) || is_reported {
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
                    "answers but is not understood",
                    "answer but are not understood",
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

/// States that a process has met and that cannot be.
fn broken(about: About, subject: String, count: u64) -> Option<Finding> {
    let says = match count {
        0 => return None,
        1 => "it was in 1 impossible state since it started: a bug in utakata".into(),
        count => {
            format!("it was in {count} impossible states since it started: bugs in utakata")
        }
    };
    Some(Finding {
        weight: Weight::Wrong,
        about,
        subject,
        says,
        cure: Some("report it with the lines around `this cannot be` in its log".into()),
    })
}

fn cure(problem: &Problem) -> Option<String> {
    Some(match problem.cure {
        Cure::Retry => "it may resolve by itself".into(),
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
