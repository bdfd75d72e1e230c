//! The reasons why orders are unchanged.

use std::{collections::BTreeMap, fmt};

use utakata_api::environment::Suspension;
use utakata_model::{EnvironmentId, Kind, Order, Scope, Stop};

use crate::store;

/// A reason why orders are unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment is unknown.
    #[error("no environment \"{id}\" is known")]
    NoEnvironment {
        id: EnvironmentId,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// The environment does not serve the kind.
    #[error("the environment {id} does not serve the kind \"{kind}\"")]
    NoKind {
        id: EnvironmentId,
        kind: Kind,
        /// The nearest one, or all that it serves.
        hint: String,
    },
    /// The environment is stopped by another order.
    #[error("{id}: {unfit}")]
    Unfit {
        id: EnvironmentId,
        /// The conflict with the present orders.
        unfit: Unfit,
    },
    /// The thing to stop is unknown.
    #[error("{scope} is not known")]
    Unknown {
        scope: Box<Scope>,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// It has no order of its own, but is stopped by another one.
    #[error("{scope} is not stopped by itself: {}", in_words(others))]
    Elsewhere {
        scope: Box<Scope>,
        /// The other orders that stop it.
        others: Vec<Suspension>,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A conflict with the present orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The kind is stopped together with everything else.
    AsAWhole(Kind, Box<Order>),
    /// Kinds are stopped, each by an order of its own.
    Kinds(BTreeMap<Kind, Order>),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsAWhole(kind, order) => write!(
                f,
                "the kind {kind} is not stopped by itself: the whole environment is {}",
                InWords(order)
            ),
            Self::Kinds(kinds) => {
                f.write_str("it is not stopped as a whole, but these are:")?;
                for (at, (kind, order)) in kinds.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma} {kind} ({})", InWords(order))?;
                }
                Ok(())
            }
        }
    }
}

/// Describes orders, each with its scope.
fn in_words(orders: &[Suspension]) -> String {
    let one = |one: &Suspension| format!("{} is {}", one.scope, InWords(&one.order));
    let all: Vec<String> = orders.iter().map(one).collect();
    all.join(", ")
}

/// An order in words: `paused by kim since ... (...)`.
pub(crate) struct InWords<'o>(pub(crate) &'o Order);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Order {
            stop,
            by,
            since,
            why,
        } = self.0;
        let stopped = match stop {
            Stop::Pause => "paused",
            Stop::Drain => "drained",
        };
        write!(f, "{stopped} by {by} since {since:.0}")?;
        match why {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}
