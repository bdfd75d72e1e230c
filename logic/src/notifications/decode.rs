//! From datagrams to meanings: ordinary observe tasks for the workers of the senders' kinds.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use utakata_interconnect::message::notification::{Datagram, DatagramBatch};
use utakata_model::{
    ActionName, Class, Kind, NotificationValue, OperationId, Origin, Parameters, Target,
    TargetName, Zone,
};

use super::{Context, sources::Sources};
use crate::{
    dispatch::{Batch, NewRead, Progress, Show},
    inventory::TargetEntry,
};

/// The name of the observe action by which a kind decodes notifications.
pub(super) const ACTION: &str = utakata_model::action::NOTIFICATION;
/// The kind that decodes what comes from unknown sources, if it is served.
const GENERIC: &str = "snmp";
/// The time that decoding may take. A device repeats an inform after some seconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A decoder of batches.
pub(super) struct Decoder<'a> {
    pub(super) context: &'a Context,
    pub(super) sources: &'a RwLock<Sources>,
}

/// A datagram as a worker understood it.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) source: SocketAddr,
    pub(super) at: usize,
    /// The reply that the sender awaits.
    pub(super) reply: Option<Vec<u8>>,
    /// Its meaning; none if it only awaits the reply, and the reason if there is none.
    pub(super) found: Result<Option<Found>, String>,
}

/// The meaning of a datagram.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) target: Option<TargetName>,
    /// The targets to read because of it.
    pub(super) reads: Vec<TargetName>,
    /// The device that it is about.
    pub(super) source: IpAddr,
    pub(super) name: Arc<str>,
    pub(super) key: Arc<str>,
    pub(super) values: Vec<NotificationValue>,
    pub(super) proven: bool,
    /// The sender's number for the message, by which a repetition is recognised.
    pub(super) number: Option<u64>,
}

/// A worker's answer about one datagram.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    reply: Option<String>,
    #[serde(default)]
    event: Option<ToldEvent>,
    #[serde(default)]
    problem: Option<String>,
    /// True if another credential may open it.
    #[serde(default)]
    is_sealed: bool,
    /// The identity that the sender claims, if it has one.
    #[serde(default)]
    sender: Option<Arc<str>>,
}

#[derive(Debug, Deserialize)]
struct ToldEvent {
    name: Arc<str>,
    key: Arc<str>,
    #[serde(default)]
    values: Vec<NotificationValue>,
    /// The device that it is about, if another one has sent it.
    #[serde(default)]
    agent: Option<IpAddr>,
    #[serde(default)]
    proven: bool,
    #[serde(default)]
    number: Option<u64>,
}

/// Datagrams that go to a worker together: of one kind, with one credential.
struct Group<'b> {
    /// The kind; absent if none that is served in the zone understands notifications.
    kind: Option<Kind>,
    /// A target whose credential it is; absent if it has none.
    of: Option<Arc<TargetEntry>>,
    /// The datagrams, each with the targets that may have sent it.
    datagrams: Vec<Pending<'b>>,
}

/// A datagram that is not decoded yet.
struct Pending<'b> {
    datagram: &'b Datagram,
    candidates: Vec<Arc<TargetEntry>>,
    /// The candidate whose credential is tried.
    tried: usize,
}

