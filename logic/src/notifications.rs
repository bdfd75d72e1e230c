//! Notifications of devices: decoded by a worker, kept, and only then acknowledged.
//!
//! ```text
//! environment ── Datagrams ─► whose? ─► task for a worker of the kind ─► meaning
//!                                                                         │ folded, stored
//! device ◄── reply ── environment ◄── Replies ◄───────────────────────────┤
//!                                          target is read ◄───────────────┘
//! ```
//!
//! A worker decodes in an ordinary observe task, so that codecs, credentials and releases are
//! where they always are. Nothing of a notification is believed as a value: it makes us look.

mod decode;
mod fold;
mod sources;
mod triggers;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use utakata_api::operation::Read;
use utakata_interconnect::{
    Event, Events,
    message::notification::{DatagramBatch, Reply, ReplyBatch},
};
use utakata_model::{EnvironmentId, Notification, Selector};

use self::{
    decode::{Decoded, Decoder},
    fold::{Folded, Kept},
    sources::{Sources, UnknownSources},
    triggers::Triggers,
};
pub use self::{fold::Key, sources::UnknownSource};
use crate::{
    clock,
    dispatch::Dispatch,
    duties::Duties,
    inventory::Inventory,
    kinds::Kinds,
    observe::Observe,
    store::{self, Store},
};

/// The number of batches of datagrams that may wait.
const MAX_WAITING: usize = 256;
/// The number of batches that are decoded at a time.
const AT_A_TIME: usize = 8;
/// The number of replies in a message: that of datagrams in a batch.
const REPLIES_AT_ONCE: usize = 512;
/// The largest number of targets that are read in one go because of notifications.
const READS_AT_ONCE: usize = 256;
/// The interval at which reads because of notifications are begun.
const TRIGGER_INTERVAL: Duration = Duration::from_millis(100);

/// The notifications of devices. Cheap to share.
pub struct Notifications {
    context: Context,
    kept: Mutex<Kept>,
    sources: RwLock<Sources>,
    unknown: Mutex<UnknownSources>,
    triggers: Mutex<Triggers>,
    counts: Mutex<Counts>,
    waiting: mpsc::Sender<Arc<DatagramBatch>>,
    arrived: Mutex<Option<mpsc::Receiver<Arc<DatagramBatch>>>>,
}

/// The services that notifications need.
#[derive(Clone)]
pub struct Context {
    pub store: Arc<dyn Store>,
    pub events: Arc<dyn Events>,
    pub dispatch: Arc<Dispatch>,
    pub inventory: Arc<Inventory>,
    pub kinds: Arc<Kinds>,
    pub observe: Arc<Observe>,
    pub duties: tokio::sync::watch::Receiver<Duties>,
}

/// Counts since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of notifications that were kept.
    pub kept: u64,
    /// The number that came again because their reply was lost.
    pub repeated: u64,
    /// The number of those whose source is no target.
    pub unknown: u64,
    /// The number of datagrams that no worker could decode, or that could not be kept.
    pub failed: u64,
    /// The number of datagrams that were dropped because there were too many.
    pub dropped: u64,
    /// The number of reads that they caused.
    pub reads: u64,
}

