//! The owner of the ledger: takes all commands that have arrived, writes the changes in one batch,
//! then acts.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::Instant,
};
use utakata_model::{Cure, OperationId, Problem};

use super::{
    Error,
    act::Actor,
    command::{LedgerCommand, Promise},
    state::{Effect, LedgerState, Now, PolicyWrites},
};
use crate::{
    audit,
    dispatch::Failing,
    store::{self, Fence, Store, WriteBatch},
};

/// The largest number of commands that are taken at once.
const AT_ONCE: usize = 512;
/// The largest number of commands that are taken for the next batch while one is written; further
/// ones wait.
const AHEAD: usize = 8 * AT_ONCE;
/// The pause after a failed write, doubling from the first value up to the second.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The time for which commands are taken during a write.
const LONG: Duration = Duration::from_secs(1);
/// The time after which a caller who waits for a promise is told that nobody knows.
const REFUSED_AFTER: Duration = Duration::from_secs(5);

/// The owner of the ledger.
///
/// While a batch is written, commands are taken for the next one: nobody is answered, and nothing
/// done, before the batch that records it is written, and all batches before it. While nobody knows
/// whether a batch was written, the same batch is written again, and commands wait, but not for
/// long.
pub(super) struct Service {
    pub ledger: LedgerState,
    pub store: Arc<dyn Store>,
    pub actor: Actor,
    pub commands: mpsc::Receiver<LedgerCommand>,
    pub failing: Arc<Failing>,
    /// The fence against which the store checks writes, if others could keep the ledger.
    pub fence: Option<Fence>,
    pub writes: WriteState,
}

/// The state of writing.
#[derive(Default)]
pub(super) struct WriteState {
    retry: Retry,
    /// True if no more commands are taken: the rest is written.
    is_ending: bool,
    /// Commands that arrived while a write took long, or was in doubt.
    kept: Vec<LedgerCommand>,
    /// The operations that the next batch begins.
    planned: Vec<PlannedOperations>,
    flight: Option<Flight>,
    /// The write of the flight's batch.
    writing: JoinSet<WriteResult>,
}

/// The next attempt to write what could not be written.
#[derive(Debug, Default)]
struct Retry {
    at: Option<Instant>,
    pause: Duration,
    /// True if a command has arrived since the last attempt: its sender learns at once that writing
    /// fails.
    is_asked_for: bool,
}

/// Operations whose sender waits to hear that they are recorded.
struct PlannedOperations {
    ids: Vec<OperationId>,
    /// The rows of policies that are recorded with them, or not at all.
    rows: Vec<String>,
    /// Absent once the sender was told that nobody knows.
    reply: Option<Promise<()>>,
}

/// Effects and promises that wait for a batch to be written.
struct Flight {
    began: Instant,
    effects: Vec<Effect>,
    planned: Vec<PlannedOperations>,
    /// The number of commands that were taken meanwhile.
    came: usize,
    is_in_doubt: bool,
    /// True if its promises were refused because nobody knows.
    is_refused: bool,
    /// The batch, while it waits to be written again.
    batch: Option<(WriteBatch, audit::Spans)>,
}

/// The lines of the audit trail in a batch.
enum TrailLines {
    None,
    Sealed(audit::Sealed),
    /// The batch has them already; these are their operations.
    OfBatch(audit::Spans),
}

/// The result of writing a batch.
struct WriteResult {
    batch: WriteBatch,
    spans: audit::Spans,
    result: Result<(), store::Error>,
}

impl PlannedOperations {
    /// Returns the reason to give while nobody knows whether they are recorded.
    fn doubt(&self) -> Error {
        self.ids
            .first()
            .map_or(Error::Waits, |id| Error::InDoubt(*id))
    }

    /// Answers; whoever asked may have lost interest.
    fn answer(&mut self, answer: Result<(), Error>) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(answer);
        }
    }
}

