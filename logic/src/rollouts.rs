//! Rollouts: the way of a kind to another release, environment by environment.
//!
//! ```text
//!  people ─► begin, pause, promote, abort ─┐
//!  statuses of environments ─► advance ────┼─► order book ─► desired/<zone>
//!  devices read back ─► tally ─────────────┘       │
//!                                                store
//! ```
//!
//! The environments carry a rollout out by themselves; here is only who may begin, what reading
//! devices back says, and that one which goes back turns all back.

mod advance;
mod error;
mod find;
mod pins;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    ledger::Said,
    rollout::{KindAsked, NewRollout, Pins, Placement, ReadBack, Rollout, RolloutState},
};
use utakata_model::{
    EnvironmentStatus, Kind, PersonName, ReleaseId, RolloutId, RolloutPhase, suggest,
};

pub(crate) use advance::order;
pub use error::Error;
pub use pins::PinTable;

use crate::{
    catalogue::Catalogue,
    duties::Duties,
    evidence::ReadBackCounts,
    kinds::Kinds,
    orders::{ChangeOfKind, OrderBook},
    store::{self, Store},
};

/// Looked at again at least so often.
const EVERY: Duration = Duration::from_secs(1);
/// So soon after the start every environment that is there was heard of: they tell themselves
/// again and again.
const ALL_HEARD_WITHIN: Duration = Duration::from_secs(12);
/// Between two looks whether one was heard of.
const AGAIN: Duration = Duration::from_millis(100);
/// Statuses that come together are looked at together.
const APART: Duration = Duration::from_millis(20);

/// What a person does about a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Let it stay where it is.
    Pause,
    /// Let it go on.
    Resume,
    /// Let it go on to the next phase without further evidence, wherever it is now.
    Promote,
    /// Take it back.
    Abort,
}

/// The rollouts.
pub struct Rollouts {
    orders: Arc<OrderBook>,
    kinds: Arc<Kinds>,
    store: Arc<dyn Store>,
    counts: Arc<ReadBackCounts>,
    catalogue: Arc<Catalogue>,
    heard: Notify,
    started: Instant,
}

impl Rollouts {
    /// Those of an order book.
    pub fn new(
        orders: Arc<OrderBook>,
        kinds: Arc<Kinds>,
        store: Arc<dyn Store>,
        counts: Arc<ReadBackCounts>,
        catalogue: Arc<Catalogue>,
    ) -> Self {
        Self {
            orders,
            kinds,
            store,
            counts,
            catalogue,
            heard: Notify::new(),
            started: Instant::now(),
        }
    }

    /// Begins one.
    ///
    /// # Errors
    /// There is no such kind or release, it serves already, the kind is on its way already, the
    /// plan cannot be, or the store failed.
    pub async fn begin(&self, asked: NewRollout, by: PersonName) -> Result<Rollout, Error> {
        asked.plan.validate()?;
        let kind = asked.kind.clone();
        let environments = self.kinds.in_their_zones();
        let serving = self.serving(&kind)?;
        let to = self.release(&kind, &asked.to).await?;
        self.refuse_breaks(&to).await?;
        let waves = match asked.waves.is_empty() {
            true => advance::waves(&kind, &environments),
            false => asked.waves,
        };
        let now = crate::clock::now();
        let mut begun = None;
        self.orders
            .change_kind(&kind, |before, open| {
                if let Some(open) = open {
                    let rollout = Box::new(open.clone());
                    return Err(Error::Open { rollout });
                }
                let from = before.stable.clone().unwrap_or(serving);
                if from.digest == to.digest {
                    return Err(Error::Serves { release: to });
                }
                let rollout = Rollout {
                    id: RolloutId::generate(),
                    kind: kind.clone(),
                    from: from.clone(),
                    to,
                    plan: asked.plan,
                    waves,
                    wave: 0,
                    by,
                    why: asked.why,
                    began: now,
                    state: RolloutState::Running,
                    changed: None,
                    problem: None,
                    ended: None,
                    environments: std::collections::BTreeMap::new(),
                    read_back: ReadBack::default(),
                    read_back_before: ReadBack::default(),
                };
                self.counts.forget(&rollout.to.digest);
                let rollout = advance::advance(rollout, &environments, now);
                begun = Some(rollout.clone());
                Ok(ChangeOfKind {
                    // From now on it is said, and not whatever is the newest.
                    asked: Some(KindAsked {
                        stable: Some(from),
                        ..before.clone()
                    }),
                    rollout: Some(rollout),
                })
            })
            .await?;
        // Without it there was an error.
        let rollout = begun.ok_or_else(|| no_kind(&asked.kind, &self.kinds))?;
        tracing::info!(rollout = %rollout.id, from = %rollout.from, to = %rollout.to, by = %rollout.by,
            "a rollout begins");
        Ok(rollout)
    }

