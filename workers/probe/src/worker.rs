//! Carries out tasks. That something does not answer is what is to be seen, not a failure: it is
//! the reading `utakata.reachable`.

use std::{
    error::Error as StdError,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use utakata_worker_http::{
    Connection, Method, Request, Trust,
    certificate::Validity,
    connection::{self, Endpoint},
    tls,
    trust::Fingerprint,
};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    address::Address,
    model::{
        Cure, Measurand, MetricName, Problem, Quality, Reading, ReadingValue, reading::Attributes,
    },
};

use crate::{
    check::Check,
    ping::{self, ping},
};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(200);
/// The longest time that something may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number of echo requests.
const ECHOES: u32 = 3;
/// The largest page that is read, in bytes.
const PAGE_MAX: usize = 4 * 1024 * 1024;

/// A worker that sees whether something answers.
#[derive(Debug)]
pub struct ProbeWorker;

/// The parameters of an action.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    count: Option<u32>,
    port: Option<u16>,
    path: Option<String>,
    tls: Option<bool>,
}

/// The result of one probe.
struct Seen {
    readings: Vec<Reading>,
    attributes: Attributes,
}

impl ProbeWorker {
    /// Carries out a task before the deadline.
    ///
    /// # Errors
    /// The address is none, or this host cannot look.
    pub async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        let deadline = deadline.min(Instant::now() + PATIENCE);
        let bad = |code, text: String| Failure::failed(Problem::new(code, Cure::Operator, text));
        let asked = Parameters::deserialize(&task.parameters)
            .map_err(|error| bad("bad-parameters", error.to_string()))?;
        let check =
            Check::parse(&task.address).map_err(|error| bad("bad-address", error.to_string()))?;
        let check = check
            .of_action(task.action.as_str(), &asked)
            .map_err(|text| bad("bad-parameters", text))?;
        let addresses = timeout_at(deadline, check.address().resolve()).await;
        let addresses = match addresses {
            Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
            Ok(Ok(_)) => return Err(bad("bad-address", format!("{}: no address", task.target))),
            Ok(Err(error)) => {
                let name = check.address();
                let text = format!("{}: {name} cannot be resolved: {error}", task.target);
                return Err(bad("bad-address", text));
            }
            Err(_) => {
                let text = format!("{}: the resolver did not answer in time", task.target);
                return Err(Failure::failed(Problem::new(
                    "unreachable",
                    Cure::Retry,
                    text,
                )));
            }
        };
        let mut seen = Seen::new(&check);
        match &check {
            Check::Ping(_) => {
                let count = asked.count.unwrap_or(ECHOES);
                seen.ping(task, &addresses, count, deadline).await?;
            }
            Check::Tcp(_) => seen.tcp(&addresses, deadline).await,
            Check::Tls(address) => seen.tls(address, &addresses, deadline).await,
            Check::Http {
                address,
                is_tls,
                path,
            } => seen.http(address, *is_tls, path, deadline).await,
        }
        Ok(Answer {
            readings: seen.readings,
            ..Answer::default()
        })
    }
}

impl Check {
    /// Returns the check of an action: that of the address, or another one of the same host.
    fn of_action(self, action: &str, asked: &Parameters) -> Result<Self, String> {
        let mut address = self.address().clone();
        if let Some(port) = asked.port {
            address.port = port;
        }
        let port = |address: Address, usual: u16| match address.port {
            0 => Address {
                port: usual,
                ..address
            },
            _ => address,
        };
        match action {
            "read" => Ok(self),
            "ping" => Ok(Self::Ping(address)),
            "tcp" => Ok(Self::Tcp(address)),
            "tls" => Ok(Self::Tls(port(address, 443))),
            "http" => {
                let is_tls = asked.tls.unwrap_or(true);
                Ok(Self::Http {
                    address: port(address, if is_tls { 443 } else { 80 }),
                    is_tls,
                    path: asked.path.clone().unwrap_or_else(|| "/".into()),
                })
            }
            other => Err(format!("there is no action \"{other}\" for a probe")),
        }
    }
}

impl Seen {
    fn new(check: &Check) -> Self {
        let mut attributes = Attributes::new();
        attributes.insert("check".into(), check.word().into());
        if let Check::Tcp(address) | Check::Tls(address) | Check::Http { address, .. } = check {
            attributes.insert("network.port".into(), address.port.to_string().into());
        }
        Self {
            readings: Vec::new(),
            attributes,
        }
    }

    fn add(&mut self, metric: &str, value: ReadingValue, unit: &str) {
        let Ok(metric) = MetricName::new(metric) else {
            return;
        };
        self.readings.push(Reading {
            of: Measurand {
                metric,
                attributes: self.attributes.clone(),
                unit: unit.into(),
            }
            .into(),
            value,
            quality: Quality::Good,
        });
    }

    fn reachable(&mut self, is_reachable: bool) {
        let word = if is_reachable { "yes" } else { "no" };
        self.add("utakata.reachable", ReadingValue::Text(word.into()), "");
    }