impl Flight {
    /// Returns true if commands wait until it has ended.
    fn is_slow(&self) -> bool {
        self.is_in_doubt || self.began.elapsed() >= LONG
    }

    fn is_late(&self) -> bool {
        self.began.elapsed() >= REFUSED_AFTER
    }

    /// Returns the moment at which it becomes slow, or late.
    fn wake(&self) -> Option<Instant> {
        match (self.is_slow(), self.is_refused) {
            (false, _) => Some(self.began + LONG),
            (true, false) => Some(self.began + REFUSED_AFTER),
            (true, true) => None,
        }
    }
}

impl WriteState {
    fn is_slow(&self) -> bool {
        self.flight.as_ref().is_some_and(Flight::is_slow)
    }

    fn takes_in(&self) -> bool {
        let is_full = |flight: &Flight| flight.came >= AHEAD && !flight.is_slow();
        !self.is_ending && !self.flight.as_ref().is_some_and(is_full)
    }

    /// Returns true if nothing is being written, and nothing will be.
    fn is_over(&self) -> bool {
        self.is_ending && self.writing.is_empty()
    }

    fn waits_for_retry(&self) -> bool {
        let is_due = self.retry.is_asked_for && self.flight.is_none();
        let waits = |at| Instant::now() < at;
        match self.flight {
            // A batch in doubt at the end stays so.
            Some(_) => self.is_ending || self.retry.at.is_some_and(waits),
            None => !is_due && !self.is_ending && self.retry.at.is_some_and(waits),
        }
    }

    /// Keeps a command for later. Of the statuses of an environment only the latest is of use.
    fn keep(&mut self, command: LedgerCommand) {
        if let LedgerCommand::Status(new) = &command {
            let is_older =
                |one: &LedgerCommand| matches!(one, LedgerCommand::Status(old) if old.id == new.id);
            self.kept.retain(|one| !is_older(one));
        }
        self.kept.push(command);
    }

    fn refuse_kept(&mut self) {
        let kept = std::mem::take(&mut self.kept);
        self.kept = kept.into_iter().filter_map(LedgerCommand::refuse).collect();
    }
}

impl Service {
    /// Runs until nobody can send any more, or somebody sends the end.
    pub async fn run(mut self) {
        let mut commands = Vec::with_capacity(AT_ONCE);
        loop {
            self.take_in(&mut commands);
            self.refuse_if_late();
            self.begin_batch();
            if self.writes.is_over() {
                return;
            }
            let (takes_in, wake) = (self.writes.takes_in(), self.wake());
            tokio::select! {
                Some(written) = self.writes.writing.join_next() => {
                    if self.end_batch(written).await.is_break() {
                        return;
                    }
                }
                taken = self.commands.recv_many(&mut commands, AT_ONCE), if takes_in => {
                    self.writes.is_ending |= taken == 0;
                }
                () = sleep_until(wake), if wake.is_some() => {}
            }
        }
    }

    /// Returns the next moment at which something happens by time alone.
    fn wake(&self) -> Option<Instant> {
        let writes = &self.writes;
        let is_written = !writes.writing.is_empty();
        let next = match writes.retry.at {
            None => self.ledger.deadline(),
            Some(at) => (!is_written).then_some(at),
        };
        let flight = writes.flight.as_ref().and_then(Flight::wake);
        next.into_iter().chain(flight).min()
    }

