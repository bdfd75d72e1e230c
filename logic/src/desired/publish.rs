//! Publishing of the desired state, repeatedly, so that environments that were away, or have missed
//! it, receive it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Error, Event, Events};

use super::{Desired, networks::Networks, orders::Overtake};
use crate::{duties::Duties, inventory::Inventory};

/// The longest interval between publications.
const INTERVAL: Duration = Duration::from_secs(30);
/// The shortest interval between publications, while an environment has not received it or it could
/// not be published.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Publishes the desired state while the ledger is kept here, until it is cancelled or the inter
/// connect is closed.
pub async fn publish(
    desired: Arc<Desired>,
    inventory: Arc<Inventory>,
    events: Arc<dyn Events>,
    mut duties: watch::Receiver<Duties>,
    cancel: CancellationToken,
) {
    let publishing = async {
        let mut networks = Networks::new(inventory);
        loop {
            let kept = duties.wait_for(|duties| duties.ledger.is_some());
            if kept.await.map(drop).is_err() {
                return;
            }
            let published = publish_once(&desired, &mut networks, &*events).await;
            match &published {
                Err(Error::Closed) => return,
                Err(error) => tracing::warn!(%error, "the orders cannot be read now"),
                Ok(()) => {}
            }
            let again = if published.is_ok() {
                INTERVAL
            } else {
                RETRY_AFTER
            };
            let unheard = async {
                tokio::join!(desired.unheard.notified(), tokio::time::sleep(RETRY_AFTER));
            };
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                () = unheard => {}
                () = desired.changed.notified() => {}
                () = networks.outdated() => {}
            }
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = publishing => {}
    }
}

async fn publish_once(
    desired: &Desired,
    networks: &mut Networks,
    events: &dyn Events,
) -> Result<(), Error> {
    match desired.carry_out(Overtake).await {
        Ok(Some((ours, theirs))) => {
            tracing::warn!(
                ours,
                theirs,
                "environments have later orders than this store"
            );
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the revision of the orders cannot be written"),
    }
    let networks = networks.of_now(&desired.kinds.environments()).await;
    let zones = desired.zones(&networks);
    if zones.is_empty() {
        return Ok(());
    }
    let zones = zones.into_iter().map(Arc::new).map(Event::Desired);
    events.publish(zones.collect()).await
}
