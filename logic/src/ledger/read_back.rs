//! Read-backs of targets: to see whether an action took effect, and to capture the value before
//! one.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::task::TaskTracker;
use utakata_model::{Backoff, Class, Origin, Parameters, Readings, manifest::expected::Expected};
use utakata_permit::{Evidence, evidence};

use super::{
    command::LedgerCommand,
    state::{Purpose, ReadBack, ReadBackResult},
};
use crate::{
    dispatch::{Batch, Dispatch, NewRead, Progress, Show},
    inventory::Inventory,
    kinds::Kinds,
    store::ControlTask,
};

/// The largest number of targets that are read back at once; others wait.
const AT_ONCE: usize = 1024;
/// The waits between reads of a target that does not show the effect yet.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
/// The waits where a target must be seen in a state on the way, which may be short.
const BACKOFF_TO_PASS: Backoff =
    Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
/// The waits after which a read without news may be lost, and another one is made.
const PATIENCE: Backoff = Backoff::new(Duration::from_secs(1), Duration::MAX);

/// The service that reads targets back, in the background. Cheap to clone.
#[derive(Clone)]
pub(super) struct ReadBacks {
    pub dispatch: Arc<Dispatch>,
    pub inventory: Arc<Inventory>,
    pub kinds: Arc<Kinds>,
    pub commands: mpsc::WeakSender<LedgerCommand>,
    pub places: Arc<Semaphore>,
    pub running: TaskTracker,
}

impl ReadBacks {
    pub fn new(
        dispatch: Arc<Dispatch>,
        inventory: Arc<Inventory>,
        kinds: Arc<Kinds>,
        commands: mpsc::WeakSender<LedgerCommand>,
    ) -> Self {
        Self {
            dispatch,
            inventory,
            kinds,
            commands,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            running: TaskTracker::new(),
        }
    }

    /// Looks for the effect of an attempt until it is seen or time is over, and reports each
    /// observation to the ledger.
    pub fn verify(&self, read: ReadBack) {
        let this = self.clone();
        self.running.spawn(async move {
            // The ledger knows by itself when time is over.
            let _ = match read.purpose {
                Purpose::Late => timeout_at(read.until, this.look_once(&read)).await,
                _ => timeout_at(read.until, this.look_until_decided(&read)).await,
            };
        });
    }

    /// Looks once, as soon as an environment serves the target.
    async fn look_once(&self, read: &ReadBack) {
        let mut changes = self.kinds.follow();
        while !self.is_served(&read.task) {
            if changes.changed().await.is_err() {
                return;
            }
        }
        let look = self.look(read).await;
        if look.evidence != Evidence::None {
            self.tell(LedgerCommand::Seen(look)).await;
        }
    }

    fn is_served(&self, task: &ControlTask) -> bool {
        let known = self.inventory.find(&task.target);
        known.is_some_and(|known| {
            let served = self.kinds.served();
            served.get(&known.target.kind, &known.target.zone).is_some()
        })
    }

    /// Any read can be lost without notice, so the next one does not wait for it.
    async fn look_until_decided(&self, read: &ReadBack) {
        let mut looks = FuturesUnordered::new();
        let mut patience = PATIENCE;
        let mut backoff = match read.purpose {
            Purpose::Confirm {
                is_through: true, ..
            } => BACKOFF_TO_PASS,
            _ => BACKOFF,
        };
        let mut next = Instant::now();
        let (mut passed, mut shown) = (None, None);
        loop {
            tokio::select! {
                Some(look) = looks.next() => {
                    let is_decided = read.purpose.is_decided(&look, passed);
                    if look.evidence == Evidence::Passing {
                        passed.get_or_insert(look.answered);
                    }
                    // The ledger already knows earlier results.
                    let is_new = shown.replace(look.evidence) != Some(look.evidence);
                    if is_decided || is_new {
                        let is_there = self.tell(LedgerCommand::Seen(look)).await;
                        if is_decided || !is_there {
                            return;
                        }
                    }
                    next = Instant::now() + backoff.wait();
                    patience.reset();
                }
                () = sleep_until(next) => {
                    looks.push(self.look(read));
                    next = Instant::now() + patience.wait();
                }
            }
        }
    }

    /// Reads the value of a target before it is changed.
    pub fn capture(&self, read: ReadBack) {
        let this = self.clone();
        self.running.spawn(async move {
            let prior = match expected(&read.task) {
                Some(expected) => {
                    let readings = this.read(&read.task, &expected, read.until).await;
                    readings.and_then(|readings| evidence::observed_value(&expected, &readings))
                }
                None => None,
            };
            this.tell(LedgerCommand::Captured(read.task.id, prior))
                .await;
        });
    }

    /// Sends a command to the ledger; returns false if it has ended.
    async fn tell(&self, command: LedgerCommand) -> bool {
        match self.commands.upgrade() {
            Some(commands) => commands.send(command).await.is_ok(),
            None => false,
        }
    }

    /// Reads the target once, and judges what it shows.
    async fn look(&self, read: &ReadBack) -> ReadBackResult {
        let requested = Instant::now();
        let evidence = match expected(&read.task) {
            Some(expected) => match self.read(&read.task, &expected, read.until).await {
                Some(readings) => evidence::judge(&expected, &readings),
                None => Evidence::None,
            },
            None => Evidence::None,
        };
        ReadBackResult {
            task: read.task.id,
            attempt: read.attempt,
            requested,
            answered: Instant::now(),
            evidence,
        }
    }

    /// Reads a target once.
    async fn read(
        &self,
        task: &ControlTask,
        expected: &Expected,
        until: Instant,
    ) -> Option<Arc<Readings>> {
        let place = timeout_at(until, self.places.acquire()).await.ok()?;
        let _place = place.ok()?;
        let known = self.inventory.find(&task.target)?;
        let served = self.kinds.served();
        let served = served.get(&known.target.kind, &known.target.zone)?;
        let action = served.action(&expected.action)?;
        let timeout = action.action.timeout;
        let lifetime = until
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        let progress = Arc::new(Progress::new(1, Show::Tasks));
        let now = crate::clock::now();
        let batch = Arc::new(Batch {
            origin: Origin::Task(task.id),
            action: expected.action.clone(),
            class: Class::Observe,
            parameters: Parameters::new(&serde_json::Value::Object(expected.parameters.clone())),
            timeout,
            made: now,
            expires: now + lifetime,
            deadline: Instant::now() + lifetime + timeout + self.dispatch.grace(),
            progress: Some(Arc::clone(&progress)),
        });
        let made = NewRead::new(&known);
        let id = made.id;
        self.dispatch.send(&batch, vec![made]).await.ok()?;
        let max = lifetime + timeout + self.dispatch.grace();
        progress.wait_for(max).await;
        progress.shown(id)?.readings
    }
}

impl Purpose {
    /// Returns true if the ledger needs no further look.
    fn is_decided(self, look: &ReadBackResult, passed: Option<Instant>) -> bool {
        match (self, look.evidence) {
            (_, Evidence::None) => false,
            (Self::Settle | Self::Late, _) => true,
            (Self::Confirm { shows_from, .. }, _) if look.requested >= shows_from => true,
            (Self::Confirm { is_through, .. }, Evidence::Effect) => {
                !is_through || passed.is_some_and(|at| look.requested >= at)
            }
            (Self::Confirm { .. }, Evidence::Passing | Evidence::Other) => false,
        }
    }
}

/// Returns the effect to look for; absent if it cannot be determined.
fn expected(task: &ControlTask) -> Option<Expected> {
    let verify = task.verify.as_ref()?;
    Expected::new(verify, &task.parameters.to_json()).ok()
}
