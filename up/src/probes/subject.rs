//! The subject of probes: a logic environment, an environment, or both.

use anyhow::Result;
use utakata_api::status::Status;
use utakata_execution::Handle as Execution;
use utakata_interconnect::connection::Health;
use utakata_logic::{Handle as Logic, metrics};
use utakata_model::{EnvironmentState, EnvironmentStatus};

use super::readiness::Part;

/// The boxes that a process runs.
#[derive(Default)]
pub struct Subject {
    /// The logic environment.
    pub logic: Option<Logic>,
    /// The worker execution environment.
    pub execution: Option<Execution>,
    /// The connections of an environment that runs alone; a logic environment knows its own.
    pub connections: Vec<Health>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

impl Subject {
    /// Returns the parts without which it cannot serve.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if let Some(logic) = &self.logic {
            parts.extend(of_logic(&logic.status(), logic.ledger().is_here()));
        }
        parts.extend(self.connections.iter().map(|health| {
            let connection = health.look();
            part(&connection.name, connection.problem.is_none())
        }));
        if let Some(execution) = &self.execution {
            parts.push(of_execution(&execution.status()));
        }
        parts
    }

    /// Returns the metrics.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn metrics(&self) -> Result<String> {
        // A logic environment counts for all environments that report to it, including its own.
        Ok(match (&self.logic, &self.execution) {
            (Some(logic), _) => metrics::scrape(logic).await?,
            (None, Some(execution)) => metrics::of_environment(&execution.status())?,
            (None, None) => String::new(),
        })
    }
}

fn part(name: &str, is_there: bool) -> Part {
    Part {
        name: name.into(),
        is_there,
    }
}

/// Returns the parts of a logic environment. The ledger is available if it is kept here, or by a
/// known keeper.
fn of_logic(status: &Status, keeps_ledger: bool) -> Vec<Part> {
    let fails = |problem: &utakata_model::Problem| problem.code.starts_with("store-");
    let elsewhere = status
        .duties
        .as_ref()
        .and_then(|one| one.ledger_at.as_ref());
    let mut parts = vec![
        part("store", !status.problems.iter().any(fails)),
        part("ledger", keeps_ledger || elsewhere.is_some()),
    ];
    let connections = status.connections.iter();
    parts.extend(connections.map(|one| part(&one.name, one.problem.is_none())));
    parts
}

fn of_execution(status: &EnvironmentStatus) -> Part {
    part("manager", status.state == EnvironmentState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use utakata_api::{person::WrongTokens, status::Duties};
    use utakata_model::{Cure, LogicId, Problem};

    fn status() -> Status {
        Status {
            version: String::new(),
            started: jiff::Timestamp::UNIX_EPOCH,
            invariants_broken: 0,
            wrong_tokens: WrongTokens::default(),
            targets: 0,
            schedules: 0,
            mqtt: None,
            environments: Vec::new(),
            duties: None,
            connections: Vec::new(),
            problems: Vec::new(),
        }
    }

    #[track_caller]
    fn check(status: &Status, keeps_ledger: bool, away: &[&str]) {
        let parts = of_logic(status, keeps_ledger);
        let found = parts.iter().filter(|part| !part.is_there);
        let found: Vec<&str> = found.map(|part| part.name.as_str()).collect();
        assert_eq!(found, away);
    }

    #[test]
    fn a_logic_environment_serves_as_keeper_or_as_follower_of_one() {
        check(&status(), true, &[]);
        check(&status(), false, &["ledger"]);
        let duties = |ledger_at: Option<&str>| Status {
            duties: Some(Duties {
                id: LogicId::new("le-1").unwrap(),
                ledger: false,
                ledger_at: ledger_at.map(Into::into),
                unfit: None,
                shards: 0,
                members: Vec::new(),
            }),
            ..status()
        };
        check(&duties(Some("http://le-2:7700")), false, &[]);
        check(&duties(None), false, &["ledger"]);
        let failing = Status {
            problems: vec![
                Problem::new("worker-crashed", Cure::Operator, "of others"),
                Problem::new("store-away", Cure::Operator, "no route to host"),
            ],
            ..status()
        };
        check(&failing, true, &["store"]);
    }
}
