//! Environments, and the workers in them.

use std::time::Duration;

use utakata_api::overview::{About, Finding, Weight};
use utakata_model::{
    EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, PoolStatus, Problem, ReleaseId,
    duration,
    environment::{RefusedRelease, RestartedKind},
};

use super::{SiteFacts, ago, broken, cure};

/// The difference below which clocks count as equal.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);

impl SiteFacts {
    pub(super) fn environments(&self, found: &mut Vec<Finding>) {
        let all = &self.status.environments;
        if all.is_empty() {
            found.push(Finding {
                weight: self.weight_of_absence(),
                about: About::Environment,
                subject: "environments".into(),
                says: match self.is_starting() {
                    true => "none has reported since the start: it is waited for".into(),
                    false => "none is known: nothing can be read or controlled".into(),
                },
                cure: Some("see the log of `utakata up`, or of each `utakata wee`".into()),
            });
        }
        for environment in all {
            match self.is_there(environment) {
                false => found.push(self.gone(environment)),
                true => {
                    workers(environment, found);
                    found.extend(clock(environment));
                    let id = &environment.id;
                    let subject = format!("environment {id}");
                    let count = environment.invariants_broken;
                    found.extend(broken(About::Environment, subject, count));
                    found.extend(
                        environment
                            .restarted
                            .iter()
                            .map(|one| self.restarted(id, one)),
                    );
                }
            }
        }
    }

    /// A kind whose service has failed. Targets report that it is not served now.
    fn restarted(&self, id: &EnvironmentId, one: &RestartedKind) -> Finding {
        let ago = Duration::try_from(self.now.duration_since(one.last)).unwrap_or_default();
        let ago = self::ago(ago);
        let how = match one.count {
            1 => format!("its service failed {ago}"),
            count => format!("its service failed {count} times, the last time {ago}"),
        };
        Finding {
            weight: Weight::Notice,
            about: About::Kind,
            subject: format!("kind {} in {id}", one.kind),
            says: format!("{how}, and is started again by itself"),
            cure: Some("report it with the lines around `this cannot be` in its log".into()),
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
            EnvironmentState::Gone => format!("gone, last heard from {ago}"),
            _ => format!("silent, last heard from {ago}"),
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
        // One that is being written is looked at again in a moment.
        weight: match &*problem.code {
            "release-changing" => Weight::Notice,
            _ => Weight::Wrong,
        },
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
                workers.max,
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
