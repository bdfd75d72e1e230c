//! A subscription at a hub.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    super::message::{Answer, Ask, Published},
    ClientState, done,
    link::{Coming, Lease},
    unexpected,
};
use crate::{Error, Event, Interest, Subscription};

/// A subscription at a hub. It reports the loss of the connection once, and then continues over the
/// next one.
pub(super) struct HubSubscription {
    shared: Arc<ClientState>,
    interest: Interest,
    stream: Option<Stream>,
    missed: u64,
}

/// A consumer or subscription at the hub.
struct Stream {
    /// Dropped before the lease, so that nothing waits for it by then.
    coming: Option<Coming>,
    lease: Lease,
}

impl HubSubscription {
    pub(super) async fn open(shared: Arc<ClientState>, interest: Interest) -> Result<Self, Error> {
        let stream = Stream::open(&shared, &interest).await?;
        Ok(Self {
            shared,
            interest,
            stream: Some(stream),
            missed: 0,
        })
    }
}

impl Stream {
    async fn open(shared: &ClientState, interest: &Interest) -> Result<Self, Error> {
        let lease = shared.link()?.lease().await?;
        let subscribe = Ask::Subscribe {
            open: lease.open,
            interest: interest.clone(),
        };
        done(lease.link.ask(subscribe).await?)?;
        Ok(Self {
            coming: None,
            lease,
        })
    }

    /// Fetches the next events. Errors: the connection is lost.
    async fn pull(&mut self) -> Result<Answer, Error> {
        let coming = match &mut self.coming {
            Some(coming) => coming,
            none => {
                let next = Ask::Next {
                    open: self.lease.open,
                };
                none.insert(self.lease.link.pull(next).await?)
            }
        };
        let answer = coming.await;
        self.coming = None;
        answer.map_err(|_| self.lease.link.away())
    }
}

#[async_trait]
impl Subscription for HubSubscription {
    async fn next(&mut self) -> Result<Vec<Event>, Error> {
        loop {
            let stream = match &mut self.stream {
                Some(stream) => stream,
                none => none.insert(Stream::open(&self.shared, &self.interest).await?),
            };
            let answer = stream.pull().await.inspect_err(|_| self.stream = None)?;
            let Answer::Events { events, missed } = answer else {
                // The hub still has the subscription, and what is queued in it.
                return Err(unexpected(&answer));
            };
            self.missed += missed;
            let events: Vec<Event> = events.iter().filter_map(readable).collect();
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }

    fn missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }
}

fn readable(published: &Published) -> Option<Event> {
    let event = published.event();
    event
        .inspect_err(|error| tracing::error!(%error, "an event cannot be read"))
        .ok()
}
