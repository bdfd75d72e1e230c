//! The routes of the ledger's replies: to the kinds whose attempts they are about.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use utakata_model::Kind;
use utakata_permit::message::{PermitBatch, RecordedBatch};

/// The number of batches that may wait for one kind; further ones are dropped, because asks and
/// outcomes are repeated anyway.
const QUEUE: usize = 256;

/// A reply of the ledger to a kind.
#[derive(Debug)]
pub(crate) enum LedgerReply {
    /// Answers to asks.
    Permits(Arc<PermitBatch>),
    /// Records of outcomes.
    Recorded(Arc<RecordedBatch>),
}

/// The queues of all kinds. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Arc<Mutex<BTreeMap<Kind, mpsc::Sender<LedgerReply>>>>);

impl Routes {
    /// Opens the queue of a kind's replies.
    pub(crate) fn open(&self, kind: &Kind) -> mpsc::Receiver<LedgerReply> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        self.0.lock().insert(kind.clone(), sender);
        receiver
    }

    /// Closes the queue of a kind's replies.
    pub(crate) fn close(&self, kind: &Kind) {
        self.0.lock().remove(kind);
    }

    pub(crate) fn pass_on(&self, kind: &Kind, answered: LedgerReply) {
        let routes = self.0.lock();
        if let Some(route) = routes.get(kind)
            && route.try_send(answered).is_err()
        {
            tracing::debug!(%kind, "an answer was dropped: it will be sent again");
        }
    }
}
