//! An ordinary client that keeps requesting control: every operation is sent until it is accepted,
//! and followed until nobody works on it any more.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    client::Error,
    operation::{Control, ControlAnswer, Counts},
};
use utakata_model::OperationId;

use crate::{
    count::Sent,
    order::{Order, Orders},
    server::Server,
};

/// The interval between attempts to send an operation that was not accepted.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The interval between looks at operations under way.
const LOOK: Duration = Duration::from_millis(300);
/// The time after which a logic environment that was killed while it was asked counts as silent.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The operations of a drill, and their progress. Shared by those who send and those who look.
#[derive(Debug)]
pub struct Load {
    server: Arc<Server>,
    /// Limits the number of operations under way.
    places: Arc<Semaphore>,
    /// The largest number of operations per second; absent: as many as there are places for.
    rate: Option<u32>,
    sending: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sent>,
    open: HashMap<OperationId, Open>,
    /// The counts of the operations on which nobody works any more.
    over: Counts,
    settled: u64,
    refusal: Option<String>,
}

#[derive(Debug)]
struct Open {
    counts: Counts,
    /// The largest number of tasks that were unknown at once.
    max_unknown: u64,
    _place: OwnedSemaphorePermit,
}

/// The progress, in numbers of tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The number of operations that were accepted.
    pub operations: u64,
    /// The number of operations that were not accepted yet.
    pub sending: u64,
    /// The number of tasks that are under way.
    pub under_way: u64,
    /// The number of tasks that succeeded.
    pub succeeded: u64,
    /// The number of tasks that failed, expired or were cancelled.
    pub failed: u64,
    /// The number of tasks that are unknown now.
    pub unknown: u64,
    /// The number of tasks that were seen as unknown and no longer are.
    pub settled: u64,
    /// The number of tasks that wait for a person.
    pub waiting: u64,
}

impl Load {
    /// Creates a load that has sent nothing yet.
    pub fn new(server: Arc<Server>, in_flight: usize, rate: Option<u32>) -> Self {
        Self {
            server,
            places: Arc::new(Semaphore::new(in_flight)),
            rate,
            sending: AtomicU64::default(),
            state: Mutex::default(),
        }
    }

    /// Sends operations until asked to stop; ends when all that were begun are accepted.
    ///
    /// # Errors
    /// An operation is invalid.
    pub async fn send(
        self: Arc<Self>,
        orders: Orders,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut pace = self.rate.map(|rate| {
            let mut pace = interval(Duration::from_secs(1) / rate.max(1));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        let mut senders = JoinSet::new();
        for order in orders {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                Ok(place) = Arc::clone(&self.places).acquire_owned() => place,
            };
            if let Some(pace) = &mut pace {
                tokio::select! {
                    () = stop.cancelled() => break,
                    _ = pace.tick() => {}
                }
            }
            let control = order.control()?;
            let this = Arc::clone(&self);
            this.sending.fetch_add(1, Ordering::Relaxed);
            senders.spawn(async move { this.send_one(order, control, place).await });
            while senders.try_join_next().is_some() {}
        }
        while senders.join_next().await.is_some() {}
        Ok(())
    }

    /// Sends one operation until it is accepted: under one key, so that it is done once.
    async fn send_one(&self, order: Order, control: Control, place: OwnedSemaphorePermit) {
        let view = loop {
            let Some(client) = self.server.client() else {
                sleep(RETRY_AFTER).await;
                continue;
            };
            match timeout(ANSWER_TIMEOUT, client.control(&control)).await {
                Ok(Ok(ControlAnswer::Operation(view))) => break view,
                Ok(Err(error @ Error::Refused(_))) => {
                    self.state.lock().refusal = Some(error.to_string());
                }
                Ok(Ok(ControlAnswer::Plan(_)) | Err(_)) | Err(_) => {}
            }
            sleep(RETRY_AFTER).await;
        };
        let operation = view.operation.id;
        let mut state = self.state.lock();
        state.sent.push(Sent {
            operation,
            act: order.act,
            token: order.token,
            devices: order.devices,
        });
        let open = Open {
            counts: view.counts,
            max_unknown: 0,
            _place: place,
        };
        state.open.insert(operation, open);
        drop(state);
        self.sending.fetch_sub(1, Ordering::Relaxed);
    }

    /// Looks repeatedly at the operations under way.
    pub async fn follow(&self) -> anyhow::Result<()> {
        loop {
            sleep(LOOK).await;
            let open: Vec<OperationId> = self.state.lock().open.keys().copied().collect();
            for id in open {
                if !self.look(id).await {
                    break;
                }
            }
        }
    }

    /// Looks at one operation; returns true if somebody answered.
    async fn look(&self, id: OperationId) -> bool {
        let Some(client) = self.server.client() else {
            return false;
        };
        match timeout(ANSWER_TIMEOUT, client.operation(id)).await {
            Ok(Ok(view)) => self.state.lock().seen(id, view.counts),
            // It is lost, which the final count will show.
            Ok(Err(Error::Refused(problem))) if problem.status == 404 => {
                self.state.lock().open.remove(&id);
            }
            Ok(Err(_)) | Err(_) => return false,
        }
        true
    }

    /// Returns true if everything was accepted and nobody works on any of it.
    pub fn is_settled(&self) -> bool {
        self.sending.load(Ordering::Relaxed) == 0 && self.state.lock().open.is_empty()
    }

    /// Returns every operation that was accepted.
    pub fn sent(&self) -> Vec<Sent> {
        self.state.lock().sent.clone()
    }

    /// Returns the last refusal.
    pub fn refusal(&self) -> Option<String> {
        self.state.lock().refusal.clone()
    }

    /// Returns the progress.
    pub fn tally(&self) -> Tally {
        let state = self.state.lock();
        let open = state.open.values().map(|open| open.counts);
        let all = open.fold(state.over, sum);
        Tally {
            operations: state.sent.len() as u64,
            sending: self.sending.load(Ordering::Relaxed),
            under_way: under_way(&all),
            succeeded: all.succeeded,
            failed: all.failed + all.expired + all.cancelled,
            unknown: all.unknown,
            settled: state.settled,
            waiting: all.unsettled,
        }
    }
}

impl State {
    fn seen(&mut self, id: OperationId, counts: Counts) {
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        open.counts = counts;
        open.max_unknown = open.max_unknown.max(counts.unknown);
        if under_way(&counts) == 0 {
            self.settled += open.max_unknown.saturating_sub(counts.unsettled);
            self.over = sum(self.over, counts);
            self.open.remove(&id);
        }
    }
}

fn under_way(counts: &Counts) -> u64 {
    counts.planned + counts.queued + counts.permitted + counts.verifying + counts.unknown
}

fn sum(one: Counts, other: Counts) -> Counts {
    Counts {
        planned: one.planned + other.planned,
        queued: one.queued + other.queued,
        permitted: one.permitted + other.permitted,
        verifying: one.verifying + other.verifying,
        unknown: one.unknown + other.unknown,
        unsettled: one.unsettled + other.unsettled,
        partial: one.partial + other.partial,
        succeeded: one.succeeded + other.succeeded,
        failed: one.failed + other.failed,
        expired: one.expired + other.expired,
        cancelled: one.cancelled + other.cancelled,
    }
}