    /// Has a release serve a kind that none was asked for yet. Whether that is so now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn adopt(&self, release: &ReleaseId) -> Result<bool, store::Error> {
        if self.is_served(&release.kind).await {
            return Ok(false);
        }
        let adopt = |before: &KindAsked, open: Option<&Rollout>| {
            let is_free = before.stable.is_none() && open.is_none();
            Ok(if is_free {
                let asked = KindAsked {
                    stable: Some(release.clone()),
                    ..before.clone()
                };
                ChangeOfKind {
                    asked: Some(asked),
                    rollout: None,
                }
            } else {
                ChangeOfKind::default()
            })
        };
        self.orders.change_kind(&release.kind, adopt).await
    }

    /// Whether somebody serves a kind, or did so when it was last heard of. Who has just started
    /// may not have heard of all environments: where it matters, because there are targets, it
    /// is waited for them.
    async fn is_served(&self, kind: &Kind) -> bool {
        let is_known = || {
            let releases = self.kinds.releases();
            releases.iter().any(|(release, _)| release.kind == *kind)
        };
        while !is_known() {
            let has_targets = self.catalogue.targets_of(kind) > 0;
            if !has_targets || self.started.elapsed() >= ALL_HEARD_WITHIN {
                return false;
            }
            tokio::time::sleep(AGAIN).await;
        }
        true
    }

    /// What a person does about one; gives how it is then.
    ///
    /// # Errors
    /// There is none, it is not in its state, or the store failed.
    pub async fn change(&self, id: RolloutId, verb: Verb, said: Said) -> Result<Rollout, Error> {
        let rollout = self.find(id).await?;
        let environments = self.kinds.in_their_zones();
        let mut changed = None;
        self.orders
            .change_kind(&rollout.kind, |_, open| {
                let open = open.filter(|open| open.id == id).unwrap_or(&rollout);
                // What the environments told last is what was decided upon.
                let open = advance::seen(open.clone(), &environments);
                let after = after(&open, verb, said)?;
                changed = Some(after.clone());
                Ok::<_, Error>(ChangeOfKind {
                    asked: None,
                    rollout: Some(after),
                })
            })
            .await?;
        tracing::info!(rollout = %id, ?verb, "somebody decides about a rollout");
        self.heard.notify_one();
        changed.ok_or(Error::None { id })
    }

    /// Says which targets of a kind keep which release.
    ///
    /// # Errors
    /// There is no such kind or release, or the store failed.
    pub async fn pin(&self, kind: &Kind, pins: Pins) -> Result<KindAsked, Error> {
        self.serving(kind)?;
        let mut pins = pins.pins;
        let mut kept = Vec::new();
        for pin in &mut pins {
            let release = self.release(kind, &pin.version).await?;
            pin.version = release.version.to_string();
            if !kept.contains(&release) {
                kept.push(release);
            }
        }
        self.ask(kind, |asked| {
            asked.pins = pins;
            asked.kept = kept;
        })
        .await
    }

    /// Says which environments serve a kind.
    ///
    /// # Errors
    /// There is no such kind, or the store failed.
    pub async fn place(&self, kind: &Kind, placement: Placement) -> Result<KindAsked, Error> {
        if self.orders.of_kind(kind).0 == KindAsked::default() {
            self.serving(kind)?;
        }
        self.ask(kind, |asked| asked.placement = placement.environments)
            .await
    }

    async fn ask(
        &self,
        kind: &Kind,
        change: impl FnOnce(&mut KindAsked),
    ) -> Result<KindAsked, Error> {
        let mut asked = None;
        self.orders
            .change_kind(kind, |before, _| {
                let mut after = before.clone();
                change(&mut after);
                asked = Some(after.clone());
                let is_other = after != *before;
                Ok::<_, Error>(ChangeOfKind {
                    asked: is_other.then_some(after),
                    rollout: None,
                })
            })
            .await?;
        Ok(asked.unwrap_or_default())
    }

    /// One, whether it is over or not.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn find(&self, id: RolloutId) -> Result<Rollout, Error> {
        let mut open = self.orders.open_rollouts().into_iter();
        if let Some(open) = open.find(|one| one.id == id) {
            return Ok(open);
        }
        self.store.rollout(id).await?.ok_or(Error::None { id })
    }

    /// All of them, newest first, those before `before` if given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        before: Option<RolloutId>,
        most: u32,
    ) -> Result<Vec<Rollout>, store::Error> {
        let mut found = self.store.rollouts(before, most).await?;
        for open in self.orders.open_rollouts() {
            if let Some(one) = found.iter_mut().find(|one| one.id == open.id) {
                *one = open;
            }
        }
        Ok(found)
    }

    /// The release that somebody means, of those that are in the catalogue or that environments
    /// have and that count.
    async fn release(&self, kind: &Kind, to: &str) -> Result<ReleaseId, Error> {
        let had = self.kinds.releases().into_iter();
        let mut known: Vec<ReleaseId> = had.map(|(release, _)| release).collect();
        known.extend(self.catalogue.nameable(kind).await?);
        known.sort();
        known.dedup();
        find::release(kind, to, &known)
    }

    /// Refuses a release with which something would not work any more.
    async fn refuse_breaks(&self, release: &ReleaseId) -> Result<(), Error> {
        let Some(manifest) = self.catalogue.manifest_of(release).await? else {
            return Ok(());
        };
        let breaks = self.catalogue.breaks(&release.kind, &manifest).await?;
        match breaks.is_empty() {
            true => Ok(()),
            false => Err(Error::Breaks {
                release: release.clone(),
                breaks,
            }),
        }
    }

    /// The release that serves a kind now: the one that is to, or else that of most targets.
    fn serving(&self, kind: &Kind) -> Result<ReleaseId, Error> {
        if let Some(stable) = self.orders.of_kind(kind).0.stable {
            return Ok(stable);
        }
        let served = self.catalogue.serving(kind);
        served.ok_or_else(|| no_kind(kind, &self.kinds))
    }

    /// An environment tells how it is.
    pub fn heard(&self, status: &EnvironmentStatus) {
        if !status.rollouts.is_empty() || !self.orders.open_rollouts().is_empty() {
            self.heard.notify_one();
        }
    }

    /// Lets rollouts go on while the ledger is kept here, until it is cancelled.
    pub async fn run(&self, mut duties: watch::Receiver<Duties>, cancel: CancellationToken) {
        let going_on = async {
            loop {
                let kept = duties.wait_for(|duties| duties.ledger.is_some());
                if kept.await.map(drop).is_err() {
                    return;
                }
                self.look().await;
                tokio::select! {
                    () = self.heard.notified() => tokio::time::sleep(APART).await,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = going_on => {}
        }
    }

    /// Lets each one go on as far as it can.
    async fn look(&self) {
        let environments = self.kinds.in_their_zones();
        for open in self.orders.open_rollouts() {
            let seen = Rollout {
                read_back: self.read_back(&open.to, open.read_back),
                read_back_before: self.read_back(&open.from, open.read_back_before),
                ..open.clone()
            };
            let after = advance::advance(seen, &environments, crate::clock::now());
            if after == open {
                continue;
            }
            if is_alike(&open, &after) {
                self.orders.look_at(after);
                continue;
            }
            if let Err(error) = self.go_on(&open, after).await {
                tracing::warn!(%error, rollout = %open.id, "a rollout cannot go on now");
            }
        }
    }

    /// Writes how one stands now, unless somebody has changed it meanwhile.
    async fn go_on(&self, before: &Rollout, after: Rollout) -> Result<(), store::Error> {
        tell(before, &after);
        let decide = |asked: &KindAsked, open: Option<&Rollout>| {
            if open.is_none_or(|open| open.id != after.id || open.state != before.state) {
                return Ok(ChangeOfKind::default());
            }
            let is_done = after.state == RolloutState::Done;
            let asked = is_done.then(|| KindAsked {
                stable: Some(after.to.clone()),
                ..asked.clone()
            });
            let rollout = Some(after);
            Ok(ChangeOfKind { asked, rollout })
        };
        let kind = before.kind.clone();
        self.orders.change_kind(&kind, decide).await.map(drop)
    }

    fn read_back(&self, release: &ReleaseId, known: ReadBack) -> ReadBack {
        let counted = self.counts.of(&release.digest);
        // Another logic environment may have counted before.
        ReadBack {
            shown: counted.shown.max(known.shown),
            not_shown: counted.not_shown.max(known.not_shown),
        }
    }
}

/// How a rollout is after a person decided.
fn after(open: &Rollout, verb: Verb, said: Said) -> Result<Rollout, Error> {
    use RolloutState::{Aborting, Paused, Running};
    let mut after = open.clone();
    after.changed = Some(said);
    after.state = match (verb, open.state) {
        (Verb::Pause, Running) => Paused,
        (Verb::Resume, Paused) => Running,
        (Verb::Abort, Running | Paused) => Aborting,
        (Verb::Promote, state @ (Running | Paused)) => {
            advance::without_gone(&mut after);
            for standing in after.environments.values_mut() {
                if matches!(standing.phase, RolloutPhase::Shadow | RolloutPhase::Canary) {
                    standing.promoted = standing.promoted.max(Some(standing.phase));
                }
            }
            state
        }
        (_, state) => {
            return Err(Error::State {
                id: open.id,
                state: word(state),
                verb: match verb {
                    Verb::Pause => "paused",
                    Verb::Resume => "resumed",
                    Verb::Promote => "promoted",
                    Verb::Abort => "aborted",
                },
            });
        }
    };
    Ok(after)
}

/// A state, in words.
fn word(state: RolloutState) -> &'static str {
    match state {
        RolloutState::Running => "running",
        RolloutState::Paused => "paused",
        RolloutState::GoingBack => "going back",
        RolloutState::Aborting => "being aborted",
        RolloutState::Done => "done",
        RolloutState::Failed => "failed",
        RolloutState::Aborted => "aborted",
    }
}

