//! The keeper: takes up the ledger whenever it is this logic environment's duty, and lets it go
//! again.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Events, Tasks};

use super::{Ledger, LedgerParts, Running};
use crate::{
    Config,
    duties::{Duties, Term},
    store,
};

/// The interval between attempts to take it up.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The keeper of the ledger, while that is its duty.
pub struct Keeper {
    config: Config,
    parts: LedgerParts,
    ledger: Ledger,
    duties: watch::Receiver<Duties>,
    /// Taken up before the keeper ran.
    first: Option<(Term, Running)>,
}

impl Keeper {
    /// Takes up the ledger, if that is its duty already.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn begin(
        config: Config,
        parts: LedgerParts,
        ledger: Ledger,
        duties: watch::Receiver<Duties>,
    ) -> Result<Self, store::Error> {
        let term = duties.borrow().ledger.clone();
        let first = match term {
            None => None,
            Some(term) => {
                let running = ledger.take_up(&config, parts.clone(), &term).await?;
                Some((term, running))
            }
        };
        Ok(Self {
            config,
            parts,
            ledger,
            duties,
            first,
        })
    }

    /// Keeps the ledger whenever that is its duty. Once cancelled, it lasts until the ledger is
    /// closed.
    pub async fn run(
        mut self,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        cancel: CancellationToken,
    ) {
        while let Some((term, running)) = self.next(&cancel).await {
            if term != Term::Alone {
                tracing::info!("this logic environment keeps the ledger of control");
            }
            let (tasks, events) = (Arc::clone(&tasks), Arc::clone(&events));
            tokio::select! {
                () = running.run(tasks, events) => {}
                () = self.relieved(&term) => {
                    tracing::warn!("the ledger of control is not kept here any more");
                }
            }
            self.ledger.let_go();
        }
    }

    /// Waits for the next term. `None` means that it was cancelled.
    async fn next(&mut self, cancel: &CancellationToken) -> Option<(Term, Running)> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        while !cancel.is_cancelled() {
            let term = tokio::select! {
                term = appointed(&mut self.duties) => term?,
                () = cancel.cancelled() => return None,
            };
            let parts = self.parts.clone();
            match self.ledger.take_up(&self.config, parts, &term).await {
                Ok(running) => return Some((term, running)),
                Err(error) => {
                    tracing::error!(%error, cure = error.cure(), "the ledger cannot be taken over");
                }
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        None
    }

    /// Waits until the term is over.
    async fn relieved(&mut self, term: &Term) {
        let is_over = |duties: &Duties| duties.ledger.as_ref() != Some(term);
        // Nobody changes the duties any more: then they stay.
        if self.duties.wait_for(is_over).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn appointed(duties: &mut watch::Receiver<Duties>) -> Option<Term> {
    let found = duties.wait_for(|duties| duties.ledger.is_some()).await;
    found.ok()?.ledger.clone()
}
