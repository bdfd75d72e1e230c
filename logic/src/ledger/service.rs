//! The owner of the ledger: takes in all that has come, writes what changed in one go, then
//! acts.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
    time::Instant,
};
use utakata_model::{Cure, OperationId, Problem};

use super::{
    act::Actor,
    book::{Book, Effect, Now},
    command::Command,
};
use crate::{
    audit,
    dispatch::Failing,
    store::{self, Fence, Page, Store},
};

/// The most commands that are taken in at once.
const AT_ONCE: usize = 512;
/// The most commands that are taken in for the next page while one is written: what comes beyond
/// them waits.
const AHEAD: usize = 8 * AT_ONCE;
/// After a write has failed, the next try, doubling up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The owner of the ledger.
///
/// While a page is written, what comes is taken in for the next one: nobody is answered, and
/// nothing done, before the page that says so is written, and all pages before it.
pub(super) struct Service {
    pub book: Book,
    pub store: Arc<dyn Store>,
    pub actor: Actor,
    pub commands: mpsc::Receiver<Command>,
    pub failing: Arc<Failing>,
    pub retry: Retry,
    /// What the store holds writes against, where others could keep the ledger.
    pub fence: Option<Fence>,
    /// Nothing is taken in any more: what there is, is written.
    pub is_ending: bool,
    /// What came while nobody knew whether a page was written.
    pub kept: Vec<Command>,
    /// The operations that the next page begins.
    pub planned: Vec<Planned>,
    /// What waits for the page that is being written.
    pub flight: Option<Flight>,
    /// The page that is being written, if one is.
    pub writing: JoinSet<Written>,
}

/// When what could not be written is tried again.
#[derive(Debug, Default)]
pub(super) struct Retry {
    at: Option<Instant>,
    pause: Duration,
    /// Something came since the last try: whoever waits hears at once that it does not work.
    is_asked_for: bool,
}

/// An operation whose sender waits to hear that it is written down.
pub(super) struct Planned {
    id: OperationId,
    reply: oneshot::Sender<Result<(), Arc<store::Error>>>,
}

/// What waits for a page to be written.
pub(super) struct Flight {
    effects: Vec<Effect>,
    planned: Vec<Planned>,
    /// How many commands came meanwhile.
    came: usize,
}

/// What came of writing a page.
pub(super) struct Written {
    page: Page,
    spans: audit::Spans,
    result: Result<(), store::Error>,
}

impl Service {
    /// Lasts until nobody can send any more, or somebody sends the end.
    pub async fn run(mut self) {
        let mut commands = Vec::with_capacity(AT_ONCE);
        loop {
            commands.append(&mut self.kept);
            self.take_in(&mut commands);
            self.begin_page();
            if self.is_ending && self.flight.is_none() {
                return;
            }
            let (takes_in, wake) = (self.takes_in(), self.wake());
            tokio::select! {
                Some(written) = self.writing.join_next() => {
                    if self.end_page(written).await.is_break() {
                        return;
                    }
                }
                taken = self.commands.recv_many(&mut commands, AT_ONCE), if takes_in => {
                    self.is_ending |= taken == 0;
                }
                () = sleep_until(wake), if wake.is_some() => {}
            }
        }
    }

    /// When something happens by time alone.
    fn wake(&self) -> Option<Instant> {
        match (self.retry.at, &self.flight) {
            (None, _) => self.book.deadline(),
            (Some(at), None) => Some(at),
            (Some(_), Some(_)) => None,
        }
    }

    fn takes_in(&self) -> bool {
        let came = self.flight.as_ref().map_or(0, |flight| flight.came);
        !self.is_ending && came < AHEAD
    }

    fn take_in(&mut self, commands: &mut Vec<Command>) {
        self.book.at(now());
        if let Some(flight) = &mut self.flight {
            flight.came += commands.len();
        }
        let mut new = Vec::new();
        for command in commands.drain(..) {
            // What is repeated until it is answered waits until the store works again.
            if self.retry.at.is_some() && command.is_repeated() {
                continue;
            }
            self.retry.is_asked_for |= !command.only_asks();
            match command {
                Command::Plan(operation, reply) => new.push((operation, reply)),
                Command::End => self.is_ending = true,
                command => command.carry_out(&mut self.book),
            }
        }
        if self.retry.at.is_none() {
            self.book.tick();
        }
        for (new, reply) in new {
            let id = new.operation.id;
            self.book.plan(*new);
            self.planned.push(Planned { id, reply });
        }
    }

    /// Begins to write what has changed, unless a page is being written.
    fn begin_page(&mut self) {
        if self.flight.is_some() || self.waits_for_retry() {
            return;
        }
        let mut page = std::mem::take(&mut self.book.page);
        page.under = self.fence.clone();
        let sealed = self.book.trail.seal();
        let flight = Flight {
            effects: std::mem::take(&mut self.book.effects),
            planned: std::mem::take(&mut self.planned),
            came: 0,
        };
        if page.is_empty() && sealed.is_none() {
            self.actor.act(flight.effects);
            return;
        }
        self.flight = Some(flight);
        self.retry.is_asked_for = false;
        let store = Arc::clone(&self.store);
        self.writing.spawn(async move {
            let (audit, spans) = sealed.map(audit::Sealed::page).unzip();
            page.audit = audit;
            let result = store.write(&page).await;
            Written {
                page,
                spans: spans.unwrap_or_default(),
                result,
            }
        });
    }

