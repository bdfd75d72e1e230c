//! The background tasks of a logic environment, which last as long as it runs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use utakata_interconnect::{Events, Tasks, message::content::FetchBatch};
use utakata_model::{OperationId, chain};

use super::{Handle, Inner, receive::Receiver, unanswered};
use crate::{
    alarms::AlarmKeeper,
    catalogue, clock, desired,
    export::otlp::Exporter,
    inventory,
    ledger::Keeper,
    loans::{self, Lender},
    observed::turns::LogLine,
    policies::PolicyKeeper,
};

/// The interval between looks for changes by others.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// The delay before looking for a release that the catalogue does not have, so that no status
/// causes frequent queries of the store.
const DOUBT_DEBOUNCE: Duration = Duration::from_millis(100);
/// The time within which targets that begin to fail or answer again are logged together.
const LOG_INTERVAL: Duration = Duration::from_secs(2);
/// The interval between writes of the last uses of tokens.
const USES_INTERVAL: Duration = Duration::from_secs(60);
/// The interval between looks for operations that are over and had secret parameters.
const RELEASE_INTERVAL: Duration = Duration::from_secs(2);
/// The time after which an operation that is not in the ledger was not recorded, and will not be.
const UNRECORDED_AFTER: Duration = Duration::from_secs(120);
/// The interval between publications of the head of the audit trail.
const HEAD_INTERVAL: Duration = Duration::from_secs(60);
/// The interval between looks whether Vault gives what the next start needs.
const VAULT_INTERVAL: Duration = Duration::from_secs(60);
/// The shortest interval between looks for deleted targets.
const FORGET_INTERVAL: Duration = Duration::from_secs(1);

/// Requests of environments.
type Requests = mpsc::Receiver<Arc<FetchBatch>>;

/// Keeps the reasons of reads that nobody answers.
fn keep_unanswered(inner: &Inner) -> impl Future<Output = ()> + use<> {
    unanswered::run(
        Arc::clone(&inner.site),
        inner.recorder.clone(),
        inner.dispatch.unanswered(),
        inner.lifetime.cancel.clone(),
    )
}

/// Discovers until no new reads are to begin.
fn discover(inner: &Inner) -> impl Future<Output = ()> + use<> {
    let cancel = inner.lifetime.cancel_schedules.clone();
    Arc::clone(&inner.discovery).run(cancel)
}

async fn publish_heads(inner: Arc<Inner>) {
    inner.publish_heads_now_and_then().await;
}

/// Publishes heads of the trail, changes passwords, and forgets the secret parameters of operations
/// that are over.
fn spawn_upkeep(inner: &Arc<Inner>, background: &mut JoinSet<()>) {
    background.spawn(publish_heads(Arc::clone(inner)));
    background.spawn(Arc::clone(&inner.rotations).run(inner.lifetime.cancel.clone()));
    let checker = Arc::clone(inner);
    background.spawn(async move { checker.check_vault_now_and_then().await });
    let releaser = Arc::clone(inner);
    background.spawn(async move { releaser.release_now_and_then().await });
}

/// Answers what environments request: releases, and credentials.
fn answer(
    inner: &Inner,
    events: &Arc<dyn Events>,
    (releases, credentials): (Requests, Requests),
    background: &mut JoinSet<()>,
) {
    let duties = || inner.membership.duties.clone();
    let cancel = || inner.lifetime.cancel.clone();
    background.spawn(catalogue::answer(
        inner.store.clone(),
        Arc::clone(events),
        releases,
        duties(),
        cancel(),
    ));
    let lender = Lender {
        inventory: Arc::clone(&inner.site.inventory),
        kinds: Arc::clone(&inner.site.kinds),
        signatures: inner.site.signatures.clone(),
    };
    background.spawn(loans::answer(
        lender,
        Arc::clone(events),
        credentials,
        duties(),
        cancel(),
    ));
}