impl Decoder<'_> {
    /// Decodes a batch. A datagram that the credential of one target at its address does not open
    /// is tried with those of the others.
    pub(super) async fn decode(&self, batch: &DatagramBatch) -> Vec<Decoded> {
        let zone = &batch.zone;
        let mut decoded = Vec::with_capacity(batch.datagrams.len());
        let mut pending: Vec<Pending<'_>> = batch
            .datagrams
            .iter()
            .map(|datagram| Pending {
                datagram,
                candidates: self.sources.read().at(zone, datagram.source),
                tried: 0,
            })
            .collect();
        while !pending.is_empty() {
            let groups = self.groups(zone, std::mem::take(&mut pending));
            let asks = groups.into_iter().map(|group| async {
                let told = self.ask(batch, &group).await;
                (group, told)
            });
            for (group, told) in futures::future::join_all(asks).await {
                let told = match told {
                    Ok(told) => told,
                    Err(problem) => {
                        let failed = group.datagrams.iter();
                        decoded.extend(failed.map(|one| one.failed(problem.clone())));
                        continue;
                    }
                };
                for (one, told) in group.datagrams.into_iter().zip(told) {
                    match self.next(zone, one, told) {
                        Next::Done(done) => decoded.push(done),
                        Next::Again(again) => pending.push(again),
                    }
                }
            }
        }
        decoded
    }

    /// Divides datagrams by kind and credential.
    fn groups<'b>(&self, zone: &Zone, pending: Vec<Pending<'b>>) -> Vec<Group<'b>> {
        let served = self.context.kinds.served();
        let decodes = |kind: &Kind| {
            let action = ACTION.parse::<ActionName>();
            let served = served.get(kind, zone);
            served.is_some_and(|served| action.is_ok_and(|action| served.action(&action).is_some()))
        };
        let generic = GENERIC.parse::<Kind>().ok().filter(&decodes);
        let other = || served.kinds().find(|kind| decodes(kind)).cloned();
        let generic = generic.or_else(other);
        let mut groups: HashMap<(Option<Kind>, Option<usize>), Group<'b>> = HashMap::new();
        for one in pending {
            let entry = one.candidates.get(one.tried);
            let own = entry
                .map(|entry| entry.target.kind.clone())
                .filter(&decodes);
            let kind = own.or_else(|| generic.clone());
            let of = entry.filter(|entry| entry.credential.is_some()).cloned();
            let credential = of.as_ref().and_then(|of| of.credential.as_ref());
            let identity = credential.map(|one| Arc::as_ptr(one) as usize);
            let group = groups
                .entry((kind.clone(), identity))
                .or_insert_with(|| Group {
                    kind,
                    of,
                    datagrams: Vec::new(),
                });
            group.datagrams.push(one);
        }
        groups.into_values().collect()
    }

    /// Asks a worker about datagrams.
    async fn ask(&self, batch: &DatagramBatch, group: &Group<'_>) -> Result<Vec<Told>, String> {
        let kind = group.kind.as_ref();
        let kind = kind.ok_or("no environment of the zone serves a kind that understands it")?;
        let action: ActionName = ACTION.parse().map_err(|error| format!("{error}"))?;
        let datagrams = group.datagrams.iter();
        let datagrams = datagrams.map(|one| BASE64_STANDARD.encode(&one.datagram.bytes));
        let parameters = json!({
            "receiver": batch.environment,
            "datagrams": datagrams.collect::<Vec<_>>(),
        });
        let id = OperationId::generate();
        let name = TargetName::new(format!("notifications-{}", id.to_string().to_lowercase()));
        let name = name.map_err(|error| error.to_string())?;
        let target = Target {
            zone: batch.zone.clone(),
            ..Target::new(name, kind.clone(), "-".into())
        };
        let of = group.of.as_deref();
        let credential = of.and_then(|of| of.target.credential.as_ref());
        let entry = self.context.inventory.aside(target, credential);
        let entry = Arc::new(entry);
        let progress = Arc::new(Progress::new(1, Show::Tasks));
        let made = crate::clock::now();
        let task = Arc::new(Batch {
            origin: Origin::Operation(id),
            action,
            class: Class::Observe,
            parameters: Parameters::new(&parameters),
            timeout: TIMEOUT,
            made,
            expires: made + TIMEOUT,
            deadline: Instant::now() + TIMEOUT * 2 + self.context.dispatch.grace(),
            progress: Some(Arc::clone(&progress)),
        });
        let read = NewRead::new(&entry);
        let key = read.id;
        let sent = self.context.dispatch.send(&task, vec![read]).await;
        sent.map_err(|error| error.to_string())?;
        progress.wait_for(TIMEOUT * 2).await;
        let (_, mut shown) = progress.take();
        let shown = shown.remove(&key).ok_or("no worker answered in time")?;
        let outcome = shown.outcome.get();
        let result = outcome.result.as_ref().ok_or_else(|| {
            let problem = outcome.problem.as_ref();
            problem.map_or_else(|| "no answer".into(), |problem| problem.to_string())
        })?;
        let told: Vec<Told> =
            serde_json::from_str(result.get()).map_err(|error| error.to_string())?;
        match told.len() == group.datagrams.len() {
            true => Ok(told),
            false => Err("the worker answered about another number of datagrams".into()),
        }
    }

    fn next<'b>(&self, zone: &Zone, one: Pending<'b>, told: Told) -> Next<'b> {
        if told.is_sealed {
            return match self.another(zone, one, told.sender.as_ref()) {
                Ok(again) => Next::Again(again),
                Err(one) => {
                    let problem = told.problem.unwrap_or_else(|| "it cannot be opened".into());
                    Next::Done(one.failed(problem))
                }
            };
        }
        let reply = told
            .reply
            .and_then(|text| BASE64_STANDARD.decode(text).ok());
        let found = match (told.event, told.problem) {
            (Some(event), _) => Ok(Some(self.found(zone, &one, event, told.sender.as_ref()))),
            (None, None) => Ok(None),
            (None, Some(problem)) => Err(problem),
        };
        Next::Done(Decoded {
            source: one.datagram.source,
            at: one.datagram.at,
            reply,
            found,
        })
    }

    /// Returns a sealed datagram with the next credential that may open it: of another target at
    /// its address, or of the one that is known to have its sender's identity.
    fn another<'b>(
        &self,
        zone: &Zone,
        mut one: Pending<'b>,
        sender: Option<&Arc<str>>,
    ) -> Result<Pending<'b>, Pending<'b>> {
        one.tried += 1;
        if one.tried < one.candidates.len() {
            return Ok(one);
        }
        let known = sender.and_then(|sender| self.sources.read().of_sender(zone, sender));
        let is_new = |known: &Arc<TargetEntry>| {
            let mut tried = one.candidates.iter();
            !tried.any(|candidate| candidate.target.name == known.target.name)
        };
        match known.filter(is_new) {
            Some(known) => {
                one.candidates.push(known);
                Ok(one)
            }
            None => Err(one),
        }
    }

    fn found(
        &self,
        zone: &Zone,
        one: &Pending<'_>,
        event: ToldEvent,
        sender: Option<&Arc<str>>,
    ) -> Found {
        let sent_by = one.datagram.source.ip().to_canonical();
        // An agent named by another sender (SNMPv1 through a proxy) is looked for first.
        let agent = event
            .agent
            .filter(|agent| *agent != sent_by && !agent.is_unspecified());
        let agents = agent.map(|agent| self.sources.read().at(zone, SocketAddr::new(agent, 0)));
        let agents = agents.filter(|found| !found.is_empty());
        let is_agent = agents.is_some();
        let candidates = agents.unwrap_or_else(|| match event.proven {
            true => one.candidates.get(one.tried).cloned().into_iter().collect(),
            false => one.candidates.clone(),
        });
        if let (true, Some(sender), [only]) = (event.proven, sender, &candidates[..]) {
            self.sources.write().learn(zone, sender, only);
        }
        let target = match &candidates[..] {
            [only] => Some(only.target.name.clone()),
            // Several targets have that address: they are all read.
            _ => None,
        };
        Found {
            target,
            reads: candidates
                .iter()
                .map(|one| one.target.name.clone())
                .collect(),
            source: agent.filter(|_| is_agent).unwrap_or(sent_by),
            name: event.name,
            key: event.key,
            values: event.values,
            proven: event.proven,
            number: event.number,
        }
    }
}

enum Next<'b> {
    Done(Decoded),
    Again(Pending<'b>),
}

impl Pending<'_> {
    fn failed(&self, problem: String) -> Decoded {
        Decoded {
            source: self.datagram.source,
            at: self.datagram.at,
            reply: None,
            found: Err(problem),
        }
    }
}
