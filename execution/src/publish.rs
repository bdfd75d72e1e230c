//! The publishing of outcomes, in batches of whatever is queued.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Error, Event, Events, connection::draw};
use utakata_model::Backoff;
use utakata_permit::message::StartBatch;

/// The number of batches that may wait; beyond it no new task begins.
const QUEUE: usize = 64;
/// The number of batches of asks that may wait; further ones are not sent now.
const ASKS: usize = 4;
/// The first wait between attempts while the inter connect is away.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// Creates a queue of asks for [`ask`].
pub(crate) fn asks() -> (mpsc::Sender<StartBatch>, mpsc::Receiver<StartBatch>) {
    mpsc::channel(ASKS)
}

/// Publishes asks, each batch once: a late ask is useless, and repeated anyway.
pub(crate) async fn ask(
    events: Arc<dyn Events>,
    mut queue: mpsc::Receiver<StartBatch>,
    cancel: CancellationToken,
) {
    while let Some(batch) = queue.recv().await {
        let published = tokio::select! {
            published = events.publish(vec![Event::Start(Arc::new(batch))]) => published,
            () = cancel.cancelled() => return,
        };
        if let Err(error) = published {
            tracing::debug!(%error, "permits could not be requested: trying again");
        }
    }
}

/// Creates a queue of batches for [`run`].
pub(crate) fn queue() -> (mpsc::Sender<Vec<Event>>, mpsc::Receiver<Vec<Event>>) {
    mpsc::channel(QUEUE)
}

/// Publishes until all senders are gone and everything is published, or until it is cancelled;
/// counts the published batches.
pub(crate) async fn run(
    events: Arc<dyn Events>,
    mut queue: mpsc::Receiver<Vec<Event>>,
    published: Arc<AtomicU64>,
    cancel: CancellationToken,
) {
    let mut batches = Vec::with_capacity(QUEUE);
    while queue.recv_many(&mut batches, QUEUE).await > 0 {
        let count = batches.len() as u64;
        // There is at least one.
        let mut batch = batches.remove(0);
        for mut more in batches.drain(..) {
            batch.append(&mut more);
        }
        tokio::select! {
            () = publish(&*events, batch) => {
                published.fetch_add(count, Ordering::Release);
            }
            () = cancel.cancelled() => return,
        }
    }
}

/// Publishes, repeatedly while the inter connect is away: outcomes of control are not lost.
/// Anything expendable is tried once.
async fn publish(events: &dyn Events, mut batch: Vec<Event>) {
    let mut backoff = Backoff::new(FIRST_RETRY, MAX_RETRY);
    loop {
        let kept: Vec<Event> = batch
            .iter()
            .filter(|event| !event.is_expendable())
            .cloned()
            .collect();
        match events.publish(batch).await {
            Ok(()) => return,
            Err(Error::Closed) => {
                tracing::error!(
                    lost = kept.len(),
                    "the inter connect is closed: outcomes are lost"
                );
                return;
            }
            Err(error) if kept.is_empty() => {
                tracing::warn!(%error, "readings and outcomes of observation were dropped");
                return;
            }
            Err(error) => tracing::warn!(%error, "outcomes cannot be published: trying again"),
        }
        batch = kept;
        tokio::time::sleep(backoff.wait_jittered(draw())).await;
    }
}
