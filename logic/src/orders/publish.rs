//! Tells the environments what is asked of them, again and again: who was away, and who has not
//! heard it, hears it then.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Error, Event, Events};

use super::OrderBook;
use crate::duties::Duties;

/// Told again at least so often.
const EVERY: Duration = Duration::from_secs(30);
/// Told again at most so often, while somebody has not heard it or it could not be told.
const APART: Duration = Duration::from_secs(1);

/// Tells what is asked while the ledger is kept here, until it is cancelled or the inter connect
/// is closed.
pub async fn publish(
    orders: Arc<OrderBook>,
    events: Arc<dyn Events>,
    mut duties: watch::Receiver<Duties>,
    cancel: CancellationToken,
) {
    let telling = async {
        loop {
            let kept = duties.wait_for(|duties| duties.ledger.is_some());
            if kept.await.map(drop).is_err() {
                return;
            }
            let told = tell(&orders, &*events).await;
            match &told {
                Err(Error::Closed) => return,
                Err(error) => tracing::warn!(%error, "the orders cannot be read now"),
                Ok(()) => {}
            }
            let again = if told.is_ok() { EVERY } else { APART };
            let unheard = async {
                tokio::join!(orders.unheard(), tokio::time::sleep(APART));
            };
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                () = unheard => {}
                () = orders.changed() => {}
            }
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = telling => {}
    }
}

async fn tell(orders: &OrderBook, events: &dyn Events) -> Result<(), Error> {
    if let Err(error) = orders.overtake().await {
        tracing::warn!(%error, "the revision of the orders cannot be written");
    }
    let desired = orders.desired();
    if desired.is_empty() {
        return Ok(());
    }
    let told = desired.into_iter().map(Arc::new).map(Event::Desired);
    events.publish(told.collect()).await
}
