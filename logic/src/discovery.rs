//! Discovery: addresses asked what is there, and proposals of targets that a person accepts.
//!
//! ```text
//! person ── addresses ─► run ── a part after the other ─► worker of each kind ─► what answers
//!                                                                                 │ sightings, stored
//! person ◄── proposals ◄── put together by identity, compared with the targets ◄──┘
//!    └───── accepts ─► a target, as by `apply`
//! ```
//!
//! The parts of a run are ordinary observe tasks about no target, one at a time for each kind: so
//! the pace holds for the whole zone, however many environments and workers it has, and a run ends
//! within seconds when it is cancelled. A run is remembered by the keeper of the ledger alone; what
//! it has found is in the store.

mod accept;
mod ask;
mod error;
mod meant;
mod naming;
mod propose;
mod ranges;
mod run;
mod sighting;

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utakata_api::discovery::{Discover, DiscoveryView};
use utakata_invariant as invariant;
use utakata_model::{
    Class, Kind, OperationId, PersonName, Target, TargetName, Zone, action::DISCOVER,
    discovery::PER_SECOND_MAX, suggest,
};

pub use self::{
    accept::Decision,
    error::Error,
    propose::{Proposal, Way},
    sighting::Sighting,
};
use self::{
    propose::Surroundings,
    run::Run,
    sighting::{KEPT_MAX, Writes},
};
use crate::{
    clock,
    dispatch::Dispatch,
    inventory::{Inventory, Selection, unfit},
    kinds::{Kinds, Served, ServedKinds},
    store::{self, Store},
};

/// The number of runs that are remembered.
const REMEMBERED: usize = 50;
/// The number of runs that may wait to begin; one in each zone.
const WAITING: usize = 16;

/// The discovery of equipment. Cheap to share.
pub struct Discovery {
    context: Context,
    runs: Mutex<VecDeque<Arc<Run>>>,
    /// Held while sightings are read and written, so that changes are made one after the other.
    changing: tokio::sync::Mutex<()>,
    waiting: mpsc::Sender<Arc<Run>>,
    begun: Mutex<Option<mpsc::Receiver<Arc<Run>>>>,
}

/// The services that discovery needs.
#[derive(Clone)]
pub struct Context {
    pub store: Arc<dyn Store>,
    pub dispatch: Arc<Dispatch>,
    pub inventory: Arc<Inventory>,
    pub kinds: Arc<Kinds>,
}

impl Discovery {
    /// Creates the service, with nothing under way.
    pub fn new(context: Context) -> Self {
        let (waiting, begun) = mpsc::channel(WAITING);
        Self {
            context,
            runs: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            waiting,
            begun: Mutex::new(Some(begun)),
        }
    }

    /// Begins a run.
    ///
    /// # Errors
    /// The request has a mistake, or one runs in the zone already.
    pub fn begin(&self, request: Discover, by: PersonName) -> Result<DiscoveryView, Error> {
        let addresses = ranges::parse(&request.addresses);
        let addresses = addresses.map_err(|error| self.meant(error, &request.zone))?;
        let kinds = self.kinds_of(&request)?;
        check(&request, &kinds)?;
        let mut runs = self.runs.lock();
        let in_zone = |run: &&Arc<Run>| run.is_running() && run.request.zone == request.zone;
        if let Some(running) = runs.iter().find(in_zone) {
            return Err(Error::Running { id: running.id });
        }
        let run = Arc::new(Run::new(request, addresses, &kinds, by, clock::now()));
        let sent = self.waiting.try_send(Arc::clone(&run));
        sent.map_err(|_| Error::Busy)?;
        if runs.len() >= REMEMBERED {
            runs.pop_front();
        }
        runs.push_back(Arc::clone(&run));
        Ok(run.view())
    }

    /// Says of a word that is no address whether it is a kind.
    fn meant(&self, error: ranges::Error, zone: &Zone) -> ranges::Error {
        let ranges::Error::Text { text, problem } = error else {
            return error;
        };
        let served = self.context.kinds.served();
        let able: Vec<&str> = able(&served, zone).map(|(kind, _)| kind.as_str()).collect();
        let others = served.kinds().map(Kind::as_str);
        let others: Vec<&str> = others.filter(|kind| !able.contains(kind)).collect();
        let problem = meant::kind(&text, &able, &others).unwrap_or(problem);
        ranges::Error::Text { text, problem }
    }

