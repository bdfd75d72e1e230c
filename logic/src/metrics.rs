//! Metrics in the OpenMetrics format, computed from the status at each scrape. Targets have no
//! labels: their values are in `/v1/readings`.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use utakata_api::{
    inventory::Health,
    overview::{Overview, Weight},
    status::Status,
};
use utakata_model::{
    ConnectionStatus, EnvironmentState, EnvironmentStatus, Kind, PoolStatus, RolloutPhase,
};

use crate::{Handle, ledger, notifications};

/// The content type of an answer to a scrape.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A failure to collect the metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger does not answer.
    #[error("the ledger could not be asked for the metrics")]
    Ledger(#[from] ledger::Error),
    /// A bug in utakata.
    #[error("the metrics cannot be written")]
    Write(#[from] fmt::Error),
}

/// The numbers of tasks under way, which a status does not contain.
#[derive(Debug, Clone, Copy)]
struct TasksUnderWay {
    /// The number of reads that have not ended.
    reads: usize,
    /// The number of control tasks that have not ended, if the ledger is kept here.
    control: Option<usize>,
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
struct OfOutcome {
    environment: String,
    kind: String,
    release: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    environment: String,
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRollout {
    kind: String,
    phase: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConnection {
    /// The owner: an environment, or `logic`.
    of: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProcess {
    /// An environment, or `logic`.
    of: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHealth {
    health: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEnd {
    end: &'static str,
}

type Gauges<L> = Family<L, Gauge>;

/// Returns the metrics of a logic environment, and of all environments that it has heard of.
///
/// # Errors
/// The ledger does not answer.
pub async fn scrape(handle: &Handle) -> Result<String, Error> {
    let under_way = TasksUnderWay {
        reads: handle.dispatch().pending(),
        control: handle.ledger().count().await.ok(),
    };
    let overview = handle.overview().await?;
    let mut registry = Registry::with_prefix("utakata");
    handle.dispatch().histograms().register(&mut registry);
    notifications(&mut registry, &handle.notifications().counts());
    Ok(text(registry, &handle.status(), under_way, &overview)?)
}

/// Returns the metrics of one environment, as it tells them of itself.
///
/// # Errors
/// They cannot be written, which is a bug in utakata.
pub fn of_environment(status: &EnvironmentStatus) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("utakata");
    let alone = std::slice::from_ref(status);
    environments(&mut registry, alone);
    pools(&mut registry, alone);
    limits(&mut registry, alone);
    rollouts(&mut registry, alone);
    let theirs = status.connections.iter();
    connections(&mut registry, theirs.map(|one| (status.id.as_str(), one)));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

/// Returns the metrics in the text format of OpenMetrics 1.0.
fn text(
    mut registry: Registry,
    status: &Status,
    under_way: TasksUnderWay,
    overview: &Overview,
) -> Result<String, fmt::Error> {
    site(&mut registry, status, under_way);
    invariants(&mut registry, status);
    wrong_tokens(&mut registry, status);
    wrong(&mut registry, overview);
    environments(&mut registry, &status.environments);
    pools(&mut registry, &status.environments);
    limits(&mut registry, &status.environments);
    rollouts(&mut registry, &status.environments);
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

/// Adds what became of the notifications of devices.
fn notifications(registry: &mut Registry, counts: &notifications::Counts) {
    let all = Family::<OfEnd, Counter>::default();
    for (end, count) in [
        ("kept", counts.kept),
        ("repeated", counts.repeated),
        ("unknown_source", counts.unknown),
        ("failed", counts.failed),
        ("dropped", counts.dropped),
    ] {
        all.get_or_create(&OfEnd { end }).inc_by(count);
    }
    let help = "Notifications of devices, by what became of them";
    registry.register("notifications", help, all);
    let reads = Counter::<u64>::default();
    reads.inc_by(counts.reads);
    let help = "Reads of targets because they sent notifications";
    registry.register("notification_reads", help, reads);
}

/// Adds the requests with a token that is not valid.
fn wrong_tokens(registry: &mut Registry, status: &Status) {
    let count = Counter::<u64>::default();
    count.inc_by(status.wrong_tokens.count);
    let help = "Requests with a token that nobody has, or that has ended";
    registry.register("wrong_tokens", help, count);
}

fn site(registry: &mut Registry, status: &Status, under_way: TasksUnderWay) {
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge("targets", "Targets in the inventory", status.targets);
    gauge("schedules", "Schedules in the inventory", status.schedules);
    let problems = status.problems.len() as u64;
    gauge("problems", "Problems, as doctor lists them", problems);
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
        let help = "Logic environments";
        gauge("logic_environments", help, duties.members.len() as u64);
    }
}

fn invariants(registry: &mut Registry, status: &Status) {
    let counters = Family::<OfProcess, Counter>::default();
    let theirs = status.environments.iter();
    let theirs = theirs.map(|one| (one.id.as_str(), one.invariants_broken));
    for (of, count) in [("logic", status.invariants_broken)]
        .into_iter()
        .chain(theirs)
    {
        let labels = OfProcess { of: of.to_owned() };
        counters.get_or_create(&labels).inc_by(count);
    }
    let help = "Impossible states that occurred: bugs in utakata";
    registry.register("invariants_broken", help, counters);
}

/// Adds the problems that need attention, as `utakata status` shows them.
fn wrong(registry: &mut Registry, overview: &Overview) {
    let targets = Gauges::<OfHealth>::default();
    let counts = overview.targets;
    for (health, count) in [
        (Health::Answering, counts.answering),
        (Health::Failing, counts.failing),
        (Health::Stale, counts.stale),
        (Health::Partial, counts.partial),
        (Health::NotUnderstood, counts.not_understood),
        (Health::Unobserved, counts.unobserved),
        (Health::Unseen, counts.unseen),
    ] {
        let labels = OfHealth {
            health: health.as_str(),
        };
        targets.get_or_create(&labels).set(signed(count));
    }
    registry.register("targets_by_health", "Targets by health", targets);
    let findings = overview.findings.iter();
    let wrong = findings.filter(|one| one.weight == Weight::Wrong).count() as u64;
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(signed(value));
        registry.register(name, help, gauge);
    };
    let help = "Problems besides targets, as `utakata status` shows them";
    gauge("findings_wrong", help, wrong);
    if let Some(control) = overview.control {
        let help = "Control tasks whose outcome a person has to state";
        gauge("tasks_unsettled", help, control.unsettled);
        let help = "Operations waiting for an approval";
        gauge("approvals_waiting", help, control.awaiting);
    }
}

/// Converts a count to the type of gauges.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
    registry.register("environment_up", "Whether an environment is present", up);
    let help = "Targets that do not answer and are left alone for a while, 1000 at the most";
    registry.register("targets_left_alone", help, alone);
}

fn pools(registry: &mut Registry, environments: &[EnvironmentStatus]) {
    let workers = Gauges::<OfPool>::default();
    let tasks = Gauges::<OfPool>::default();
    let lost = Family::<OfPool, Counter>::default();
    let ended = Family::<OfOutcome, Counter>::default();
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
            for (outcome, count) in [
                ("succeeded", pool.ended.succeeded),
                ("failed", pool.ended.failed),
                ("unknown", pool.ended.unknown),
            ] {
                let labels = of_outcome(environment, pool, outcome);
                ended.get_or_create(&labels).inc_by(count);
            }
        }
    }
    registry.register("workers", "Workers of a release in an environment", workers);
    let help = "Tasks of a kind in an environment";
    registry.register("tasks", help, tasks);
    let help = "Workers that died or hung since the start of the environment";
    registry.register("workers_lost", help, lost);
    let help = "Tasks of a release's workers, by outcome";
    registry.register("tasks_ended", help, ended);
}

fn of_outcome(
    environment: &EnvironmentStatus,
    pool: &PoolStatus,
    outcome: &'static str,
) -> OfOutcome {
    OfOutcome {
        environment: environment.id.to_string(),
        kind: pool.release.kind.to_string(),
        release: pool.release.version.to_string(),
        outcome,
    }
}

/// Adds the number of releases of a kind that have workers, and the limit of workers.
fn limits(registry: &mut Registry, environments: &[EnvironmentStatus]) {
    let releases = Gauges::<OfKind>::default();
    let max = Gauges::<OfEnvironment>::default();
    let short = Gauges::<OfKind>::default();
    for environment in environments {
        let of = |kind: &Kind| OfKind {
            environment: environment.id.to_string(),
            kind: kind.to_string(),
        };
        for pool in &environment.pools {
            let has_workers = pool.starting + pool.ready + pool.draining > 0;
            let labels = of(&pool.release.kind);
            releases.get_or_create(&labels).inc_by(has_workers.into());
        }
        if let Some(workers) = &environment.workers {
            let labels = OfEnvironment {
                environment: environment.id.to_string(),
                zone: environment.zone.to_string(),
            };
            max.get_or_create(&labels).set(workers.max.into());
            for pool in &environment.pools {
                let is_short = workers.short.contains(&pool.release.kind);
                let labels = of(&pool.release.kind);
                short.get_or_create(&labels).set(is_short.into());
            }
        }
    }
    let help = "Releases of a kind with workers in an environment";
    registry.register("releases", help, releases);
    let help = "The limit of workers in an environment, if there is one";
    registry.register("workers_max", help, max);
    let help = "Whether a kind has tasks for more workers than it may have";
    registry.register("workers_short", help, short);
}

fn rollouts(registry: &mut Registry, environments: &[EnvironmentStatus]) {
    let rollouts = Gauges::<OfRollout>::default();
    for rollout in environments.iter().flat_map(|one| &one.rollouts) {
        let labels = OfRollout {
            kind: rollout.kind.to_string(),
            phase: phase(rollout.phase),
        };
        rollouts.get_or_create(&labels).inc();
    }
    let help = "Environments by phase of a kind's rollout";
    registry.register("rollouts", help, rollouts);
}

fn phase(phase: RolloutPhase) -> &'static str {
    match phase {
        RolloutPhase::Waiting => "waiting",
        RolloutPhase::Starting => "starting",
        RolloutPhase::Shadow => "shadow",
        RolloutPhase::Canary => "canary",
        RolloutPhase::Rolling => "rolling",
        RolloutPhase::Done => "done",
        RolloutPhase::Back => "back",
    }
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
    let ignored = Family::<OfConnection, Counter>::default();
    let distrusted = Family::<OfConnection, Counter>::default();
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
        ignored.get_or_create(&labels).inc_by(one.ignored);
        distrusted.get_or_create(&labels).inc_by(one.distrusted);
    }
    registry.register("connection_up", "Whether a broker is connected", up);
    let help = "Messages that wait to be sent";
    registry.register("connection_waiting", help, waiting);
    let help = "Lost connections";
    registry.register("connection_lost", help, lost);
    let help = "Expendable messages that were dropped";
    registry.register("connection_dropped", help, dropped);
    let help = "Messages received that were foreign or invalid";
    registry.register("connection_ignored", help, ignored);
    let help = "Messages that did not count: not signed by who has to sign them, or repeated";
    registry.register("connection_distrusted", help, distrusted);
}

#[cfg(test)]
mod tests;
