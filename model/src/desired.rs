//! The desired state of the environments of a zone: standing orders, which outlive restarts.

mod scope;

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use scope::{ReleaseName, Scope, ScopeError, ScopeFields};

use crate::{EnvironmentId, Kind, KindDesired, PersonName, TargetNetworks, Zone};

/// The desired state of the environments of a zone. It is always sent as a whole: an environment
/// that is not named in it has no orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The zone of these environments.
    pub zone: Zone,
    /// The revision, which grows with every change. A message whose revision is not higher than the
    /// known one is late or repeated.
    pub revision: u64,
    /// The orders of each environment that has any.
    #[serde(default)]
    pub environments: BTreeMap<EnvironmentId, Orders>,
    /// The releases that are to serve each kind, where anything is specified.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, KindDesired>,
    /// Orders for every environment of the zone, including those that join later.
    #[serde(default, skip_serializing_if = "StandingOrders::is_empty")]
    pub standing: StandingOrders,
    /// The networks of the targets of each kind that has any in the zone, for environments that
    /// limit their workers to them. Absent where none does. They follow the inventory: messages of
    /// one revision may differ in them, and the latest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeMap<Kind, TargetNetworks>>,
}

/// Orders that name no environment: they apply to all that are present.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingOrders {
    /// Orders for the zone, and for kinds in it.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub zone: Orders,
    /// Orders for kinds and releases in every zone.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub everywhere: Orders,
}

/// The orders to one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Orders {
    /// The order for everything that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Order>,
    /// The orders for single kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, Order>,
    /// The orders for single releases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Order>)]
    pub releases: BTreeMap<ReleaseName, Order>,
}

/// An order to stop something that otherwise goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Order {
    /// The manner of stopping.
    pub stop: Stop,
    /// The person who gave the order.
    pub by: PersonName,
    /// The time of the order.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The reason, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl fmt::Display for Order {
    /// Writes `paused by ana (its fan is replaced)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stopped = match self.stop {
            Stop::Pause => "paused",
            Stop::Drain => "drained",
        };
        write!(f, "{stopped} by {}", self.by)?;
        self.why.iter().try_for_each(|why| write!(f, " ({why})"))
    }
}

impl fmt::Display for Orders {
    /// Writes `all paused by ana; snmp drained by bob`, or `nothing` if nothing is stopped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.all.iter().map(|order| format!("all {order}"));
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, order)| format!("{kind} {order}"));
        let releases = self.releases.iter();
        let releases = releases.map(|(release, order)| format!("{release} {order}"));
        let parts: Vec<String> = all.chain(kinds).chain(releases).collect();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join("; "))
    }
}

words! {
    /// The manner of stopping. Tasks that have begun end as usual, and their outcomes are reported.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
    )]
    pub enum Stop {
        /// No new tasks are fetched, and those not begun return to the queue.
        Pause = "pause",
        /// As for pause; when all tasks that had begun have ended, the workers are stopped.
        Drain = "drain",
    }
}

impl Orders {
    /// Returns true if nothing is stopped.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.kinds.is_empty() && self.releases.is_empty()
    }
}

impl StandingOrders {
    /// Selects the orders of a zone from all orders.
    pub fn of_zone(given: &BTreeMap<Scope, Order>, zone: &Zone) -> Self {
        let mut standing = Self::default();
        let Self {
            zone: here,
            everywhere,
        } = &mut standing;
        for (scope, order) in given {
            let order = order.clone();
            match scope {
                Scope::Zone(of) if of == zone => here.all = Some(order),
                Scope::KindInZone(kind, of) if of == zone => {
                    here.kinds.insert(kind.clone(), order);
                }
                Scope::Kind(kind) => drop(everywhere.kinds.insert(kind.clone(), order)),
                Scope::Release(release) => {
                    everywhere.releases.insert(release.clone(), order);
                }
                _ => {}
            }
        }
        standing
    }

    /// Returns the order that applies to a kind in an environment of the zone with these orders of
    /// its `own`, and the scope in which it was given.
    pub fn of<'o>(
        &'o self,
        zone: &Zone,
        environment: &EnvironmentId,
        own: &'o Orders,
        kind: &Kind,
    ) -> Option<(Scope, &'o Order)> {
        let all = self.zone.all.as_ref();
        let everywhere = self.everywhere.kinds.get(kind);
        let here = self.zone.kinds.get(kind);
        let (whole, single) = (own.all.as_ref(), own.kinds.get(kind));
        let (kind, id) = (|| kind.clone(), || environment.clone());
        strictest([
            all.map(|order| (Scope::Zone(zone.clone()), order)),
            everywhere.map(|order| (Scope::Kind(kind()), order)),
            here.map(|order| (Scope::KindInZone(kind(), zone.clone()), order)),
            whole.map(|order| (Scope::Environment(id()), order)),
            single.map(|order| (Scope::KindInEnvironment(kind(), id()), order)),
        ])
    }

    /// Returns true if nothing is stopped.
    pub fn is_empty(&self) -> bool {
        self.zone.is_empty() && self.everywhere.is_empty()
    }
}

/// Returns the strictest of the orders that apply to the same thing, listed from the widest to the
/// narrowest. Of equally strict ones it is the widest, because that is the one to lift.
pub fn strictest<'o>(
    orders: impl IntoIterator<Item = Option<(Scope, &'o Order)>>,
) -> Option<(Scope, &'o Order)> {
    let orders = orders.into_iter().flatten();
    orders.reduce(|first, next| {
        if next.1.stop > first.1.stop {
            next
        } else {
            first
        }
    })
}

#[cfg(test)]
mod tests;