impl Handle {
    pub(super) fn spawn(
        &self,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        keeper: Keeper,
        (alarms, policies): (AlarmKeeper, PolicyKeeper),
    ) {
        let inner = &self.inner;
        let mut background = inner.lifetime.background.lock();
        background.spawn(alarms.run(inner.lifetime.cancel.clone()));
        background.spawn(policies.run(inner.lifetime.cancel.clone()));
        let (fetches, requested) = mpsc::channel(catalogue::MAX_WAITING);
        let (loans, asked_for) = mpsc::channel(loans::MAX_WAITING);
        let receiver = Receiver {
            site: Arc::clone(&inner.site),
            dispatch: Arc::clone(&inner.dispatch),
            ledger: inner.ledger.clone(),
            notifications: Arc::clone(&inner.notifications),
            alarms: inner.alarms.clone(),
            recorder: inner.recorder.clone(),
            fetches,
            loans,
        };
        background.spawn(keep_unanswered(inner));
        if let Some(signatures) = inner.site.signatures.clone() {
            background
                .spawn(signatures.record(inner.ledger.clone(), inner.lifetime.cancel.clone()));
        }
        let cancel = inner.lifetime.cancel.clone();
        let followed = Arc::clone(&events);
        background.spawn(async move { receiver.run(followed, cancel).await });
        let (desired, cancel) = (
            Arc::clone(&inner.site.desired),
            inner.lifetime.cancel.clone(),
        );
        background.spawn(desired::publish(
            desired,
            Arc::clone(&inner.site.inventory),
            Arc::clone(&events),
            inner.membership.duties.clone(),
            cancel,
        ));
        let rollouts = Arc::clone(&inner.site.rollouts);
        let (duties, cancel) = (
            inner.membership.duties.clone(),
            inner.lifetime.cancel.clone(),
        );
        background.spawn(async move { rollouts.run(duties, cancel).await });
        answer(inner, &events, (requested, asked_for), &mut background);
        background.spawn(keeper.run(tasks, events, inner.lifetime.cancel.clone()));
        let (dispatch, cancel) = (Arc::clone(&inner.dispatch), inner.lifetime.cancel.clone());
        background.spawn(async move { dispatch.sweep(cancel).await });
        let (observe, cancel) = (
            Arc::clone(&inner.observe),
            inner.lifetime.cancel_schedules.clone(),
        );
        background.spawn(async move { observe.run(cancel).await });
        let exporter = Exporter {
            config: inner.config.otlp.clone(),
            inventory: Arc::clone(&inner.site.inventory),
            observed: Arc::clone(&inner.site.observed),
            kinds: Arc::clone(&inner.site.kinds),
            duties: inner.membership.duties.clone(),
            failing: Arc::clone(&inner.export_fails),
        };
        background.spawn(exporter.run(inner.lifetime.cancel.clone()));
        background.spawn(Arc::clone(&inner.notifications).run(inner.lifetime.cancel.clone()));
        background.spawn(discover(inner));
        let watcher = self.clone();
        background.spawn(async move { watcher.refresh_now_and_then().await });
        let watcher = Arc::clone(inner);
        background.spawn(async move { watcher.follow_clock().await });
        let forgetter = Arc::clone(inner);
        background.spawn(async move { forgetter.follow_inventory().await });
        let writer = Arc::clone(inner);
        background.spawn(async move { writer.write_uses_now_and_then().await });
        spawn_upkeep(inner, &mut background);
        let teller = Arc::clone(inner);
        background.spawn(async move { teller.log_turns_now_and_then().await });
    }

    async fn refresh_now_and_then(&self) {
        let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.inner.lifetime.cancel.cancelled() => return,
                _ = ticks.tick() => {}
                // Another logic environment may just have received it.
                () = self.inner.site.kinds.doubts() => tokio::time::sleep(DOUBT_DEBOUNCE).await,
            }
            if self.inner.membership.id.is_some() {
                self.refresh().await;
            }
            self.inner.site.kinds.log_what_stays();
        }
    }
}

