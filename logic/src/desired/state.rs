//! The desired state of environments and kinds, as a value: no IO, no clock.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use utakata_api::{
    environment::Suspension,
    rollout::{KindAssignment, Rollout},
};
use utakata_model::{
    EnvironmentId, EnvironmentStatus, Kind, Order, Orders, ReleaseDigest, ReleaseId, Scope,
};

use crate::store::{self, KindRow, OrderRow};

/// The desired state of a site.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredState {
    /// The revision, which grows with each change; 0 if nothing was ever ordered.
    pub revision: u64,
    /// The orders of environments, and of kinds in them.
    pub environments: BTreeMap<EnvironmentId, OrderRow>,
    /// The orders of zones, kinds and releases.
    pub scopes: BTreeMap<Scope, Order>,
    /// The desired releases and placements, by kind.
    pub kinds: BTreeMap<Kind, KindAssignment>,
    /// The rollouts that are not over.
    pub rollouts: BTreeMap<Kind, Rollout>,
}

/// The facts on which decisions are based.
#[derive(Debug, Clone)]
pub struct Context {
    /// Every known environment.
    pub heard: Vec<Arc<EnvironmentStatus>>,
    /// Those of them that are in their own zones.
    pub counting: Vec<Arc<EnvironmentStatus>>,
    pub now: Timestamp,
}

/// A command that changes the desired state.
pub trait Command {
    /// The reply to the caller.
    type Reply;
    /// A reason why nothing was changed.
    type Error: From<store::Error>;

    /// Decides the change, if there is any. Pure.
    ///
    /// # Errors
    /// Nothing is changed.
    fn decide(
        self,
        state: &DesiredState,
        context: &Context,
    ) -> Result<(Option<DesiredChange>, Self::Reply), Self::Error>;
}

/// A change, first recorded and then applied: both in the same form, so that memory and store
/// agree.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredChange {
    /// The revision that the change makes.
    pub revision: u64,
    /// The part that changes.
    pub part: DesiredPart,
}

/// A part of the state, with its new value.
#[derive(Debug, Clone, PartialEq)]
pub enum DesiredPart {
    /// The orders of an environment.
    Environment(OrderRow),
    /// The order for a zone, a kind or a release; `None` lifts it.
    Scope(Scope, Option<Order>),
    /// A kind and its rollout, as far as they change.
    Kind {
        requested: Option<KindRow>,
        rollout: Option<Box<Rollout>>,
    },
    /// Nothing but the revision.
    Nothing,
}

impl DesiredState {
    /// Returns the change of a part.
    pub(super) fn change(&self, part: DesiredPart, now: Timestamp) -> DesiredChange {
        DesiredChange {
            revision: next(self.revision, now),
            part,
        }
    }

    /// Applies a change.
    pub fn make(&mut self, change: DesiredChange) {
        self.revision = change.revision;
        match change.part {
            DesiredPart::Environment(row) if row.orders.is_empty() => {
                self.environments.remove(&row.environment);
            }
            DesiredPart::Environment(row) => {
                self.environments.insert(row.environment.clone(), row);
            }
            DesiredPart::Scope(scope, Some(order)) => drop(self.scopes.insert(scope, order)),
            DesiredPart::Scope(scope, None) => drop(self.scopes.remove(&scope)),
            DesiredPart::Kind { requested, rollout } => {
                if let Some(row) = requested {
                    self.kinds.insert(row.kind, row.requested);
                }
                match rollout {
                    Some(rollout) if rollout.state.is_over() => {
                        self.rollouts.remove(&rollout.kind);
                    }
                    Some(rollout) => drop(self.rollouts.insert(rollout.kind.clone(), *rollout)),
                    None => {}
                }
            }
            DesiredPart::Nothing => {}
        }
    }

    /// Returns the desired state of a kind.
    pub fn kind(&self, kind: &Kind) -> KindAssignment {
        self.kinds.get(kind).cloned().unwrap_or_default()
    }

    /// Returns the orders of each environment that has any.
    pub fn orders(&self) -> BTreeMap<EnvironmentId, Orders> {
        let rows = self.environments.iter();
        rows.map(|(id, row)| (id.clone(), row.orders.clone()))
            .collect()
    }

    pub fn all_orders(&self) -> Vec<Suspension> {
        let scopes = self.scopes.iter();
        let standing = |scope: Scope, order: &Order| Suspension {
            scope,
            order: order.clone(),
        };
        let mut all: Vec<Suspension> = scopes
            .map(|(scope, order)| standing(scope.clone(), order))
            .collect();
        for (id, row) in &self.environments {
            let whole = row.orders.all.iter();
            all.extend(whole.map(|order| standing(Scope::Environment(id.clone()), order)));
            let kinds = row.orders.kinds.iter();
            all.extend(kinds.map(|(kind, order)| {
                standing(Scope::KindInEnvironment(kind.clone(), id.clone()), order)
            }));
        }
        all
    }

    /// Returns the users of a release, each in a few words.
    pub fn wanting(&self, digest: &ReleaseDigest) -> Vec<String> {
        let is_it = |release: &ReleaseId| release.digest == *digest;
        let mut by = Vec::new();
        for (kind, requested) in &self.kinds {
            if requested.stable.as_ref().is_some_and(is_it) {
                by.push(format!("it is to serve {kind}"));
            }
            if requested.kept.iter().any(is_it) {
                by.push(format!("targets of {kind} are pinned to it"));
            }
        }
        let open = self.rollouts.values();
        let on_its_way = open.filter(|one| is_it(&one.to) || is_it(&one.from));
        by.extend(on_its_way.map(|one| format!("the rollout {} is under way", one.id)));
        by
    }
}

/// Returns the next revision. Based on milliseconds since 1970, so that a store that was lost and
/// started again is not behind.
pub(super) fn next(revision: u64, now: Timestamp) -> u64 {
    // A clock before 1970 counts as being there.
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    now.max(revision.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_grows_whatever_the_clock_says() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        for (revision, now, expect) in [
            (0, 1_000, 1_000),
            (999, 1_000, 1_000),
            (1_000, 1_000, 1_001),
            (5_000, 1_000, 5_001),
            (7, -5, 8),
        ] {
            assert_eq!(next(revision, at(now)), expect, "{revision} at {now}");
        }
    }
}