    /// The kinds to ask for: those that are named, or all that can be discovered in the zone, with
    /// the credential if one is named.
    fn kinds_of(&self, request: &Discover) -> Result<Vec<Kind>, Error> {
        let served = self.context.kinds.served();
        let zone = &request.zone;
        let credential = request.credential.as_ref();
        let credential = credential.map(|name| self.context.inventory.secret_of(name));
        let credential = credential.transpose()?;
        let misfit = |found: &Served| credential.as_ref().and_then(|one| unfit(one, found));
        if request.kinds.is_empty() {
            let able = able(&served, zone);
            let fit = able.filter(|(_, found)| misfit(found).is_none());
            let kinds: Vec<Kind> = fit.map(|(kind, _)| kind.clone()).collect();
            let problem = || {
                format!(
                    "no environment of the zone \"{zone}\" serves a kind that can be discovered so: \
                 see `utakata environment list`"
                )
            };
            return match kinds.is_empty() {
                true => Err(Error::Request { problem: problem() }),
                false => Ok(kinds),
            };
        }
        let mut kinds = Vec::new();
        for kind in &request.kinds {
            let found = served.get(kind, zone);
            let found = found.ok_or_else(|| Error::Request {
                problem: unserved(&served, kind, zone),
            })?;
            if !can_discover(found) {
                let able = able(&served, zone).map(|(kind, _)| kind.as_str());
                let able: Vec<&str> = able.collect();
                let hint = suggest::hint(kind.as_str(), able);
                let problem = format!("the kind \"{kind}\" cannot be discovered: {hint}");
                return Err(Error::Request { problem });
            }
            if let Some(problem) = misfit(found) {
                return Err(Error::Request { problem });
            }
            if !kinds.contains(kind) {
                kinds.push(kind.clone());
            }
        }
        Ok(kinds)
    }

    /// Returns the latest runs, the oldest first.
    pub fn runs(&self) -> Vec<DiscoveryView> {
        self.runs.lock().iter().map(|run| run.view()).collect()
    }

    /// Returns a run.
    ///
    /// # Errors
    /// It is not remembered.
    pub fn run_view(&self, id: OperationId) -> Result<DiscoveryView, Error> {
        self.find(id).map(|run| run.view())
    }

    /// Ends a run as soon as what is being asked has answered.
    ///
    /// # Errors
    /// It is not remembered.
    pub fn cancel(&self, id: OperationId) -> Result<DiscoveryView, Error> {
        let run = self.find(id)?;
        if run.is_running() {
            run.cancel.cancel();
        }
        Ok(run.view())
    }

    fn find(&self, id: OperationId) -> Result<Arc<Run>, Error> {
        let runs = self.runs.lock();
        let found = runs.iter().find(|run| run.id == id).cloned();
        found.ok_or(Error::NoRun { id })
    }

