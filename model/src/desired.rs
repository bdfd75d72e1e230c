//! What is asked of the environments of a zone: a standing order, which outlives restarts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EnvironmentId, Kind, KindDesired, PersonName, Zone};

/// What is asked of the environments of a zone. It is always told as a whole: an environment
/// that is not named in it has no order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The zone.
    pub zone: Zone,
    /// Grows with every change. What is of no later revision than what is known is old: it came
    /// late, or again.
    pub revision: u64,
    /// The orders of each environment that has any.
    #[serde(default)]
    pub environments: BTreeMap<EnvironmentId, Orders>,
    /// Which releases serve, of each kind of which anything is asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, KindDesired>,
}

/// The orders of one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Orders {
    /// For everything that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Order>,
    /// For single kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, Order>,
}

/// An order to stop something that otherwise goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Order {
    /// How.
    pub stop: Stop,
    /// Who gave it.
    pub by: PersonName,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// Why, in the words of who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How something is stopped. What was begun ends in any case, and is told as always.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// Nothing new is fetched, and what was not begun goes back to the queue.
    Pause,
    /// The same, and when all that was begun has ended, the workers are stopped.
    Drain,
}

impl Orders {
    /// The order that holds for a kind: of two, the one that stops more; of equals, that for
    /// everything, because it is the one to lift.
    pub fn of(&self, kind: &Kind) -> Option<&Order> {
        let own = self.kinds.get(kind);
        match (&self.all, own) {
            (Some(all), Some(own)) if own.stop > all.stop => Some(own),
            (Some(all), _) => Some(all),
            (None, own) => own,
        }
    }

    /// Whether nothing is stopped.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.kinds.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(stop: Stop, by: &str) -> Order {
        Order {
            stop,
            by: by.parse().unwrap(),
            since: "2026-03-01T12:00:00Z".parse().unwrap(),
            why: None,
        }
    }

    #[test]
    fn of_two_orders_the_one_that_stops_more_holds() {
        let snmp: Kind = "snmp".parse().unwrap();
        for (all, own, expect) in [
            (None, None, None),
            (Some(Stop::Pause), None, Some("all")),
            (None, Some(Stop::Pause), Some("own")),
            (Some(Stop::Pause), Some(Stop::Pause), Some("all")),
            (Some(Stop::Pause), Some(Stop::Drain), Some("own")),
            (Some(Stop::Drain), Some(Stop::Pause), Some("all")),
        ] {
            let orders = Orders {
                all: all.map(|stop| order(stop, "all")),
                kinds: own
                    .map(|stop| (snmp.clone(), order(stop, "own")))
                    .into_iter()
                    .collect(),
            };
            let holds = orders.of(&snmp).map(|order| order.by.as_str());
            assert_eq!(holds, expect, "{all:?} {own:?}");
            let other = orders.of(&"ups".parse().unwrap());
            assert_eq!(other.map(|order| order.stop), all, "another kind");
        }
    }
}
