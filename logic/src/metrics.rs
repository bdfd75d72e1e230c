//! What is to be watched, as OpenMetrics: made anew from the status at each scrape. No label for
//! targets: those are in `/v1/readings`.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use utakata_api::status::Status;
use utakata_model::{ConnectionStatus, EnvironmentState, EnvironmentStatus, PoolStatus};

/// How much is under way: what a status does not tell.
#[derive(Debug, Clone, Copy)]
pub struct UnderWay {
    /// Reads that have not ended.
    pub reads: usize,
    /// Control tasks that have not ended, where the ledger is kept here.
    pub control: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEnvironment {
    environment: String,
    zone: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPool {
    environment: String,
    kind: String,
    release: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConnection {
    /// Whose: an environment, or `logic`.
    of: String,
    name: String,
}

type Gauges<L> = Family<L, Gauge>;

/// The metrics, in the text format of OpenMetrics 1.0.
///
/// # Errors
/// They cannot be written, which is a mistake in utakata.
pub fn text(status: &Status, under_way: UnderWay) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("utakata");
    site(&mut registry, status, under_way);
    environments(&mut registry, &status.environments);
    pools(&mut registry, &status.environments);
    let ours = status.connections.iter().map(|one| ("logic", one));
    let theirs = status.environments.iter().flat_map(|environment| {
        let all = environment.connections.iter();
        all.map(|one| (environment.id.as_str(), one))
    });
    connections(&mut registry, ours.chain(theirs));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

fn site(registry: &mut Registry, status: &Status, under_way: UnderWay) {
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge("targets", "Targets in the inventory", status.targets);
    gauge("schedules", "Schedules in the inventory", status.schedules);
    let problems = status.problems.len() as u64;
    gauge(
        "problems",
        "Things that are wrong, as doctor lists them",
        problems,
    );
    let reads = under_way.reads as u64;
    gauge("reads_under_way", "Reads that have not ended", reads);
    if let Some(control) = under_way.control {
        let help = "Control tasks that have not ended";
        gauge("control_under_way", help, control as u64);
    }
    if let Some(duties) = &status.duties {
        let help = "Whether this logic environment keeps the ledger";
        gauge("ledger_kept", help, u64::from(duties.ledger));
        let help = "Shards of targets that this logic environment reads by schedules";
        gauge("schedule_shards", help, u64::from(duties.shards));
        let help = "Logic environments that there are";
        gauge("logic_environments", help, duties.members.len() as u64);
    }
}

fn environments(registry: &mut Registry, environments: &[EnvironmentStatus]) {
    let up = Gauges::<OfEnvironment>::default();
    let alone = Gauges::<OfEnvironment>::default();
    for one in environments {
        let labels = OfEnvironment {
            environment: one.id.to_string(),
            zone: one.zone.to_string(),
        };
        let is_up = one.state != EnvironmentState::Gone;
        up.get_or_create(&labels).set(i64::from(is_up));
        let breakers = i64::try_from(one.breakers.len()).unwrap_or(i64::MAX);
        alone.get_or_create(&labels).set(breakers);
    }
    registry.register("environment_up", "Whether an environment is there", up);
    let help = "Targets that do not answer and are left alone for a while, 1000 at the most";
    registry.register("targets_left_alone", help, alone);
}

fn pools(registry: &mut Registry, environments: &[EnvironmentStatus]) {
    let workers = Gauges::<OfPool>::default();
    let tasks = Gauges::<OfPool>::default();
    let lost = Family::<OfPool, Counter>::default();
    for environment in environments {
        for pool in &environment.pools {
            let labels = |state| of_pool(environment, pool, state);
            for (state, count) in [
                ("starting", pool.starting),
                ("ready", pool.ready),
                ("draining", pool.draining),
            ] {
                workers.get_or_create(&labels(state)).set(count.into());
            }
            for (state, count) in [("running", pool.running), ("waiting", pool.waiting)] {
                tasks.get_or_create(&labels(state)).set(count.into());
            }
            lost.get_or_create(&labels("lost")).inc_by(pool.lost);
        }
    }
    registry.register("workers", "Workers of a release in an environment", workers);
    let help = "Tasks that an environment has of a kind";
    registry.register("tasks", help, tasks);
    let help = "Workers that died or hung since the start of the environment";
    registry.register("workers_lost", help, lost);
}

fn of_pool(environment: &EnvironmentStatus, pool: &PoolStatus, state: &'static str) -> OfPool {
    OfPool {
        environment: environment.id.to_string(),
        kind: pool.release.kind.to_string(),
        release: pool.release.version.to_string(),
        state,
    }
}

fn connections<'a>(
    registry: &mut Registry,
    all: impl Iterator<Item = (&'a str, &'a ConnectionStatus)>,
) {
    let up = Gauges::<OfConnection>::default();
    let waiting = Gauges::<OfConnection>::default();
    let lost = Family::<OfConnection, Counter>::default();
    let dropped = Family::<OfConnection, Counter>::default();
    for (of, one) in all {
        let labels = OfConnection {
            of: of.to_owned(),
            name: one.name.clone(),
        };
        up.get_or_create(&labels)
            .set(i64::from(one.problem.is_none()));
        let count = i64::try_from(one.waiting).unwrap_or(i64::MAX);
        waiting.get_or_create(&labels).set(count);
        lost.get_or_create(&labels).inc_by(one.lost);
        dropped.get_or_create(&labels).inc_by(one.dropped);
    }
    registry.register("connection_up", "Whether a broker is connected", up);
    let help = "Messages that wait to be sent";
    registry.register("connection_waiting", help, waiting);
    let help = "How many times a connection was lost";
    registry.register("connection_lost", help, lost);
    let help = "Expendable messages that were dropped";
    registry.register("connection_dropped", help, dropped);
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use utakata_api::status::Duties;
    use utakata_model::LogicId;

    use super::*;

    #[test]
    fn of_several_logic_environments_each_tells_its_duties_and_connections() {
        let status = Status {
            version: String::new(),
            started: Timestamp::UNIX_EPOCH,
            targets: 0,
            schedules: 0,
            mqtt: None,
            environments: Vec::new(),
            duties: Some(Duties {
                id: LogicId::new("le-1").unwrap(),
                ledger: true,
                ledger_at: None,
                shards: 8,
                members: vec![LogicId::new("le-1").unwrap()],
            }),
            connections: vec![ConnectionStatus {
                name: "tasks".into(),
                to: String::new(),
                since: Timestamp::UNIX_EPOCH,
                problem: Some("away".into()),
                lost: 3,
                waiting: 4,
                dropped: 5,
                ignored: 0,
            }],
            problems: Vec::new(),
        };
        let under_way = UnderWay {
            reads: 0,
            control: None,
        };
        let text = text(&status, under_way).unwrap();
        for line in [
            "utakata_ledger_kept 1",
            "utakata_schedule_shards 8",
            "utakata_logic_environments 1",
            r#"utakata_connection_up{of="logic",name="tasks"} 0"#,
            r#"utakata_connection_waiting{of="logic",name="tasks"} 4"#,
            r#"utakata_connection_lost_total{of="logic",name="tasks"} 3"#,
            r#"utakata_connection_dropped_total{of="logic",name="tasks"} 5"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
