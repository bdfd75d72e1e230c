//! Events with faults.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use utakata_interconnect::{Error, Event, Events, Interest, Subscription};

use super::{
    Counts, Failure, Fate, Faults, Lose, away,
    late::{Late, until},
};

/// Events with faults. Cheap to clone.
#[derive(Clone)]
pub struct FaultyEvents {
    inner: Arc<dyn Events>,
    fate: Arc<Fate>,
}

impl FaultyEvents {
    /// Wraps events with these faults.
    pub fn new(inner: Arc<dyn Events>, faults: Faults) -> Self {
        Self {
            inner,
            fate: Fate::new(faults),
        }
    }

    /// Returns the counts of the faults so far.
    pub fn counts(&self) -> Counts {
        self.fate.counts()
    }
}

#[async_trait]
impl Events for FaultyEvents {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        self.fate.delay().await;
        let failure = self.fate.failure();
        if failure == Some(Failure::Before) {
            return Err(away());
        }
        let events = self.fate.disturb(events, may_be_lost);
        self.inner.publish(events).await?;
        match failure {
            Some(_) => Err(away()),
            None => Ok(()),
        }
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        self.fate.delay().await;
        self.fate.fail()?;
        Ok(Box::new(FaultySubscription {
            inner: self.inner.subscribe(interest).await?,
            fate: Arc::clone(&self.fate),
            late: Late::default(),
        }))
    }
}

fn may_be_lost(event: &Event, lose: Lose) -> bool {
    match lose {
        Lose::Expendable => event.is_expendable(),
        Lose::Protocol => event.is_expendable() || is_repeated(event),
        Lose::Anything => true,
    }
}

/// Returns true for messages that are repeated until answered, and harmless when late.
fn is_repeated(event: &Event) -> bool {
    match event {
        Event::Start(_) | Event::Permits(_) | Event::Recorded(_) => true,
        Event::Fetch(_) | Event::Content(_) => true,
        // Repeated until the environments have received it; a late one changes nothing.
        Event::Desired(_) => true,
        Event::Outcomes(_) => !event.is_expendable(),
        Event::Readings(_) | Event::Environment(_) => false,
        Event::Deleted(_) | Event::Forgotten(_) | Event::Alarms(_) => false,
        // Whoever sent an inform repeats it.
        Event::Datagrams(_) | Event::Replies(_) => true,
        Event::Notification(_) => false,
    }
}

struct FaultySubscription {
    inner: Box<dyn Subscription>,
    fate: Arc<Fate>,
    /// No task is spawned to deliver these: waiting for the next event delivers them.
    late: Late<Event>,
}

#[async_trait]
impl Subscription for FaultySubscription {
    async fn next(&mut self) -> Result<Vec<Event>, Error> {
        // All waiting comes before the taking, so that it stays cancel safe.
        self.fate.delay().await;
        self.fate.fail()?;
        loop {
            let due = self.late.due(Instant::now(), usize::MAX);
            if !due.is_empty() {
                return Ok(due);
            }
            let came = tokio::select! {
                biased;
                came = self.inner.next() => came,
                () = until(self.late.next_due()) => continue,
            };
            let events = match came {
                // Nothing else will arrive: late events arrive now.
                Err(Error::Closed) if !self.late.is_empty() => return Ok(self.late.all()),
                came => came?,
            };
            let on_time = self.fate.hold_up(events, &mut self.late, is_repeated);
            if !on_time.is_empty() {
                return Ok(on_time);
            }
        }
    }

    fn missed(&mut self) -> u64 {
        self.inner.missed()
    }
}
