//! Checks of the server: its answer, and its own report.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::TcpStream;
use utakata_api::{client::server_now, status::Status};
use utakata_model::{ConnectionStatus, EnvironmentState, EnvironmentStatus, Orders};
use utakata_up::unserved;

use super::{Finding, access, site};
use crate::{commands::Context, connection, output::words};

/// The response time above which even a loopback connection is in trouble.
const SLOW: Duration = Duration::from_millis(200);
/// The seconds of silence after which an environment is suspect: it reports every 10 s.
const SILENT: i64 = 30;

/// Checks the server; returns nothing if there is none.
pub async fn look(context: &Context<'_>) -> Vec<Finding> {
    if context.global.url.is_none() && connection::running(context.global).is_err() {
        return Vec::new();
    }
    let status = match answer(context).await {
        Ok((status, finding)) => {
            let mut found = findings(&status, finding).await;
            found.extend(access::look(context, &status).await);
            found.extend(site::look(context).await);
            return found;
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
        Finding::doubtful("API", seen, "check the load on the machine and the network")
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
    let now = server_now();
    for environment in &status.environments {
        findings.extend(heard(environment, now));
        let of = format!(" of {}", environment.id);
        findings.extend(connected(&of, &environment.connections));
        findings.extend(unserved(environment));
        findings.extend(releases(environment));
    }
    findings
}

/// Returns the connections to brokers that are up; problems are reported with the site.
fn connected(of: &str, connections: &[ConnectionStatus]) -> Vec<Finding> {
    let is_well = |one: &&ConnectionStatus| one.problem.is_none() && one.notices.is_empty();
    let there = connections.iter().filter(is_well);
    let finding = |one: &ConnectionStatus| {
        let check = match one.name.as_str() {
            "hub" => format!("hub{of}"),
            name => format!("broker of {name}{of}"),
        };
        if one.distrusted > 0 {
            return Finding::doubtful(
                &check,
                format!("{}: {} messages did not count", one.to, one.distrusted),
                "somebody speaks there in the name of utakata: see `message.refused` in `utakata \
                 audit export`, and who may publish at the broker",
            );
        }
        if one.dropped > 0 || one.ignored > 0 {
            return Finding::doubtful(
                &check,
                format!(
                    "{}: {} expendable messages were dropped, {} were not ours",
                    one.to, one.dropped, one.ignored
                ),
                "see whether it is fast enough, and who else writes there",
            );
        }
        let since = words::ago(one.since);
        Finding::right(&check, format!("{}, connected {since}", one.to))
    };
    there.map(finding).collect()
}

/// Returns the duties of this logic environment, if there are several. A keeper of the
/// ledger that is missing, or that nothing is passed on to, is reported with the site.
fn duties(status: &Status) -> Option<Finding> {
    let duties = status.duties.as_ref()?;
    let keeper = match (&duties.ledger_at, duties.ledger) {
        (_, true) => "keeps the ledger".to_owned(),
        (Some(at), false) => match &duties.unfit {
            None => format!("passes control on to {at}"),
            Some(unfit) => format!("passes nothing on to {at}: {unfit}"),
        },
        (None, false) => return None,
    };
    let members: Vec<&str> = duties.members.iter().map(|id| id.as_str()).collect();
    let seen = format!(
        "{keeper}; reads {} of 16 shards; there are {}",
        duties.shards,
        members.join(", ")
    );
    let check = format!("logic environment {}", duties.id);
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

/// Returns a finding about an environment that is running. A missing one is reported with the site.
fn heard(environment: &EnvironmentStatus, now: Timestamp) -> Option<Finding> {
    let check = format!("environment {}", environment.id);
    let state = words::environment(environment, &Orders::default()).text;
    let seen = format!("{state}, heard of {}", words::age(environment.time, now));
    let ago = now.duration_since(environment.time).as_secs();
    match ago {
        ..-2 => Some(Finding::wrong(
            &check,
            seen,
            "set both clocks right, with NTP best",
        )),
        SILENT.. => None,
        _ if environment.state == EnvironmentState::Gone => None,
        _ => Some(Finding::right(&check, seen)),
    }
}

/// Returns a finding about an environment that is running and serves nothing.
fn unserved(environment: &EnvironmentStatus) -> Option<Finding> {
    let failed = unserved::pools(environment);
    let (pool, problem) = failed.first()?;
    let check = format!("workers of {}", environment.id);
    let seen = format!("no worker starts: nothing is read or controlled there; {problem}");
    Some(Finding::wrong(&check, seen, unserved::cure(pool, problem)))
}

/// Returns the releases that have workers. Those without are reported with the site.
fn releases(environment: &EnvironmentStatus) -> Vec<Finding> {
    let works = environment
        .pools
        .iter()
        .filter(|pool| pool.problem.is_none());
    works
        .map(|pool| {
            let check = format!("release {}@{}", pool.release.kind, pool.release.version);
            Finding::right(&check, format!("workers ready: {}", pool.ready))
        })
        .collect()
}
