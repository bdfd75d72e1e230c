//! The reasons why nothing is discovered, or accepted.

use utakata_api::discovery::ProposalState;
use utakata_model::{Kind, OperationId};

use super::ranges;
use crate::{inventory, store};

/// A reason why a request about discovery was refused. Nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The addresses are wrong.
    #[error(transparent)]
    Addresses(#[from] ranges::Error),
    /// Something else of the request is wrong.
    #[error("{problem}")]
    Request {
        /// The mistake, with what to write.
        problem: String,
    },
    /// One runs in the zone already.
    #[error("a discovery runs in the zone already: {id}")]
    Running { id: OperationId },
    /// There is no such discovery.
    #[error("there is no discovery {id}: the latest are remembered until the keeper restarts")]
    NoRun { id: OperationId },
    /// There is no such proposal.
    #[error("there is no proposal \"{id:.40}\"")]
    NoProposal { id: String },
    /// Nothing is to be decided about the proposal.
    #[error("the proposal is {}: there is nothing to accept", .state.as_str())]
    Closed { state: ProposalState },
    /// The thing has no way in of this kind.
    #[error("it has no way in of the kind \"{kind}\": it has {has}")]
    NoWay {
        kind: Kind,
        /// The kinds that it has.
        has: String,
    },
    #[error("too much is being decided at once")]
    Busy,
    /// The target cannot be as it would be.
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
    /// The store failed.
    #[error("the proposals could not be read or written")]
    Store(#[from] store::Error),
}
