//! All that is asked of environments and kinds, as a value: no IO, no clock.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use utakata_api::{
    environment::Suspension,
    rollout::{KindAsked, Rollout},
};
use utakata_model::{
    EnvironmentId, EnvironmentStatus, Kind, Order, Orders, ReleaseDigest, ReleaseId, Scope,
};

use crate::store::{self, KindRow, OrderRow};

/// All that is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredState {
    /// Grows with each change; 0 as long as nothing was ever asked.
    pub revision: u64,
    /// Orders of environments, and of kinds in them.
    pub environments: BTreeMap<EnvironmentId, OrderRow>,
    /// Orders of zones, kinds and releases.
    pub scopes: BTreeMap<Scope, Order>,
    /// The releases and places that are asked for, by kind.
    pub kinds: BTreeMap<Kind, KindAsked>,
    /// The rollouts that are open.
    pub rollouts: BTreeMap<Kind, Rollout>,
}

/// The facts that decisions are made with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Every environment that was heard of.
    pub heard: Vec<Arc<EnvironmentStatus>>,
    /// Those of them that are in their own zones.
    pub counting: Vec<Arc<EnvironmentStatus>>,
    pub now: Timestamp,
}

/// A command: decides what is asked then.
pub trait Command {
    /// The answer to whoever commands.
    type Reply;
    /// A reason why nothing was changed.
    type Error: From<store::Error>;

    /// Decides what changes, if anything does. Pure.
    ///
    /// # Errors
    /// Nothing is changed.
    fn decide(
        self,
        state: &DesiredState,
        context: &Context,
    ) -> Result<(Option<DesiredChange>, Self::Reply), Self::Error>;
}

/// A change, as it is written down and then made: both are the same, so that what is in memory
/// is what is in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredChange {
    /// The revision that it makes.
    pub revision: u64,
    /// The part that is another one.
    pub part: DesiredPart,
}

/// A part of the state, as it is then.
#[derive(Debug, Clone, PartialEq)]
pub enum DesiredPart {
    /// The orders of an environment.
    Environment(OrderRow),
    /// The order for a zone, a kind or a release; `None`: none.
    Scope(Scope, Option<Order>),
    /// A kind and its rollout, as far as they change.
    Kind {
        asked: Option<KindRow>,
        rollout: Option<Box<Rollout>>,
    },
    /// Nothing but the revision.
    Nothing,
}

impl DesiredState {
    /// A change of a part.
    pub(super) fn change(&self, part: DesiredPart, now: Timestamp) -> DesiredChange {
        DesiredChange {
            revision: next(self.revision, now),
            part,
        }
    }

    /// Makes a change.
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
            DesiredPart::Kind { asked, rollout } => {
                if let Some(row) = asked {
                    self.kinds.insert(row.kind, row.asked);
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

    /// Returns what is asked of a kind.
    pub fn kind(&self, kind: &Kind) -> KindAsked {
        self.kinds.get(kind).cloned().unwrap_or_default()
    }

    /// The orders of each environment that has any.
    pub fn orders(&self) -> BTreeMap<EnvironmentId, Orders> {
        let rows = self.environments.iter();
        rows.map(|(id, row)| (id.clone(), row.orders.clone()))
            .collect()
    }

    /// Every order that there is.
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

    /// Those who want a release to stay, each in a few words.
    pub fn wanting(&self, digest: &ReleaseDigest) -> Vec<String> {
        let is_it = |release: &ReleaseId| release.digest == *digest;
        let mut by = Vec::new();
        for (kind, asked) in &self.kinds {
            if asked.stable.as_ref().is_some_and(is_it) {
                by.push(format!("it is to serve {kind}"));
            }
            if asked.kept.iter().any(is_it) {
                by.push(format!("targets of {kind} are pinned to it"));
            }
        }
        let open = self.rollouts.values();
        let on_its_way = open.filter(|one| is_it(&one.to) || is_it(&one.from));
        by.extend(on_its_way.map(|one| format!("the rollout {} is under way", one.id)));
        by
    }
}

/// The revision after this one. Milliseconds since 1970, so that a store that was lost and
/// begins anew is not behind.
pub(super) fn next(revision: u64, now: Timestamp) -> u64 {
    // A clock before 1970 counts as one that stands there.
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
