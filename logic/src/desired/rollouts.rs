//! Rollouts of a kind to another release, environment by environment.
//!
//! ```text
//! people ─► begin, pause, promote, abort ─┐
//! statuses of environments ─► advance ────┼─► desired state ─► desired/<zone>
//! devices read back ─► counts ────────────┘       │
//!                                               store
//! ```
//!
//! The environments carry out a rollout by themselves. Decided here are only which of them may
//! begin, what read-backs say about the release, and that all go back when one does.

mod commands;
mod error;
mod find;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    ledger::Attribution,
    rollout::{KindAssignment, NewRollout, Pins, Placement, ReadBack, Rollout, RolloutState},
};
use utakata_model::{EnvironmentStatus, Kind, PersonName, ReleaseId, RolloutId, suggest};
use utakata_rollout::site;

pub use commands::RolloutVerb;
pub use error::Error;

use self::commands::{Adopt, Begin, GoOn, PinKind, PlaceKind, Say, word};
use super::Desired;
use crate::{catalogue::Catalogue, duties::Duties, evidence::ReadBackCounts, kinds::Kinds, store};

/// The longest interval between looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// The time after the start by which every running environment has been heard of, since they report
/// regularly.
const HEARD_TIMEOUT: Duration = Duration::from_secs(12);
/// The interval between looks for an environment's first report.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// The time for which statuses are collected, to be looked at together.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// The rollouts of a site.
pub struct Rollouts {
    desired: Arc<Desired>,
    kinds: Arc<Kinds>,
    store: Arc<dyn store::Desired>,
    counts: Arc<ReadBackCounts>,
    catalogue: Arc<Catalogue>,
    heard: Notify,
    started: Instant,
}

impl Rollouts {
    /// Creates the service for the rollouts in the desired state.
    pub fn new(
        desired: Arc<Desired>,
        kinds: Arc<Kinds>,
        store: Arc<dyn store::Desired>,
        counts: Arc<ReadBackCounts>,
        catalogue: Arc<Catalogue>,
    ) -> Self {
        Self {
            desired,
            kinds,
            store,
            counts,
            catalogue,
            heard: Notify::new(),
            started: Instant::now(),
        }
    }

    /// Begins a rollout.
    ///
    /// # Errors
    /// There is no such kind or release, it serves already, the kind has another rollout under way,
    /// the plan is invalid, or the store failed.
    pub async fn begin(&self, requested: NewRollout, by: PersonName) -> Result<Rollout, Error> {
        requested.plan.validate()?;
        let serving = self.serving(&requested.kind)?;
        let to = self.release(&requested.kind, &requested.to).await?;
        self.refuse_breaks(&to).await?;
        let begin = Begin {
            id: RolloutId::generate(),
            requested,
            by,
            serving,
            to,
        };
        // Counts from an earlier rollout of the release say nothing about this one.
        let forget = |rollout: &Rollout| self.counts.forget(&rollout.to.digest);
        let rollout = self.desired.carry_out_after(begin, forget).await?;
        tracing::info!(rollout = %rollout.id, from = %rollout.from, to = %rollout.to, by = %rollout.by,
            "a rollout begins");
        Ok(rollout)
    }

