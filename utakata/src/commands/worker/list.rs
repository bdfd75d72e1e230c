//! `utakata worker list`: the running workers, and the available releases.

use anyhow::Result;
use serde::Serialize;
use utakata_api::{environment::Suspension, release::ReleaseSummary};
use utakata_model::{EnvironmentId, EnvironmentStatus, PoolStatus, Scope};

use crate::{
    commands::{Context, order},
    exit::Exit,
    output::{Cell, Row, Tone, words},
};

/// The running releases, and the available ones.
#[derive(Debug, Serialize)]
struct Listed {
    pools: Vec<Pool>,
    releases: Vec<ReleaseSummary>,
}

/// A pool and its environment.
#[derive(Debug, Serialize)]
struct Pool {
    environment: EnvironmentId,
    #[serde(flatten)]
    pool: PoolStatus,
}

impl Row for Pool {
    const HEADERS: &'static [&'static str] = &[
        "KIND",
        "VERSION",
        "DIGEST",
        "ENVIRONMENT",
        "ACTIVE",
        "READY",
        "STARTING",
        "DRAINING",
        "RUNNING",
        "WAITING",
        "LOST",
        "PROBLEM",
    ];

    fn cells(&self) -> Vec<Cell> {
        let pool = &self.pool;
        let active = if pool.active { "yes" } else { "no" };
        let ready = match (pool.ready, pool.active) {
            (0, true) => Tone::Bad,
            (0, false) => Tone::Plain,
            _ => Tone::Good,
        };
        vec![
            pool.release.kind.to_string().into(),
            pool.release.version.to_string().into(),
            Cell::dim(pool.release.digest.short()),
            self.environment.to_string().into(),
            active.into(),
            Cell::toned(pool.ready.to_string(), ready),
            pool.starting.to_string().into(),
            pool.draining.to_string().into(),
            pool.running.to_string().into(),
            pool.waiting.to_string().into(),
            pool.lost.to_string().into(),
            words::problem(pool.problem.as_ref()),
        ]
    }
}

impl Row for ReleaseSummary {
    const HEADERS: &'static [&'static str] = &[
        "KIND", "VERSION", "DIGEST", "SIZE", "SOURCE", "PUSHED", "BY", "RUNS IN",
    ];

    fn cells(&self) -> Vec<Cell> {
        let runs_in: Vec<&str> = self.runs_in.iter().map(EnvironmentId::as_str).collect();
        let pushed = self.pushed_at.map(words::ago);
        let by = self.pushed_by.as_ref().map(ToString::to_string);
        vec![
            self.kind.to_string().into(),
            self.version.clone().into(),
            Cell::dim(self.digest.short()),
            words::bytes(self.size).into(),
            self.source.as_str().into(),
            pushed.map_or_else(Cell::default, Cell::from),
            by.map_or_else(Cell::default, Cell::from),
            runs_in.join(", ").into(),
        ]
    }
}

pub async fn run(context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let environments = client.environments().await?;
    let statuses = environments.iter().map(|one| &one.status);
    let mut releases = client.releases(None).await?;
    releases.sort_by_key(|one| (one.kind.clone(), one.pushed_at));
    let listed = Listed {
        pools: statuses.flat_map(pools).collect(),
        releases,
    };
    context
        .output
        .one(&listed, || description(&listed, context))?;
    let orders = client.orders().await?;
    let of_releases = orders.iter().filter(|one| {
        matches!(
            one.scope,
            Scope::Release(_) | Scope::Kind(_) | Scope::KindInZone(..)
        )
    });
    let of_releases: Vec<Suspension> = of_releases.cloned().collect();
    for line in order::lines(&of_releases) {
        tell!("{line}");
    }
    Ok(Exit::Done)
}

fn description(listed: &Listed, context: &Context<'_>) -> String {
    let output = context.output;
    let mut text = if listed.pools.is_empty() {
        "no environment has workers yet".to_owned()
    } else {
        output.table_of(&listed.pools).render(output.colours())
    };
    if !listed.releases.is_empty() {
        let releases = output.table_of(&listed.releases);
        let releases = releases.render(output.colours());
        text.push_str(&format!("\n\nIn the catalogue:\n{releases}"));
    }
    text
}

fn pools(status: &EnvironmentStatus) -> impl Iterator<Item = Pool> + use<'_> {
    status.pools.iter().map(|pool| Pool {
        environment: status.id.clone(),
        pool: pool.clone(),
    })
}