    fn take_in(&mut self, commands: &mut Vec<LedgerCommand>) {
        if self.writes.is_slow() {
            commands.drain(..).for_each(|command| self.hold_up(command));
            return;
        }
        let kept = std::mem::take(&mut self.writes.kept);
        self.ledger.at(now());
        if let Some(flight) = &mut self.writes.flight {
            flight.came += commands.len();
        }
        let mut new = Vec::new();
        for command in kept.into_iter().chain(commands.drain(..)) {
            // Commands that are repeated until answered wait until the store works again.
            if self.writes.retry.at.is_some() && command.is_repeated() {
                continue;
            }
            self.writes.retry.is_asked_for |= !command.only_asks();
            match command {
                LedgerCommand::Plan(operation, reply) => {
                    new.push((PolicyWrites::of(*operation), reply));
                }
                LedgerCommand::Policies(writes, reply) if !writes.operations.is_empty() => {
                    new.push((writes, reply));
                }
                LedgerCommand::End => self.writes.is_ending = true,
                command => command.carry_out(&mut self.ledger),
            }
        }
        if self.writes.retry.at.is_none() {
            self.ledger.tick();
        }
        for (new, reply) in new {
            let (ids, rows) = self.ledger.plan_all(*new);
            self.writes.planned.push(PlannedOperations {
                ids,
                rows,
                reply: Some(reply),
            });
        }
    }

    /// Answers queries, drops what is repeated, and keeps the rest.
    fn hold_up(&mut self, command: LedgerCommand) {
        match command {
            // Senders of kept commands learn that the ledger ends.
            LedgerCommand::End => {
                self.writes.is_ending = true;
                self.writes.kept.clear();
            }
            command if command.is_repeated() => {}
            command if command.only_asks() => command.carry_out(&mut self.ledger),
            command => self.writes.keep(command),
        }
    }

    /// Refuses promises that take too long, and new ones meanwhile.
    fn refuse_if_late(&mut self) {
        let Some(flight) = self.writes.flight.as_mut().filter(|one| one.is_late()) else {
            return;
        };
        flight.is_refused = true;
        for one in flight.planned.iter_mut().chain(&mut self.writes.planned) {
            one.answer(Err(one.doubt()));
        }
        self.writes.refuse_kept();
    }

    /// Begins to write the changes, or again what was in doubt, unless a batch is being written.
    fn begin_batch(&mut self) {
        if !self.writes.writing.is_empty() || self.writes.waits_for_retry() {
            return;
        }
        self.writes.retry.is_asked_for = false;
        if let Some(flight) = &mut self.writes.flight {
            if let Some((batch, spans)) = flight.batch.take() {
                self.write(batch, TrailLines::OfBatch(spans));
            }
            return;
        }
        let mut batch = std::mem::take(&mut self.ledger.batch);
        batch.under = self.fence.clone();
        let sealed = self.ledger.trail.seal();
        let effects = std::mem::take(&mut self.ledger.effects);
        if batch.is_empty() && sealed.is_none() {
            self.works();
            self.actor.act(effects);
            return;
        }
        self.writes.flight = Some(Flight {
            began: Instant::now(),
            effects,
            planned: std::mem::take(&mut self.writes.planned),
            came: 0,
            is_in_doubt: false,
            is_refused: false,
            batch: None,
        });
        self.write(batch, sealed.map_or(TrailLines::None, TrailLines::Sealed));
    }

    fn write(&mut self, mut batch: WriteBatch, lines: TrailLines) {
        let store = Arc::clone(&self.store);
        self.writes.writing.spawn(async move {
            let spans = match lines {
                TrailLines::None => audit::Spans::new(),
                TrailLines::OfBatch(spans) => spans,
                TrailLines::Sealed(sealed) => {
                    let (audit, spans) = sealed.page();
                    batch.audit = Some(audit);
                    spans
                }
            };
            let result = store.write(&batch).await;
            WriteResult {
                batch,
                spans,
                result,
            }
        });
    }