impl Notifications {
    /// Restores the notifications from the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn restore(context: Context) -> Result<Self, store::Error> {
        let kept = Kept::restored(context.store.notifications().await?);
        let (waiting, arrived) = mpsc::channel(MAX_WAITING);
        Ok(Self {
            context,
            kept: Mutex::new(kept),
            sources: RwLock::default(),
            unknown: Mutex::default(),
            triggers: Mutex::default(),
            counts: Mutex::default(),
            waiting,
            arrived: Mutex::new(Some(arrived)),
        })
    }

    /// Takes datagrams of an environment, if they are for this logic environment.
    pub fn hear(&self, batch: &Arc<DatagramBatch>) {
        if !self.is_ours(&batch.environment) {
            return;
        }
        let lost = batch.dropped.iter().map(|one| one.count).sum::<u64>();
        if lost > 0 {
            let sources = batch.dropped.len();
            tracing::warn!(environment = %batch.environment, lost, sources,
                "devices send more notifications than are taken in");
        }
        let count = batch.datagrams.len() as u64;
        let is_full = self.waiting.try_send(Arc::clone(batch)).is_err();
        self.counts.lock().dropped += lost + if is_full { count } else { 0 };
    }

    /// Takes a notification that another logic environment has kept.
    pub fn heard_elsewhere(&self, notification: &Notification) {
        self.kept.lock().put(notification.clone());
    }

    /// Returns the notifications that match, the latest first.
    pub fn list(&self, wanted: impl Fn(&Notification) -> bool) -> Vec<Notification> {
        self.kept.lock().latest_first(wanted)
    }

    /// Returns the counts since the process began.
    pub fn counts(&self) -> Counts {
        *self.counts.lock()
    }

    /// Returns the sources that are no targets, the most frequent first.
    pub fn unknown(&self) -> Vec<UnknownSource> {
        self.unknown.lock().most_frequent()
    }

    /// Returns true if the datagrams of an environment are decoded here: by one logic environment,
    /// which is the one that has the shard of its name.
    fn is_ours(&self, environment: &EnvironmentId) -> bool {
        let shards = self.context.duties.borrow().shards;
        environment
            .as_str()
            .parse()
            .is_ok_and(|name| shards.have(&name))
    }

    /// Decodes, keeps and acknowledges until it is cancelled.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let Some(mut arrived) = self.arrived.lock().take() else {
            return;
        };
        let (decoded, keep) = mpsc::channel(MAX_WAITING);
        let keeper = Arc::clone(&self).keep(keep, cancel.clone());
        let reader = Arc::clone(&self).read_triggered(cancel.clone());
        let slots = Arc::new(Semaphore::new(AT_A_TIME));
        let decoder = async {
            while let Some(batch) = arrived.recv().await {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                    return;
                };
                let (this, decoded) = (Arc::clone(&self), decoded.clone());
                tokio::spawn(async move {
                    let found = this.decode(&batch).await;
                    // The keeper ends only with everything else.
                    let _ = decoded.send((batch, found)).await;
                    drop(slot);
                });
            }
        };
        tokio::select! {
            () = cancel.cancelled() => {}
            () = decoder => {}
            () = keeper => {}
            () = reader => {}
        }
    }

    async fn decode(&self, batch: &DatagramBatch) -> Vec<Decoded> {
        self.refresh_sources();
        let decoder = Decoder {
            context: &self.context,
            sources: &self.sources,
        };
        decoder.decode(batch).await
    }

    /// Reads the addresses of the inventory again, if it has changed.
    fn refresh_sources(&self) {
        let generation = *self.context.inventory.follow().borrow();
        if self.sources.read().generation() == Some(generation) {
            return;
        }
        let targets = self.context.inventory.select(&Selector::default());
        self.sources.write().refresh(generation, targets.iter());
    }

    /// Folds and stores what was decoded, then acknowledges it. Whatever has arrived meanwhile is
    /// stored together.
    async fn keep(
        self: Arc<Self>,
        mut decoded: mpsc::Receiver<(Arc<DatagramBatch>, Vec<Decoded>)>,
        cancel: CancellationToken,
    ) {
        let mut batches = Vec::new();
        while decoded.recv_many(&mut batches, MAX_WAITING).await > 0 {
            let now = clock::now();
            let mut replies: BTreeMap<EnvironmentId, Vec<Reply>> = BTreeMap::new();
            let mut folded = Folded::default();
            for (batch, found) in batches.drain(..) {
                let of_environment = replies.entry(batch.environment.clone()).or_default();
                for one in found {
                    of_environment.extend(self.take_in(&batch, one, &mut folded, now));
                }
            }
            match self.write(&folded).await {
                Ok(()) => self.acknowledge(replies, folded).await,
                Err(error) => {
                    // Nothing is acknowledged: whoever sent an inform sends it again.
                    self.kept.lock().undo(&folded);
                    self.counts.lock().failed += folded.count;
                    tracing::warn!(%error, "notifications of devices cannot be kept");
                }
            }
            if cancel.is_cancelled() {
                return;
            }
        }
    }

    /// Folds one message. Returns the reply that it awaits.
    fn take_in(
        &self,
        batch: &DatagramBatch,
        one: Decoded,
        folded: &mut Folded,
        now: jiff::Timestamp,
    ) -> Option<Reply> {
        let Decoded {
            source,
            at,
            reply,
            found,
        } = one;
        let reply = reply.map(|bytes| Reply {
            to: source,
            from: at,
            bytes: bytes.into(),
        });
        let found = match found {
            Ok(Some(found)) => found,
            // A question for our identity, which is answered at once.
            Ok(None) => return reply,
            Err(problem) => {
                self.counts.lock().failed += 1;
                tracing::debug!(%source, problem, "a datagram of a device was not understood");
                return None;
            }
        };
        if found.reads.is_empty() {
            self.counts.lock().unknown += 1;
            self.unknown.lock().count(&batch.zone, found.source, now);
        }
        let is_new = self
            .kept
            .lock()
            .fold(&batch.zone, source, &found, now, folded);
        match is_new {
            true => self.counts.lock().kept += 1,
            false => self.counts.lock().repeated += 1,
        }
        if is_new {
            let mut triggers = self.triggers.lock();
            for target in &found.reads {
                triggers.trigger(target, Instant::now());
            }
        }
        reply
    }

    async fn write(&self, folded: &Folded) -> Result<(), store::Error> {
        if folded.is_empty() {
            return Ok(());
        }
        self.context.store.put_notifications(&folded.rows).await?;
        let before = self.kept.lock().drop_oldest();
        match before {
            Some(before) => self.context.store.drop_notifications(before).await,
            None => Ok(()),
        }
    }

    /// Acknowledges what is kept: with few messages, however many batches were kept together.
    async fn acknowledge(&self, replies: BTreeMap<EnvironmentId, Vec<Reply>>, folded: Folded) {
        let mut events = Vec::new();
        for (environment, replies) in &replies {
            events.extend(replies.chunks(REPLIES_AT_ONCE).map(|some| {
                Event::Replies(Arc::new(ReplyBatch {
                    environment: environment.clone(),
                    replies: some.to_vec(),
                }))
            }));
        }
        let rows = folded.rows.into_iter();
        events.extend(rows.map(|one| Event::Notification(Arc::new(one))));
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.context.events.publish(events).await {
            tracing::debug!(%error, "notifications could not be acknowledged or published");
        }
    }

    /// Reads the targets that said something.
    async fn read_triggered(self: Arc<Self>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(TRIGGER_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let due = self.triggers.lock().due(Instant::now(), READS_AT_ONCE);
            if due.is_empty() {
                continue;
            }
            self.counts.lock().reads += due.len() as u64;
            let read = Read {
                selector: Selector::of_names(&due),
                action: None,
                parameters: serde_json::Map::new(),
                wait: Duration::ZERO,
                max_age: None,
            };
            if let Err(error) = self.context.observe.read(read, None).await {
                tracing::debug!(%error, "targets that sent notifications cannot be read now");
            }
        }
    }
}
