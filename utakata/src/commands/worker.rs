//! `utakata worker`: the workers that run, and a trial and a signature for one of your own.

mod sign;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;
use utakata_model::{EnvironmentId, EnvironmentStatus, PoolStatus, duration};
use utakata_worker_sdk::harness::{self, Check, CheckResult, Report};

use super::Context;
use crate::{
    exit::Exit,
    output::{Cell, Output, Row, Table, Tone, words},
    programs, progress,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the pools of workers, one for each release
    #[command(after_help = "Example: utakata worker list")]
    List,
    /// Run a worker through everything that it must keep to before it may enter a pool
    #[command(after_help = "\
DIR is a release: a folder with worker.toml and, unless it comes with utakata, the program.
Nothing but the loopback is touched.

Example: utakata worker test ./my-worker")]
    Test {
        /// The folder of the release
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Multiply every limit of time by this, on a slow machine
        #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
        time_scale: f64,
    },
    /// Sign a release, so that environments that ask for signatures serve it
    #[command(after_help = "\
DIR is a release as for worker test. The signature is added to signatures.toml in it, and is of
everything in it as it is now. Environments serve what one of execution.trust.keys has signed.

Keys: openssl genpkey -algorithm ed25519 -out key.pem
      openssl pkey -in key.pem -pubout -out key.pub.pem

Example: utakata worker sign ./my-worker --key key.pem")]
    Sign {
        /// The folder of the release
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The secret key: Ed25519, PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

/// Does it.
pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List => list(context).await,
        Command::Test { folder, time_scale } => test(folder, time_scale, context).await,
        Command::Sign { folder, key } => sign::run(&folder, &key, context),
    }
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

async fn list(context: &Context<'_>) -> Result<Exit> {
    let environments = context.client()?.environments().await?;
    let pools: Vec<Pool> = environments
        .iter()
        .map(|one| &one.status)
        .flat_map(pools)
        .collect();
    context
        .output
        .list(&pools, "no environment has workers yet")?;
    Ok(Exit::Done)
}

fn pools(status: &EnvironmentStatus) -> impl Iterator<Item = Pool> + use<'_> {
    status.pools.iter().map(|pool| Pool {
        environment: status.id.clone(),
        pool: pool.clone(),
    })
}

async fn test(folder: PathBuf, time_scale: f64, context: &Context<'_>) -> Result<Exit> {
    let options = harness::Options {
        programs: programs::folders(),
        time_scale,
        ..harness::Options::default()
    };
    let report = progress::during("trying the worker", harness::check(&folder, options)).await;
    let checks: Vec<Line> = report.checks.iter().map(Line::from).collect();
    let output = context.output;
    output.one(&checks, || told(&checks, output))?;
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    if report.passed() {
        Exit::Done
    } else {
        Exit::Failed
    }
}

/// A check as it is printed.
#[derive(Debug, Serialize)]
struct Line {
    check: String,
    result: &'static str,
    why: Option<String>,
    took: String,
}

impl From<&Check> for Line {
    fn from(check: &Check) -> Self {
        let (result, why) = match &check.result {
            CheckResult::Passed => ("passed", None),
            CheckResult::Failed(why) => ("failed", Some(why.clone())),
            CheckResult::Skipped(why) => ("skipped", Some(why.clone())),
        };
        Self {
            check: check.name.clone(),
            result,
            why,
            took: duration::format(check.took),
        }
    }
}

fn told(checks: &[Line], output: &Output) -> String {
    let mut table = Table::new(&["RESULT", "CHECK", "TOOK", "WHY"]);
    for line in checks {
        let tone = match line.result {
            "passed" => Tone::Good,
            "failed" => Tone::Bad,
            _ => Tone::Dim,
        };
        table.add(vec![
            Cell::toned(line.result, tone),
            line.check.clone().into(),
            Cell::dim(line.took.clone()),
            line.why.clone().unwrap_or_default().into(),
        ]);
    }
    table.render(output.colours())
}
