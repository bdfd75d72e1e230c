//! The server: whether it answers, and what it says of itself.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::TcpStream;
use utakata_api::status::Status;
use utakata_model::{ConnectionStatus, Cure, EnvironmentStatus, Orders, Problem};

use super::Finding;
use crate::{commands::Context, connection, output::words, unserved};

/// More than this, and a loopback is in trouble.
const SLOW: Duration = Duration::from_millis(200);
/// An environment says how it is every 10 s.
const SILENT: i64 = 30;

/// Looks; finds nothing where no server is to be found.
pub async fn look(context: &Context<'_>) -> Vec<Finding> {
    if context.global.url.is_none() && connection::running(context.global).is_err() {
        return Vec::new();
    }
    let status = match answer(context).await {
        Ok((status, finding)) => {
            return findings(&status, finding).await;
        }
        Err(error) => error,
    };
    let cure = "see the log of `utakata up`";
    vec![Finding::wrong("API", format!("{status:#}"), cure)]
}

async fn answer(context: &Context<'_>) -> anyhow::Result<(Status, Finding)> {
    let client = context.client()?;
    let began = Instant::now();
    let status = client.status().await?;
    let took = began.elapsed();
    let seen = format!("{} answered in {}", client.url(), words::took(took));
    let finding = if took > SLOW {
        Finding::doubtful("API", seen, "see what loads the machine or the network")
    } else {
        Finding::right("API", seen)
    };
    Ok((status, finding))
}

async fn findings(status: &Status, first: Finding) -> Vec<Finding> {
    let mut findings = vec![first, version(status)];
    if let Some(address) = &status.mqtt {
        findings.push(mqtt(address).await);
    }
    findings.extend(connected("", &status.connections));
    findings.extend(duties(status));
    if status.environments.is_empty() {
        let cure = "wait a moment; then see the log of `utakata up`";
        findings.push(Finding::wrong("environments", "none was heard of", cure));
    }
    let now = Timestamp::now();
    for environment in &status.environments {
        findings.push(heard(environment, now));
        let of = format!(" of {}", environment.id);
        findings.extend(connected(&of, &environment.connections));
        findings.extend(unserved(environment));
        findings.extend(releases(environment));
    }
    findings.extend(others(status));
    findings
}

/// The connections to brokers, as they are.
fn connected(of: &str, connections: &[ConnectionStatus]) -> Vec<Finding> {
    let finding = |one: &ConnectionStatus| {
        let check = format!("broker of {}{of}", one.name);
        let since = words::age(one.since, Timestamp::now());
        match &one.problem {
            Some(problem) => Finding::wrong(
                &check,
                format!("{}: {problem}; since {since}", one.to),
                "see that it runs there and can be reached; it is tried again by itself",
            ),
            None if one.dropped > 0 || one.ignored > 0 => Finding::doubtful(
                &check,
                format!(
                    "{}: {} expendable messages were dropped, {} were not ours",
                    one.to, one.dropped, one.ignored
                ),
                "see whether it is fast enough, and who else writes there",
            ),
            None => Finding::right(&check, format!("{}, connected {since}", one.to)),
        }
    };
    connections.iter().map(finding).collect()
}

/// Of several logic environments: whether one keeps the ledger.
fn duties(status: &Status) -> Option<Finding> {
    let duties = status.duties.as_ref()?;
    let check = format!("logic environment {}", duties.id);
    let keeper = match (&duties.ledger_at, duties.ledger) {
        (_, true) => "keeps the ledger".to_owned(),
        (Some(at), false) => format!("passes control on to {at}"),
        (None, false) => {
            let cure = "wait ten seconds; then see whether PostgreSQL answers";
            return Some(Finding::wrong(&check, "nobody keeps the ledger", cure));
        }
    };
    let members: Vec<&str> = duties.members.iter().map(|id| id.as_str()).collect();
    let seen = format!(
        "{keeper}; reads {} of 16 shards; there are {}",
        duties.shards,
        members.join(", ")
    );
    Some(Finding::right(&check, seen))
}

fn version(status: &Status) -> Finding {
    let own = env!("CARGO_PKG_VERSION");
    if status.version == own {
        return Finding::right("version", own);
    }
    let seen = format!("the server is {}, this program is {own}", status.version);
    Finding::doubtful("version", seen, "use the same version of both")
}

async fn mqtt(address: &str) -> Finding {
    let began = Instant::now();
    let connected = tokio::time::timeout(Duration::from_secs(2), TcpStream::connect(address));
    match connected.await {
        Ok(Ok(_)) => {
            let took = words::took(began.elapsed());
            Finding::right("MQTT broker", format!("{address} answered in {took}"))
        }
        Ok(Err(error)) => Finding::wrong(
            "MQTT broker",
            format!("{address}: {error}"),
            "see the log of `utakata up`",
        ),
        Err(_) => Finding::wrong(
            "MQTT broker",
            format!("{address} does not answer"),
            "see the log of `utakata up`",
        ),
    }
}

fn heard(environment: &EnvironmentStatus, now: Timestamp) -> Finding {
    let check = format!("environment {}", environment.id);
    let state = words::environment(environment, &Orders::default()).text;
    let seen = format!("{state}, heard of {}", words::age(environment.time, now));
    let ago = now.duration_since(environment.time).as_secs();
    match ago {
        ..-2 => Finding::wrong(&check, seen, "set both clocks right, with NTP best"),
        SILENT.. => Finding::wrong(&check, seen, "see whether it still runs"),
        _ => Finding::right(&check, seen),
    }
}

/// An environment that is there, and serves nothing.
fn unserved(environment: &EnvironmentStatus) -> Option<Finding> {
    let failed = unserved::pools(environment);
    let (pool, problem) = failed.first()?;
    let check = format!("workers of {}", environment.id);
    let seen = format!("no worker starts: nothing is read or controlled there; {problem}");
    Some(Finding::wrong(&check, seen, unserved::cure(pool, problem)))
}

fn releases(environment: &EnvironmentStatus) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pool in &environment.pools {
        let check = format!("release {}@{}", pool.release.kind, pool.release.version);
        findings.push(match &pool.problem {
            None => Finding::right(&check, format!("workers ready: {}", pool.ready)),
            Some(problem) => {
                let cure = unserved::cure(pool, problem);
                Finding::wrong(&check, problem.to_string(), cure)
            }
        });
    }
    for refused in &environment.refused {
        let check = format!("release in {}", refused.path);
        let problem = &refused.problem;
        let seen = format!("refused: {problem}");
        findings.push(Finding::wrong(&check, seen, cure(problem)));
    }
    findings
}

/// What the server says besides: pools and releases are told above.
fn others(status: &Status) -> Vec<Finding> {
    let told: Vec<&Problem> = status
        .environments
        .iter()
        .flat_map(|environment| {
            let pools = environment.pools.iter();
            let refused = environment.refused.iter();
            pools
                .filter_map(|pool| pool.problem.as_ref())
                .chain(refused.map(|refused| &refused.problem))
        })
        .collect();
    status
        .problems
        .iter()
        .filter(|problem| !told.contains(problem))
        .map(|problem| Finding::wrong("server", problem.to_string(), cure(problem)))
        .collect()
}

fn cure(problem: &Problem) -> &'static str {
    match problem.cure {
        Cure::Retry => "it may pass by itself",
        Cure::Operator => "set right what it says",
        Cure::Bug => "report it, with the log of that moment",
    }
}