    /// Makes a release serve a kind for which none was set yet. Returns true if it does now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn adopt(&self, release: &ReleaseId) -> Result<bool, store::Error> {
        if self.is_served(&release.kind).await {
            return Ok(false);
        }
        self.desired.carry_out(Adopt(release.clone())).await
    }

    /// Returns true if some environment serves a kind, or did so at its last report. A logic
    /// environment that has just started may not have heard of all environments: where it matters,
    /// because there are targets, it waits for them.
    async fn is_served(&self, kind: &Kind) -> bool {
        let is_known = || {
            let releases = self.kinds.releases();
            releases.iter().any(|(release, _)| release.kind == *kind)
        };
        while !is_known() {
            let has_targets = self.catalogue.targets_of(kind) > 0;
            if !has_targets || self.started.elapsed() >= HEARD_TIMEOUT {
                return false;
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        true
    }

    /// Carries out a person's decision about a rollout, and returns it.
    ///
    /// # Errors
    /// There is none, its state does not allow this, or the store failed.
    pub async fn change(
        &self,
        id: RolloutId,
        verb: RolloutVerb,
        attribution: Attribution,
    ) -> Result<Rollout, Error> {
        let rollout = self.find(id).await?;
        let say = Say {
            rollout,
            verb,
            attribution,
        };
        let rollout = self.desired.carry_out(say).await?;
        tracing::info!(rollout = %id, ?verb, "a person decides about a rollout");
        self.heard.notify_one();
        Ok(rollout)
    }

    /// Sets the pins of a kind.
    ///
    /// # Errors
    /// There is no such kind or release, or the store failed.
    pub async fn pin(&self, kind: &Kind, pins: Pins) -> Result<KindAssignment, Error> {
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
        let kind = kind.clone();
        self.desired.carry_out(PinKind { kind, pins, kept }).await
    }

    /// Sets the placement of a kind.
    ///
    /// # Errors
    /// There is no such kind, or the store failed.
    pub async fn place(&self, kind: &Kind, placement: Placement) -> Result<KindAssignment, Error> {
        if self.desired.of_kind(kind).0 == KindAssignment::default() {
            self.serving(kind)?;
        }
        let place = PlaceKind {
            kind: kind.clone(),
            placement: placement.environments,
        };
        self.desired.carry_out(place).await
    }

    /// Finds a rollout, whether it is over or not.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn find(&self, id: RolloutId) -> Result<Rollout, Error> {
        let mut open = self.desired.open_rollouts().into_iter();
        if let Some(open) = open.find(|one| one.id == id) {
            return Ok(open);
        }
        self.store.rollout(id).await?.ok_or(Error::None { id })
    }

    /// Returns all rollouts, newest first, those before `before` if given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        before: Option<RolloutId>,
        max: u32,
    ) -> Result<Vec<Rollout>, store::Error> {
        let mut found = self.store.rollouts(before, max).await?;
        for open in self.desired.open_rollouts() {
            if let Some(one) = found.iter_mut().find(|one| one.id == open.id) {
                *one = open;
            }
        }
        Ok(found)
    }

    /// Finds a release among those that are in the catalogue, or that environments have and that
    /// count.
    async fn release(&self, kind: &Kind, to: &str) -> Result<ReleaseId, Error> {
        let had = self.kinds.releases().into_iter();
        let mut known: Vec<ReleaseId> = had.map(|(release, _)| release).collect();
        known.extend(self.catalogue.nameable(kind).await?);
        known.sort();
        known.dedup();
        find::release(kind, to, &known)
    }

    /// Refuses a release under which something would stop working.
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

    /// Returns the release that serves a kind now: the desired one, or that of most targets.
    fn serving(&self, kind: &Kind) -> Result<ReleaseId, Error> {
        if let Some(stable) = self.desired.of_kind(kind).0.stable {
            return Ok(stable);
        }
        let served = self.catalogue.serving(kind);
        served.ok_or_else(|| no_kind(kind, &self.kinds))
    }

    /// Takes note of the status of an environment.
    pub fn on_status(&self, status: &EnvironmentStatus) {
        if !status.rollouts.is_empty() || !self.desired.state().rollouts.is_empty() {
            self.heard.notify_one();
        }
    }

    /// Advances rollouts while the ledger is kept here, until it is cancelled.
    pub async fn run(&self, mut duties: watch::Receiver<Duties>, cancel: CancellationToken) {
        let going_on = async {
            loop {
                let kept = duties.wait_for(|duties| duties.ledger.is_some());
                if kept.await.map(drop).is_err() {
                    return;
                }
                self.look().await;
                tokio::select! {
                    () = self.heard.notified() => tokio::time::sleep(DEBOUNCE).await,
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = going_on => {}
        }
    }

    /// Advances each rollout as far as possible.
    async fn look(&self) {
        let environments = self.kinds.in_their_zones();
        for open in self.desired.open_rollouts() {
            let seen = Rollout {
                read_back: self.read_back(&open.to, open.read_back),
                read_back_before: self.read_back(&open.from, open.read_back_before),
                ..open.clone()
            };
            let after = site::advance(seen, &environments, crate::clock::now());
            if after == open {
                continue;
            }
            if is_alike(&open, &after) {
                self.desired.look_at(after);
                continue;
            }
            log(&open, &after);
            let go_on = GoOn {
                before: open.state,
                after,
            };
            if let Err(error) = self.desired.carry_out(go_on).await {
                tracing::warn!(%error, rollout = %open.id, "a rollout cannot proceed now");
            }
        }
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

fn no_kind(kind: &Kind, kinds: &Kinds) -> Error {
    let served = kinds.served();
    Error::NoKind {
        kind: kind.clone(),
        hint: suggest::hint(kind.as_str(), served.kinds().map(Kind::as_str)),
    }
}

/// Returns true if nothing has changed except the evidence.
fn is_alike(before: &Rollout, after: &Rollout) -> bool {
    let phases = |rollout: &Rollout| -> Vec<_> {
        let standings = rollout.environments.iter();
        standings.map(|(id, one)| (id.clone(), one.phase)).collect()
    };
    (before.state, before.wave) == (after.state, after.wave) && phases(before) == phases(after)
}

/// Logs the progress of a rollout.
fn log(before: &Rollout, after: &Rollout) {
    let (rollout, kind, to) = (after.id, &after.kind, &*after.to.version);
    match (&after.problem, after.state) {
        _ if before.state == after.state => {
            if before.wave != after.wave {
                tracing::info!(%rollout, %kind, to, wave = after.wave, "the next wave begins");
            }
        }
        (Some(problem), RolloutState::GoingBack | RolloutState::Failed) => {
            tracing::warn!(%rollout, %kind, to, %problem, state = word(after.state), "a rollout rolls back");
        }
        _ => tracing::info!(%rollout, %kind, to, state = word(after.state), "a rollout proceeds"),
    }
}