    /// Handles the end of a write: it succeeded, failed, or nobody knows. Breaks if this ledger
    /// ends because of it.
    async fn end_batch(&mut self, written: Result<WriteResult, JoinError>) -> ControlFlow<()> {
        let Some(mut flight) = self.writes.flight.take() else {
            return ControlFlow::Continue(());
        };
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                // Nobody knows how far it got: whoever takes up the ledger reads it again.
                tracing::error!(%error, "a batch of the ledger was not written to its end");
                return ControlFlow::Break(());
            }
        };
        let WriteResult {
            batch,
            spans,
            result,
        } = written;
        let Err(error) = result else {
            self.is_written(&batch, flight);
            return ControlFlow::Continue(());
        };
        let is_in_doubt = match flight.is_in_doubt {
            true => error.leaves_in_doubt(),
            false => matches!(error, store::Error::InDoubt { .. }),
        };
        self.failed(&error);
        if is_in_doubt {
            // Writing the same batch again is the way to know. Nothing may build on it, and nobody
            // be informed.
            flight.is_in_doubt = true;
            flight.batch = Some((batch, spans));
            self.writes.flight = Some(flight);
            return ControlFlow::Continue(());
        }
        self.take_back(batch, spans, flight, error).await
    }

    fn is_written(&mut self, batch: &WriteBatch, mut flight: Flight) {
        if let Some(written) = &batch.audit {
            self.ledger.trail.turn(written);
        }
        self.works();
        flight.planned.iter_mut().for_each(|one| one.answer(Ok(())));
        self.actor.act(flight.effects);
    }

    /// Takes back a batch that was not written: all of it goes into the next one, except for the
    /// operations that it begins.
    async fn take_back(
        &mut self,
        mut batch: WriteBatch,
        spans: audit::Spans,
        flight: Flight,
        error: store::Error,
    ) -> ControlFlow<()> {
        if let Some(audit) = batch.audit.take() {
            self.ledger.trail.reopen(audit, spans);
        }
        batch.absorb(std::mem::take(&mut self.ledger.batch));
        self.ledger.batch = batch;
        self.ledger.effects.splice(0..0, flight.effects);
        let is_relieved = match &error {
            store::Error::Lost { .. } => self.say_that_there_is_a_gap().await,
            error => matches!(error, store::Error::NotHolder { .. }),
        };
        let error = Arc::new(error);
        let new = std::mem::take(&mut self.writes.planned);
        for mut one in flight.planned.into_iter().chain(new) {
            one.ids.iter().for_each(|id| self.ledger.forget(*id));
            self.ledger.forget_rows(&one.rows);
            one.answer(Err(Arc::clone(&error).into()));
        }
        self.ledger.settle();
        match is_relieved || self.writes.is_ending {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Records that earlier batches are gone: the ledger is restored by whoever takes it up next,
    /// who must know of it. Returns false if that could not be recorded.
    async fn say_that_there_is_a_gap(&mut self) -> bool {
        let refused_from = Instant::now() + REFUSED_AFTER;
        while let Err(error) = self.store.put_gap().await {
            self.failed(&error);
            while !self.writes.is_ending {
                tokio::select! {
                    () = sleep_until(self.writes.retry.at) => break,
                    command = self.commands.recv() => {
                        self.hold_up(command.unwrap_or(LedgerCommand::End));
                    }
                }
            }
            if self.writes.is_ending {
                return false;
            }
            if Instant::now() >= refused_from {
                self.writes.refuse_kept();
            }
        }
        true
    }

    /// Takes note that the store can be written.
    fn works(&mut self) {
        if self.writes.retry.at.take().is_some() {
            tracing::info!("the ledger is written again");
        }
        self.writes.retry.pause = Duration::ZERO;
        *self.failing.lock() = None;
    }

    fn failed(&mut self, error: &store::Error) {
        let cure = error.cure();
        tracing::error!(%error, cure, "the ledger cannot be written");
        let message = format!("the ledger of control cannot be written: {error}: {cure}");
        *self.failing.lock() = Some(Problem::new(error.code().as_str(), Cure::Operator, message));
        let retry = &mut self.writes.retry;
        retry.pause = (retry.pause * 2).clamp(RETRY_AFTER.0, RETRY_AFTER.1);
        retry.at = Some(Instant::now() + retry.pause);
    }
}

/// Returns the present moment, on both clocks.
pub(super) fn now() -> Now {
    Now {
        instant: Instant::now(),
        at: crate::clock::now(),
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