    fn waits_for_retry(&self) -> bool {
        let retry = &self.retry;
        let is_due = retry.is_asked_for || self.is_ending;
        !is_due && retry.at.is_some_and(|at| Instant::now() < at)
    }

    /// A page was written, or was not. Breaks where this ledger ends here because of it.
    async fn end_page(&mut self, written: Result<Written, JoinError>) -> ControlFlow<()> {
        let Some(flight) = self.flight.take() else {
            return ControlFlow::Continue(());
        };
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                // Nobody knows how far it came: whoever takes the ledger up reads it again.
                tracing::error!(%error, "a page of the ledger was not written to its end");
                return ControlFlow::Break(());
            }
        };
        let Written {
            page,
            spans,
            result,
        } = written;
        if let Err(error) = self.be_certain(&page, result).await {
            return self.take_back(page, spans, flight, error).await;
        }
        if let Some(written) = &page.audit {
            self.book.trail.turn(written);
        }
        if self.retry.at.take().is_some() {
            tracing::info!("the ledger is written again");
        }
        self.retry.pause = Duration::ZERO;
        *self.failing.lock() = None;
        for one in flight.planned {
            // Whoever asked may have lost interest.
            let _ = one.reply.send(Ok(()));
        }
        self.actor.act(flight.effects);
        ControlFlow::Continue(())
    }

    /// A page was not written: all of it goes into the next one, but for what is begun by it.
    async fn take_back(
        &mut self,
        mut page: Page,
        spans: audit::Spans,
        flight: Flight,
        error: store::Error,
    ) -> ControlFlow<()> {
        self.failed(&error);
        if let Some(audit) = page.audit.take() {
            self.book.trail.reopen(audit, spans);
        }
        page.absorb(std::mem::take(&mut self.book.page));
        self.book.page = page;
        self.book.effects.splice(0..0, flight.effects);
        let is_relieved = match &error {
            store::Error::Lost { .. } => self.say_that_there_is_a_gap().await,
            error => matches!(error, store::Error::NotHolder { .. }),
        };
        // Whoever asked is not told what nobody knows.
        if !error.leaves_in_doubt() || !self.is_ending {
            self.forget(flight.planned, &Arc::new(error));
        }
        match is_relieved || self.is_ending {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// While nobody knows whether a page was written, the very same page is written again, and
    /// what comes waits: nothing may build on it, and nobody be told.
    async fn be_certain(
        &mut self,
        page: &Page,
        written: Result<(), store::Error>,
    ) -> Result<(), store::Error> {
        let mut written = written;
        if !matches!(written, Err(store::Error::InDoubt { .. })) {
            return written;
        }
        while let Err(error) = &written
            && error.leaves_in_doubt()
        {
            self.failed(error);
            self.wait_for_next_try().await;
            if self.is_ending {
                break;
            }
            written = self.store.write(page).await;
        }
        written
    }

    /// What was written is gone: the ledger is read again, by whoever takes it up next, who must
    /// know of it. Says whether that is known.
    async fn say_that_there_is_a_gap(&mut self) -> bool {
        while let Err(error) = self.store.put_gap().await {
            self.failed(&error);
            self.wait_for_next_try().await;
            if self.is_ending {
                return false;
            }
        }
        true
    }

    /// What only asks is answered meanwhile; what is repeated is left out; the rest is kept.
    async fn wait_for_next_try(&mut self) {
        while !self.is_ending {
            tokio::select! {
                () = sleep_until(self.retry.at) => return,
                command = self.commands.recv() => match command {
                    // Who waits for what was kept hears that it ends.
                    Some(Command::End) | None => {
                        self.is_ending = true;
                        self.kept.clear();
                    }
                    Some(command) if command.is_repeated() => {}
                    Some(command) if command.only_asks() => command.carry_out(&mut self.book),
                    Some(command) => self.kept.push(command),
                }
            }
        }
    }

    /// What could not be written has not happened, as far as somebody can be told so.
    fn forget(&mut self, planned: Vec<Planned>, error: &Arc<store::Error>) {
        for one in planned.into_iter().chain(std::mem::take(&mut self.planned)) {
            self.book.forget(one.id);
            let _ = one.reply.send(Err(Arc::clone(error)));
        }
        self.book.settle();
    }

    fn failed(&mut self, error: &store::Error) {
        let cure = error.cure();
        tracing::error!(%error, cure, "the ledger cannot be written");
        let message = format!("the ledger of control cannot be written: {error}: {cure}");
        *self.failing.lock() = Some(Problem::new(error.code(), Cure::Operator, message));
        self.retry.pause = (self.retry.pause * 2).clamp(AGAIN.0, AGAIN.1);
        self.retry.at = Some(Instant::now() + self.retry.pause);
    }
}

/// This moment, in both clocks.
pub(super) fn now() -> Now {
    Now {
        instant: Instant::now(),
        at: Timestamp::now(),
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
