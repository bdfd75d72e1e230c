//! The owner of the ledger: takes in all that has come, writes what changed in one go, then
//! acts.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use utakata_model::{Cure, OperationId, Problem};

use super::{
    Error,
    act::Actor,
    book::{Book, Effect, New, Now},
    command::{Command, Promise},
};
use crate::{
    dispatch::Failing,
    store::{self, Fence, Page, Store},
};

/// The most commands that are taken in at once.
const AT_ONCE: usize = 512;
/// After a write has failed, the next try, doubling up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Whoever waits for a promise while nobody knows whether a page was written is told so after this.
const REFUSED_AFTER: Duration = Duration::from_secs(5);
/// A write that takes longer keeps nobody waiting who only asks.
const LONG: Duration = Duration::from_secs(1);

/// The owner of the ledger.
pub(super) struct Service {
    pub book: Book,
    pub store: Arc<dyn Store>,
    pub actor: Actor,
    pub commands: mpsc::Receiver<Command>,
    pub failing: Arc<Failing>,
    pub again: Again,
    /// What the store holds writes against, where others could keep the ledger.
    pub fence: Option<Fence>,
    /// Somebody else keeps the ledger by now.
    pub is_relieved: bool,
    /// What came while nobody knew whether a page was written.
    pub kept: Vec<Command>,
}

/// When what could not be written is tried again.
#[derive(Debug, Default)]
pub(super) struct Again {
    at: Option<Instant>,
    pause: Duration,
}

/// An operation whose sender waits to hear that it is written down.
struct Planned {
    id: OperationId,
    /// Absent once it was told that nobody knows.
    reply: Option<Promise<()>>,
}

/// A page that is being written: who waits for it, and until when.
struct Doubt<'p> {
    planned: &'p mut [Planned],
    /// From then on whoever waits is told so.
    refused_from: Instant,
}

impl Planned {
    /// Whoever asked may have lost interest.
    fn answer(&mut self, answer: Result<(), Error>) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(answer);
        }
    }
}

impl<'p> Doubt<'p> {
    fn new(planned: &'p mut [Planned]) -> Self {
        Self {
            planned,
            refused_from: Instant::now() + REFUSED_AFTER,
        }
    }
}

impl Service {
    /// Lasts until nobody can send any more, or somebody sends the end.
    pub async fn run(mut self) {
        let mut commands = Vec::with_capacity(AT_ONCE);
        self.turn(Vec::new()).await;
        loop {
            commands.append(&mut self.kept);
            if commands.is_empty() {
                let wake = self.wake();
                tokio::select! {
                    taken = self.commands.recv_many(&mut commands, AT_ONCE) => {
                        if taken == 0 {
                            return;
                        }
                    }
                    () = sleep_until(wake), if wake.is_some() => {}
                }
            }
            let is_end = commands.iter().any(|one| matches!(one, Command::End));
            let taken = std::mem::take(&mut commands);
            self.turn(taken).await;
            if is_end || self.is_relieved {
                return;
            }
        }
    }

    /// When something happens by time alone.
    fn wake(&self) -> Option<Instant> {
        self.again.at.or_else(|| self.book.deadline())
    }

    async fn turn(&mut self, commands: Vec<Command>) {
        self.book.at(now());
        let mut new = Vec::new();
        for command in commands {
            // What is repeated until it is answered waits until the store works again.
            if self.again.at.is_some() && command.is_repeated() {
                continue;
            }
            match command {
                Command::Plan(operation, reply) => new.push((operation, reply)),
                command => command.carry_out(&mut self.book),
            }
        }
        if self.again.at.is_none() {
            self.book.tick();
        }
        let mark = self.book.trail.mark();
        let planned = new.into_iter().map(|(new, reply)| self.plan(*new, reply));
        let planned: Vec<Planned> = planned.collect();
        self.write(planned, mark).await;
    }

    fn plan(&mut self, new: New, reply: Promise<()>) -> Planned {
        let id = new.operation.id;
        self.book.plan(new);
        let reply = Some(reply);
        Planned { id, reply }
    }

    async fn write(&mut self, mut planned: Vec<Planned>, mark: usize) {
        let mut page = std::mem::take(&mut self.book.page);
        page.audit = self.book.trail.page();
        page.under = self.fence.clone();
        if !page.is_empty()
            && let Err(error) = self.write_for_certain(&page, &mut planned).await
        {
            page.audit = None;
            self.book.page = page;
            self.failed(&error);
            if matches!(error, store::Error::Lost { .. }) {
                self.is_relieved = self.say_that_there_is_a_gap().await;
            } else {
                self.is_relieved = matches!(error, store::Error::NotHolder { .. });
            }
            // Whoever asked is not told what nobody knows.
            if !error.leaves_in_doubt() || !self.is_ending() {
                self.forget(planned, mark, &Arc::new(error));
            }
            return;
        }
        if let Some(written) = &page.audit {
            self.book.trail.turn(written);
        }
        if self.again.at.take().is_some() {
            tracing::info!("the ledger is written again");
        }
        self.again.pause = Duration::ZERO;
        *self.failing.lock() = None;
        planned.iter_mut().for_each(|one| one.answer(Ok(())));
        let effects = std::mem::take(&mut self.book.effects);
        self.actor.act(effects);
    }

