//! The desired state of this environment: received from the logic environment, and kept in a file
//! so that it survives a restart even while nobody can be reached.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;
use utakata_interconnect::Message as _;
use utakata_model::{
    Desired, EnvironmentId, Kind, KindDesired, Labels, Orders, ReleaseId, ReleaseName,
    StandingOrders, Stop, StopState, Stopped, TargetNetworks, Zone,
};

use crate::folder::{self, Unreadable};

/// The file with the latest desired state.
const FILE: &str = "desired.json";

/// The desired state of this environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LocalDesired {
    /// The revision, if any was ever received.
    pub(crate) revision: Option<u64>,
    orders: Orders,
    /// The orders for everybody in the zone.
    standing: StandingOrders,
    /// The desired state of each kind that has any.
    pub(crate) kinds: BTreeMap<Kind, KindDesired>,
    /// The networks of the targets of each kind, if the logic environment has sent them.
    pub(crate) targets: Option<Arc<BTreeMap<Kind, TargetNetworks>>>,
}

/// The names by which placements select an environment.
#[derive(Debug)]
pub(crate) struct Locality<'l> {
    pub(crate) id: &'l EnvironmentId,
    pub(crate) zone: &'l Zone,
    pub(crate) labels: &'l Labels,
}

impl Locality<'_> {
    /// Returns true if a kind is to be served here.
    pub(crate) fn is_meant(&self, desired: &KindDesired) -> bool {
        let value = |key: &str| match key {
            "name" => Some(self.id.as_str()),
            "zone" => Some(self.zone.as_str()),
            _ => self.labels.get(key).map(String::as_str),
        };
        let placement = desired.placement.as_ref();
        placement.is_none_or(|placement| placement.matches_by(value))
    }
}

impl LocalDesired {
    /// Applies received desired state; `None` if it is old, or changes nothing. Within a revision
    /// nothing but the networks of targets may change.
    fn after(&self, desired: &Desired, me: &EnvironmentId) -> Option<Self> {
        let targets = desired.targets.clone().map(Arc::new);
        let is_later = self.revision.is_none_or(|known| known < desired.revision);
        if is_later {
            return Some(Self {
                revision: Some(desired.revision),
                orders: desired.environments.get(me).cloned().unwrap_or_default(),
                standing: desired.standing.clone(),
                kinds: desired.kinds.clone(),
                targets,
            });
        }
        let is_other = self.revision == Some(desired.revision) && self.targets != targets;
        is_other.then(|| Self {
            targets,
            ..self.clone()
        })
    }

    /// Returns the order to stop a kind, if there is one.
    pub(crate) fn stop(&self, kind: &Kind) -> Option<Stop> {
        let StandingOrders { zone, everywhere } = &self.standing;
        let of_kind = [&self.orders, zone, everywhere].map(|orders| orders.kinds.get(kind));
        let of_kind = of_kind.into_iter().flatten().map(|order| order.stop);
        of_kind.chain(self.stop_all()).max()
    }

    /// Returns the order to stop everything, if there is one.
    fn stop_all(&self) -> Option<Stop> {
        let all = [&self.orders.all, &self.standing.zone.all];
        let all = all.into_iter().flatten();
        all.map(|order| order.stop).max()
    }

    /// Returns the versions of a kind that are to be stopped, with their orders.
    pub(crate) fn stops(&self, kind: &Kind) -> BTreeMap<Arc<str>, Stop> {
        let releases = self.standing.everywhere.releases.iter();
        let own = releases.filter(|(release, _)| release.kind == *kind);
        own.map(|(release, order)| (release.version.clone(), order.stop))
            .collect()
    }

    /// Returns every release named for the kinds placed here: those that serve, that are kept, and
    /// that are to come.
    pub(crate) fn releases(&self, here: &Locality) -> BTreeSet<ReleaseId> {
        let kinds = self.kinds.values().filter(|kind| here.is_meant(kind));
        let named = kinds.flat_map(|kind| {
            let candidate = kind.rollout.iter().map(|rollout| &rollout.candidate);
            kind.stable.iter().chain(&kind.kept).chain(candidate)
        });
        named.cloned().collect()
    }

    /// Returns the order about the rollout of a kind.
    pub(crate) fn rollout(
        &self,
        kind: &Kind,
        me: &EnvironmentId,
    ) -> Option<utakata_rollout::Order> {
        let order = self.kinds.get(kind)?.rollout.as_ref()?;
        Some(utakata_rollout::Order {
            id: order.id,
            candidate: order.candidate.clone(),
            plan: order.plan.clone(),
            go: order.environments.get(me).copied(),
        })
    }

