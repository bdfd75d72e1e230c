//! Subscribing.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use tokio::time::timeout;
use utakata_interconnect::{Error, Event, Events as _, Interest, Subscription};

use super::{
    filters::Filter,
    outbox::Connection,
    publish::{pass_mark, settled},
    session::Request,
    shared::{Shared, State},
};

/// A subscription at the bus of this process, which gets what the broker has for it.
pub(super) struct MqttSubscription {
    inner: Box<dyn Subscription>,
    claim: Claim,
    /// The number of events that were dropped before anybody got them, when last read.
    missed_before: u64,
}

/// The filters that a subscriber wants; released when it leaves.
struct Claim {
    shared: Arc<Shared>,
    interest: Interest,
}

/// Subscribes at the broker to what nobody here followed yet, and waits until earlier messages have
/// arrived: the latest statuses are known then.
pub(super) async fn subscribe(
    shared: &Arc<Shared>,
    interest: Interest,
) -> Result<MqttSubscription, Error> {
    let _alone = shared.subscribing.lock().await;
    let connection = up(shared).await?;
    let claim = Claim {
        shared: Arc::clone(shared),
        interest,
    };
    let new = shared.wanted.lock().add(&claim.interest);
    if !new.is_empty() {
        follow(shared, connection, new).await?;
    }
    let inner = shared.bus.subscribe(claim.interest.clone()).await?;
    shared.followed.cancel();
    Ok(MqttSubscription {
        inner,
        missed_before: shared.missed.load(Ordering::Relaxed),
        claim,
    })
}

/// Waits for a connection, but not for ever.
async fn up(shared: &Shared) -> Result<Connection, Error> {
    let mut state = shared.state.subscribe();
    let decided = state.wait_for(|state| !matches!(state, State::Away(_)));
    // Too late: the state has the reason.
    let _ = timeout(shared.config.ack_timeout, decided).await;
    shared.connection()
}

async fn follow(shared: &Shared, connection: Connection, new: Vec<Filter>) -> Result<(), Error> {
    let paths: Vec<&str> = new.iter().map(|filter| filter.path.as_str()).collect();
    let paths = paths.join(", ");
    let asked = shared.ask(connection, Request::Subscribe(new));
    settled(shared, asked.map_err(|_| shared.lost())?, &paths).await?;
    pass_mark(shared, connection).await
}

#[async_trait]
impl Subscription for MqttSubscription {
    async fn next(&mut self) -> Result<Vec<Event>, Error> {
        self.inner.next().await
    }

    fn missed(&mut self) -> u64 {
        let before = self.claim.shared.missed.load(Ordering::Relaxed);
        let of_all = before - std::mem::replace(&mut self.missed_before, before);
        let is_concerned = self.claim.interest.readings || self.claim.interest.outcomes;
        self.inner.missed() + if is_concerned { of_all } else { 0 }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let gone = self.shared.wanted.lock().remove(&self.interest);
        let Ok(connection) = self.shared.connection() else {
            return;
        };
        for filter in gone {
            // It is lost: the next connection does not subscribe to it.
            let left = Request::Unsubscribe(filter.path);
            let _ = self.shared.tell(connection, left);
        }
    }
}
