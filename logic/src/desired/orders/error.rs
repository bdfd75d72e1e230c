//! Why orders are as they were.

use std::{collections::BTreeMap, fmt};

use utakata_api::environment::Suspension;
use utakata_model::{EnvironmentId, Kind, Order, Scope, Stop};

use crate::store;

/// A reason why orders are as they were.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has heard of such an environment.
    #[error("no environment \"{id}\" was heard of")]
    NoEnvironment {
        /// The id that was given.
        id: EnvironmentId,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// The environment does not serve the kind.
    #[error("the environment {id} does not serve the kind \"{kind}\"")]
    NoKind {
        id: EnvironmentId,
        kind: Kind,
        /// The nearest one, or those that it serves.
        hint: String,
    },
    /// Something else of the environment is stopped.
    #[error("{id}: {unfit}")]
    Unfit {
        id: EnvironmentId,
        /// The orders that hold.
        unfit: Unfit,
    },
    /// Nobody has heard of what is to be stopped.
    #[error("nobody has heard of {scope}")]
    Unknown {
        /// The part that was named.
        scope: Box<Scope>,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// It goes on, as far as it was asked itself: something else is stopped.
    #[error("{scope} is not stopped by itself: {}", in_words(others))]
    Elsewhere {
        /// The part that was named.
        scope: Box<Scope>,
        /// The parts that are stopped.
        others: Vec<Suspension>,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Something else is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The kind goes on with everything, or not at all.
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
                f.write_str("it is not stopped as a whole, but of it are")?;
                for (at, (kind, order)) in kinds.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma} {kind} ({})", InWords(order))?;
                }
                Ok(())
            }
        }
    }
}

/// Orders in words, each with what it is for.
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