    fn seconds(&mut self, metric: &str, seconds: f64) {
        self.add(metric, ReadingValue::Number(seconds), "s");
    }

    fn failed(&mut self, error: &dyn StdError) {
        let cause = error.source().map(|cause| format!(": {cause}"));
        let reason = format!("{error}{}", cause.unwrap_or_default());
        let reason = ReadingValue::Text(reason.into());
        self.add("utakata.reachable.reason", reason, "");
    }

    async fn ping(
        &mut self,
        task: &Task,
        addresses: &[SocketAddr],
        count: u32,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let Some(to) = addresses.first() else {
            return Ok(());
        };
        let pinged = match ping(to.ip(), count, deadline).await {
            Ok(pinged) => pinged,
            Err(error @ ping::Error::NotAllowed) => {
                let text = format!(
                    "{}: {error}: set net.ipv4.ping_group_range (\"0 2147483647\"), or give the \
                     worker CAP_NET_RAW",
                    task.target
                );
                let problem = Problem::new("cannot-ping", Cure::Operator, text);
                return Err(Failure::failed(problem));
            }
            Err(error) => {
                self.reachable(false);
                self.failed(&error);
                return Ok(());
            }
        };
        let replies = u32::try_from(pinged.times.len()).unwrap_or(u32::MAX);
        self.reachable(replies > 0);
        let lost = f64::from(pinged.sent.saturating_sub(replies)) / f64::from(pinged.sent.max(1));
        self.add("utakata.loss", ReadingValue::Number(lost), "1");
        let total: Duration = pinged.times.iter().sum();
        if replies > 0 {
            self.seconds("utakata.rtt", total.as_secs_f64() / f64::from(replies));
        }
        Ok(())
    }

    async fn tcp(&mut self, addresses: &[SocketAddr], deadline: Instant) {
        let began = Instant::now();
        match tls::connect(addresses, deadline).await {
            Ok(_) => {
                self.reachable(true);
                self.seconds("utakata.rtt", began.elapsed().as_secs_f64());
            }
            Err(error) => {
                self.reachable(false);
                self.failed(&error);
            }
        }
    }

    async fn tls(&mut self, address: &Address, addresses: &[SocketAddr], deadline: Instant) {
        let began = Instant::now();
        let shaken = async {
            let stream = tls::connect(addresses, deadline).await?;
            let host = connection::name_of(address);
            tls::handshake(stream, &host, &Trust::Anything, deadline).await
        };
        match shaken.await {
            Ok((_, certificate)) => {
                self.reachable(true);
                self.seconds("utakata.rtt", began.elapsed().as_secs_f64());
                self.certificate(certificate.as_deref());
            }
            Err(error) => {
                self.reachable(false);
                self.failed(&error);
            }
        }
    }

    async fn http(&mut self, address: &Address, is_tls: bool, path: &str, deadline: Instant) {
        let began = Instant::now();
        let endpoint = Endpoint {
            address: address.clone(),
            trust: is_tls.then_some(Trust::Anything),
        };
        let asked = async {
            let mut connection = Connection::open(&endpoint, deadline).await?;
            self.certificate(connection.certificate.as_deref());
            let request = Request::new(Method::GET, path);
            connection.send(request, PAGE_MAX, deadline).await
        };
        match asked.await {
            Ok(response) => {
                self.reachable(true);
                self.seconds("utakata.rtt", began.elapsed().as_secs_f64());
                self.status(response.status.as_u16());
            }
            Err(connection::Error::Large { .. }) => self.reachable(true),
            Err(error) => {
                self.reachable(false);
                self.failed(&error);
            }
        }
    }

    fn status(&mut self, status: u16) {
        let text = status.to_string();
        self.add("utakata.http.status", ReadingValue::Text(text.into()), "");
        let word = match status {
            ..400 => "ok",
            400..500 => "degraded",
            500.. => "failed",
        };
        self.add("hw.status", ReadingValue::Text(word.into()), "");
    }

    fn certificate(&mut self, certificate: Option<&[u8]>) {
        let Some(certificate) = certificate else {
            return;
        };
        let print = Fingerprint::of(certificate).to_string();
        let metric = "utakata.certificate.fingerprint";
        self.add(metric, ReadingValue::Text(print.into()), "");
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        if let Some(validity) = Validity::read(certificate) {
            // Exact for many millions of years.
            let left = (validity.ends - now) as f64;
            self.seconds("utakata.certificate.left", left);
        }
    }
}

impl Worker for ProbeWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let known = ["read", "ping", "tcp", "tls", "http"];
        let actions = &release.manifest.actions;
        let is_known = |name: &str| known.contains(&name);
        match actions
            .iter()
            .find(|action| !is_known(action.name.as_str()))
        {
            None => Ok(Self),
            Some(action) => {
                let names = known.join(", ");
                Err(format!("worker.toml: \"{}\" is none of {names}", action.name).into())
            }
        }
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }

    /// Each check has a socket of its own.
    fn capacity(&self) -> u32 {
        512
    }
}