fn no_kind(kind: &Kind, kinds: &Kinds) -> Error {
    let served = kinds.served();
    Error::NoKind {
        kind: kind.clone(),
        hint: suggest::hint(kind.as_str(), served.kinds().map(Kind::as_str)),
    }
}

/// Whether nothing has changed but what was seen.
fn is_alike(before: &Rollout, after: &Rollout) -> bool {
    let phases = |rollout: &Rollout| -> Vec<_> {
        let standings = rollout.environments.iter();
        standings.map(|(id, one)| (id.clone(), one.phase)).collect()
    };
    (before.state, before.wave) == (after.state, after.wave) && phases(before) == phases(after)
}

/// Says, for people, how far one is.
fn tell(before: &Rollout, after: &Rollout) {
    let (rollout, kind, to) = (after.id, &after.kind, &*after.to.version);
    match (&after.problem, after.state) {
        _ if before.state == after.state => {
            if before.wave != after.wave {
                tracing::info!(%rollout, %kind, to, wave = after.wave, "the next wave begins");
            }
        }
        (Some(problem), RolloutState::GoingBack | RolloutState::Failed) => {
            tracing::warn!(%rollout, %kind, to, %problem, state = word(after.state), "a rollout goes back");
        }
        _ => tracing::info!(%rollout, %kind, to, state = word(after.state), "a rollout goes on"),
    }
}