    /// Carries out the runs until it is cancelled.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let Some(mut begun) = self.begun.lock().take() else {
            return;
        };
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                run = begun.recv() => match run {
                    Some(run) => { running.spawn(Arc::clone(&self).carry_out(run)); }
                    None => return,
                },
                Some(ended) = running.join_next(), if !running.is_empty() => {
                    if let Err(error) = ended {
                        invariant::broken("a discovery that panicked", &error);
                    }
                }
            }
        }
    }

    /// Returns all proposals.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, store::Error> {
        let kept = self.kept().await?;
        Ok(self.propose(&kept))
    }

    fn propose(&self, kept: &[Sighting]) -> Vec<Proposal> {
        let selection = self.targets();
        let served = self.context.kinds.served();
        let observed = self.context.dispatch.observed();
        let answered = |name: &TargetName| {
            let entry = self.context.inventory.find(name)?;
            observed.look(entry.device, |seen| seen.answered)
        };
        let around = Surroundings {
            targets: selection.iter().map(|entry| &*entry.target).collect(),
            relatives: &|sighting| relatives(&served, sighting),
            answered: &answered,
            rank: &|sighting| rank(&served, sighting),
        };
        propose::propose(kept, &around)
    }

    /// Returns the kind that a target for a sighting has: a more exact one of the same protocol, if
    /// it is for one of the profiles that recognise the thing; otherwise the kind itself.
    pub fn exact_kind(&self, sighting: &Sighting) -> Kind {
        let served = self.context.kinds.served();
        let own = served.get(&sighting.kind, &sighting.zone);
        let own = own.map(profiles_of).unwrap_or_default();
        let recognised = |name: &&str| {
            let profiles = &sighting.found.profiles;
            !own.contains(name) && profiles.iter().any(|profile| profile == name)
        };
        let related = relatives(&served, sighting).into_iter();
        let exact = related
            .filter(|kind| *kind != sighting.kind)
            .filter_map(|kind| {
                let found = served.get(&kind, &sighting.zone)?;
                let fitting = profiles_of(found)
                    .iter()
                    .filter(|one| recognised(one))
                    .count();
                (fitting > 0).then_some((fitting, kind))
            })
            .max();
        exact.map_or_else(|| sighting.kind.clone(), |(_, kind)| kind)
    }

    fn targets(&self) -> Selection {
        self.context.inventory.select(&Default::default())
    }

    /// Returns all sightings. One that cannot be read is left out.
    async fn kept(&self) -> Result<Vec<Sighting>, store::Error> {
        let rows = self.context.store.sightings().await?;
        let read = |(key, body): &(String, String)| {
            let read = serde_json::from_str(body);
            let read = read.inspect_err(|error| {
                tracing::warn!(key, %error, "what was found there cannot be read, and is left out");
            });
            read.ok()
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    async fn write(&self, writes: &Writes) -> Result<(), store::Error> {
        let row = |sighting: &Sighting| {
            let body = serde_json::to_string(sighting);
            let body = body.inspect_err(|error| {
                invariant::broken("a sighting that is no JSON", error);
            });
            Some((sighting.key(), body.ok()?))
        };
        let rows: Vec<(String, String)> = writes.put.iter().filter_map(row).collect();
        self.context
            .store
            .change_sightings(&rows, &writes.delete)
            .await
    }

    /// Keeps what was found, and drops what is outdated.
    async fn keep(&self, found: Vec<Sighting>) -> Result<(), store::Error> {
        let _alone = self.changing.lock().await;
        let mut kept = self.kept().await?;
        let selection = self.targets();
        let targets: Vec<&Target> = selection.iter().map(|entry| &*entry.target).collect();
        let served = self.context.kinds.served();
        let has_target = |sighting: &Sighting| {
            propose::target_at(sighting, &targets, &relatives(&served, sighting)).is_some()
        };
        let mut all = Writes::default();
        for new in found {
            let has_target = has_target(&new);
            let writes = sighting::take_in(&kept, new, has_target);
            let put: Vec<String> = writes.put.iter().map(Sighting::key).collect();
            kept.retain(|one| {
                let key = one.key();
                !put.contains(&key) && !writes.delete.contains(&key)
            });
            kept.extend(writes.put.iter().cloned());
            all.put.extend(writes.put);
            all.delete.extend(writes.delete);
        }
        all.delete.extend(sighting::outdated(
            &kept,
            clock::now(),
            KEPT_MAX,
            has_target,
        ));
        all.put.retain(|one| !all.delete.contains(&one.key()));
        self.write(&all).await
    }
}

/// Checks the rest of a request.
fn check(request: &Discover, kinds: &[Kind]) -> Result<(), Error> {
    let wrong = |problem: &str| {
        Err(Error::Request {
            problem: problem.into(),
        })
    };
    if request.port == Some(0) {
        return wrong("ports are from 1 to 65535");
    }
    if request.port.is_some() && kinds.len() != 1 {
        return wrong("a port is that of one kind: name the kind, too");
    }
    match request.per_second {
        Some(rate) if !(1..=PER_SECOND_MAX).contains(&rate) => Err(Error::Request {
            problem: format!("1 to {PER_SECOND_MAX} addresses a second are asked, not {rate}"),
        }),
        _ => Ok(()),
    }
}

/// The reason why a kind cannot be asked for that nothing in the zone serves: it may be mistyped.
fn unserved(served: &ServedKinds, kind: &Kind, zone: &Zone) -> String {
    let nobody = served.nobody(kind, zone);
    let able: Vec<&str> = able(served, zone).map(|(kind, _)| kind.as_str()).collect();
    match able.is_empty() || served.has(kind) {
        true => nobody,
        false => format!("{nobody}: {}", suggest::hint(kind.as_str(), able)),
    }
}

fn can_discover(served: &Served) -> bool {
    let mut actions = served.manifest.actions.iter();
    actions.any(|action| action.is_internal() && action.name.as_str() == DISCOVER)
}

/// The kinds of a zone that can be discovered.
fn able<'a>(
    served: &'a ServedKinds,
    zone: &'a Zone,
) -> impl Iterator<Item = (&'a Kind, &'a Served)> {
    let all = served
        .kinds()
        .filter_map(|kind| Some((kind, served.get(kind, zone)?)));
    all.filter(|(_, found)| can_discover(found))
}

/// The kinds of a zone that speak the protocol of the kind by which something was found: those of
/// the same program.
fn relatives(served: &ServedKinds, sighting: &Sighting) -> Vec<Kind> {
    let Some(own) = served.get(&sighting.kind, &sighting.zone) else {
        return vec![sighting.kind.clone()];
    };
    let program = &own.manifest.run.program;
    let is_same = |kind: &&Kind| {
        let found = served.get(kind, &sighting.zone);
        found.is_some_and(|found| found.manifest.run.program == *program)
    };
    served.kinds().filter(is_same).cloned().collect()
}

/// The rank of a way in: by which more can be done comes first.
fn rank(served: &ServedKinds, sighting: &Sighting) -> usize {
    let found = served.get(&sighting.kind, &sighting.zone);
    let controls = found.map_or(0, |found| {
        let actions = found.manifest.actions.iter();
        actions
            .filter(|action| action.class == Class::Control)
            .count()
    });
    usize::MAX - controls
}

/// The profiles that a release is made of.
fn profiles_of(served: &Served) -> Vec<&str> {
    let profiles = served.manifest.settings.get("profiles");
    let profiles = profiles.and_then(serde_json::Value::as_array);
    let names = profiles.into_iter().flatten();
    names.filter_map(serde_json::Value::as_str).collect()
}