impl Inner {
    /// Shifts times when the clock is set, so that observations keep their age.
    async fn follow_clock(&self) {
        let mut clock = clock::Watch::begin();
        loop {
            let step = tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                step = clock.step() => step,
            };
            tracing::warn!(?step, "the clock was set");
            self.site.kinds.shift(step);
            self.site.observed.shift(step);
        }
    }

    /// Forgets the observations of deleted targets.
    async fn follow_inventory(&self) {
        let mut inventory = self.site.inventory.follow();
        loop {
            tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                changed = inventory.changed() => if changed.is_err() { return },
            }
            self.site.observed.forget_gone(&self.site.inventory);
            // Many changes in a row are handled at once.
            tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                () = tokio::time::sleep(FORGET_INTERVAL) => {}
            }
        }
    }

    /// Writes the last uses of tokens, and once more at the end.
    async fn write_uses_now_and_then(&self) {
        let mut ticks = tokio::time::interval(USES_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_end = tokio::select! {
                () = self.lifetime.cancel.cancelled() => true,
                _ = ticks.tick() => false,
            };
            if let Err(error) = self.site.people.write_uses().await {
                tracing::debug!(%error, "the last uses of tokens cannot be written now");
            }
            if is_end {
                return;
            }
        }
    }

    /// Forgets the secret parameters of operations that are over, if the ledger is kept here.
    async fn release_now_and_then(&self) {
        let mut ticks = tokio::time::interval(RELEASE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut absent = HashMap::new();
        loop {
            tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if self.ledger.is_here()
                && let Err(error) = self.release_what_is_over(&mut absent).await
            {
                tracing::debug!(
                    error = chain(&error),
                    "the secret parameters of operations that are over cannot be removed now"
                );
            }
        }
    }

    /// Sees that Vault gives what the next start needs, and forgets old secrets of it.
    async fn check_vault_now_and_then(&self) {
        let mut ticks = tokio::time::interval(VAULT_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let secrets = self.site.inventory.secrets();
            secrets.forget_old();
            tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                () = secrets.check_vault() => {}
            }
        }
    }

    /// `absent` has the operations that are not recorded, or not yet.
    async fn release_what_is_over(
        &self,
        absent: &mut HashMap<OperationId, Instant>,
    ) -> Result<(), inventory::Error> {
        let held = self.site.inventory.held();
        absent.retain(|operation, _| held.contains(operation));
        let mut over = Vec::new();
        for operation in held {
            let is_over = match self.store.operation(operation).await? {
                Some(row) => {
                    absent.remove(&operation);
                    row.progress.is_over
                }
                None => {
                    let since = absent.entry(operation).or_insert_with(Instant::now);
                    since.elapsed() > UNRECORDED_AFTER
                }
            };
            if is_over {
                over.push(operation);
            }
        }
        match over.is_empty() {
            true => Ok(()),
            false => self.site.inventory.release(&over).await,
        }
    }

    /// Keeps the head of the audit trail in the data directory while the trail grows, and publishes it
    /// in the log where the ledger is kept, and once more at the end: a trail that was rewritten later
    /// does not fit the heads that are elsewhere.
    async fn publish_heads_now_and_then(&self) {
        let mut ticks = tokio::time::interval(HEAD_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = 0;
        loop {
            let is_end = tokio::select! {
                () = self.lifetime.cancel.cancelled() => true,
                _ = ticks.tick() => false,
            };
            last = self.publish_head(last, is_end).await;
            if is_end {
                return;
            }
        }
    }

    /// Publishes the head unless it is that of the page published last. Returns its page.
    async fn publish_head(&self, last: u64, is_end: bool) -> u64 {
        let head = match self.store.audit_head().await {
            Ok(Some(head)) if head.page != last => head,
            Ok(_) => return last,
            Err(error) => {
                tracing::debug!(%error, "the head of the audit trail cannot be read now");
                return last;
            }
        };
        let secrets = self.site.inventory.secrets();
        let Some(signed) = secrets.sign_head(head.page, &head.hash) else {
            tracing::warn!("the head of the audit trail cannot be signed");
            return head.page;
        };
        if self.ledger.is_here() || is_end {
            tracing::info!(head = %signed, "head of the audit trail");
        }
        if let Err(error) = self.seen.add(signed) {
            tracing::warn!(%error, "the head of the audit trail cannot be kept in the data directory");
        }
        head.page
    }

    /// Logs the targets that began to fail or answer again, if the ledger is kept here: once is
    /// enough.
    async fn log_turns_now_and_then(&self) {
        let mut ticks = tokio::time::interval(LOG_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.lifetime.cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let turns = self.site.observed.turns();
            if self.membership.duties.borrow().ledger.is_some() {
                log(turns);
            }
        }
    }
}

/// Logs changes of health.
fn log(lines: Vec<LogLine>) {
    for line in lines {
        match line {
            LogLine::Fails {
                target,
                kind,
                problem,
            } => tracing::info!(%target, %kind, problem, "target fails"),
            LogLine::Answers { target, kind } => {
                tracing::info!(%target, %kind, "target answers again");
            }
            LogLine::ManyFail {
                count,
                kinds,
                problem,
            } => tracing::info!(count, kinds, first = problem, "targets fail"),
            LogLine::ManyAnswer { count, kinds } => {
                tracing::info!(count, kinds, "targets answer again");
            }
        }
    }
}