    /// Writes a page. While nobody knows whether that was done, the very same page is written
    /// again, and what comes waits, but not for long: nothing may build on it, and nobody be told.
    async fn write_for_certain(
        &mut self,
        page: &Page,
        planned: &mut [Planned],
    ) -> Result<(), store::Error> {
        let mut doubt = Doubt::new(planned);
        let mut written = self.try_to_write(page, &mut doubt).await;
        if !matches!(written, Err(store::Error::InDoubt { .. })) {
            return written;
        }
        while let Err(error) = &written
            && error.leaves_in_doubt()
        {
            self.failed(error);
            self.wait_for_next_try(&mut doubt).await;
            if self.is_ending() {
                break;
            }
            written = self.try_to_write(page, &mut doubt).await;
        }
        written
    }

    async fn try_to_write(
        &mut self,
        page: &Page,
        doubt: &mut Doubt<'_>,
    ) -> Result<(), store::Error> {
        let store = Arc::clone(&self.store);
        let mut writing = store.write(page);
        if let Ok(written) = timeout(LONG, &mut writing).await {
            return written;
        }
        tokio::select! {
            biased;
            written = &mut writing => return written,
            () = self.serve(doubt) => {}
        }
        // It ends: what becomes of the page is all that is left.
        writing.await
    }

    /// What was written is gone: the ledger is read again, by whoever takes it up next, who must
    /// know of it. Says whether that is known.
    async fn say_that_there_is_a_gap(&mut self) -> bool {
        let mut doubt = Doubt::new(&mut []);
        while let Err(error) = self.store.put_gap().await {
            self.failed(&error);
            self.wait_for_next_try(&mut doubt).await;
            if self.is_ending() {
                return false;
            }
        }
        true
    }

    async fn wait_for_next_try(&mut self, doubt: &mut Doubt<'_>) {
        let at = self.again.at;
        tokio::select! {
            () = sleep_until(at) => {}
            () = self.serve(doubt) => {}
        }
    }

    /// What only asks is answered; what is repeated is left out; the rest is kept, and what waits
    /// for a promise refused after a while. Lasts until the end.
    async fn serve(&mut self, doubt: &mut Doubt<'_>) {
        while !self.is_ending() {
            let is_waited_for = Instant::now() < doubt.refused_from;
            if !is_waited_for {
                self.refuse(doubt);
            }
            tokio::select! {
                () = sleep_until(Some(doubt.refused_from)), if is_waited_for => {}
                command = self.commands.recv() => match command {
                    // Who waits for what was kept hears that it ends.
                    Some(Command::End) | None => self.kept = vec![Command::End],
                    Some(command) if command.is_repeated() => {}
                    Some(command) if command.only_asks() => command.carry_out(&mut self.book),
                    Some(command) => self.keep(command),
                }
            }
        }
    }

    /// Of what an environment tells only the last is of use.
    fn keep(&mut self, command: Command) {
        if let Command::Heard(new) = &command {
            let is_older = |one: &Command| matches!(one, Command::Heard(old) if old.id == new.id);
            self.kept.retain(|one| !is_older(one));
        }
        self.kept.push(command);
    }

    fn refuse(&mut self, doubt: &mut Doubt<'_>) {
        for one in doubt.planned.iter_mut() {
            one.answer(Err(Error::InDoubt(one.id)));
        }
        let kept = std::mem::take(&mut self.kept);
        self.kept = kept.into_iter().filter_map(Command::refuse).collect();
    }

    fn is_ending(&self) -> bool {
        matches!(self.kept.last(), Some(Command::End))
    }

    /// What could not be written has not happened, as far as somebody can be told so.
    fn forget(&mut self, planned: Vec<Planned>, mark: usize, error: &Arc<store::Error>) {
        if planned.is_empty() {
            return;
        }
        self.book.trail.cut(mark);
        for mut one in planned {
            self.book.forget(one.id);
            one.answer(Err(Arc::clone(error).into()));
        }
        let effects = std::mem::take(&mut self.book.effects);
        let is_there = |effect: &Effect| match effect {
            Effect::Publish(task) => self.book.has(task.id),
            Effect::ReadBack(read) | Effect::Capture(read) => self.book.has(read.task.id),
            _ => true,
        };
        self.book.effects = effects.into_iter().filter(is_there).collect();
    }

    fn failed(&mut self, error: &store::Error) {
        let cure = error.cure();
        tracing::error!(%error, cure, "the ledger cannot be written");
        let message = format!("the ledger of control cannot be written: {error}: {cure}");
        *self.failing.lock() = Some(Problem::new(error.code(), Cure::Operator, message));
        self.again.pause = (self.again.pause * 2).clamp(AGAIN.0, AGAIN.1);
        self.again.at = Some(Instant::now() + self.again.pause);
    }
}

/// This moment, in both clocks.
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