    /// Returns the stopped parts, given the progress of each kind that is served: others have
    /// nothing left to stop.
    pub(crate) fn stopped(
        &self,
        kinds: &[(Kind, Option<StopState>)],
        releases: BTreeMap<ReleaseName, StopState>,
    ) -> Stopped {
        let of_kind = |kind: &Kind| {
            let own = kinds.iter().filter(|(other, _)| other == kind);
            Some(together(self.stop(kind)?, own.map(|(_, state)| *state)))
        };
        let states = || kinds.iter().map(|(_, state)| *state);
        // Of kinds that are stopped everywhere, those that are here.
        let StandingOrders { zone, everywhere } = &self.standing;
        let standing = zone.kinds.keys().chain(everywhere.kinds.keys());
        let here = standing.filter(|kind| kinds.iter().any(|(other, _)| other == *kind));
        let named = self.orders.kinds.keys().chain(here);
        Stopped {
            all: self.stop_all().map(|stop| together(stop, states())),
            kinds: named
                .filter_map(|kind| Some((kind.clone(), of_kind(kind)?)))
                .collect(),
            releases,
        }
    }
}

/// Returns the combined progress of an order that covers several things.
fn together(stop: Stop, mut states: impl Iterator<Item = Option<StopState>>) -> StopState {
    let is_done = |state: Option<StopState>| match stop {
        Stop::Pause => matches!(state, Some(StopState::Paused | StopState::Drained)),
        Stop::Drain => state == Some(StopState::Drained),
    };
    match (stop, states.all(is_done)) {
        (Stop::Pause, false) => StopState::Pausing,
        (Stop::Pause, true) => StopState::Paused,
        (Stop::Drain, false) => StopState::Draining,
        (Stop::Drain, true) => StopState::Drained,
    }
}

/// The keeper of the desired state.
#[derive(Debug)]
pub(crate) struct DesiredKeeper {
    me: EnvironmentId,
    pub(crate) zone: Zone,
    folder: Option<PathBuf>,
    asked: watch::Sender<LocalDesired>,
}

impl DesiredKeeper {
    /// Loads the state in the folder, if there is one.
    ///
    /// # Errors
    /// It cannot be read: something that was drained would serve.
    pub(crate) fn open(
        me: EnvironmentId,
        zone: Zone,
        folder: Option<PathBuf>,
    ) -> Result<(Self, watch::Receiver<LocalDesired>), Unreadable> {
        let kept = match folder.as_deref() {
            Some(folder) => read(folder)?,
            None => None,
        };
        let kept = kept.filter(|kept| kept.zone == zone);
        let asked = kept.and_then(|kept| LocalDesired::default().after(&kept, &me));
        let (asked, follow) = watch::channel(asked.unwrap_or_default());
        let keeper = Self {
            me,
            zone,
            folder,
            asked,
        };
        Ok((keeper, follow))
    }

    /// Applies desired state that was published.
    pub(crate) async fn hear(&self, desired: &Desired) {
        if desired.zone != self.zone {
            return;
        }
        let Some(asked) = self.asked.borrow().after(desired, &self.me) else {
            return;
        };
        let orders = |asked: &LocalDesired| (asked.orders.clone(), asked.standing.clone());
        let (before, after) = (orders(&self.asked.borrow()), orders(&asked));
        if before != after {
            let revision = desired.revision;
            let (orders, standing) = after;
            tracing::info!(
                revision,
                stopped = %orders,
                stopped_in_zone = %standing.zone,
                stopped_everywhere = %standing.everywhere,
                "other orders for this environment"
            );
        }
        if let Some(folder) = &self.folder {
            keep(folder, desired).await;
        }
        self.asked.send_replace(asked);
    }
}

fn read(folder: &Path) -> Result<Option<Desired>, Unreadable> {
    let Some(bytes) = folder::read(folder, FILE)? else {
        return Ok(None);
    };
    Ok(Desired::decode(&bytes)
        .inspect_err(|error| tracing::warn!(%error, "the orders of this environment are lost"))
        .ok())
}

async fn keep(folder: &Path, desired: &Desired) {
    let bytes = match desired.encode() {
        Ok(bytes) => bytes,
        Err(error) => return tracing::error!(%error, "an order cannot be kept"),
    };
    if let Err(error) = folder::write(folder, FILE, bytes).await {
        tracing::warn!(%error, "an order cannot be kept: it must be received again after a restart");
    }
}

#[cfg(test)]
mod tests;
