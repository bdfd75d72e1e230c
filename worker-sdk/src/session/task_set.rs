//! Takes tasks, runs them, and gathers their outcomes. Independent of the wire format.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use utakata_model::{Class, Cure, Problem, TaskKey};
use utakata_protocol::v1;

use crate::{
    Context, Task, Worker,
    attempt::Attempt,
    attempts::{Attempts, Cancel, Running, Waiting},
    catalogue::Catalogue,
    context::Limit,
    ending::{Ending, Subject, refused},
    outcomes::Outcomes,
    packed::Packed,
};

/// The number of ended attempts that are gathered at once.
const GATHERED: usize = 1024;

/// The tasks that a worker has.
pub struct TaskSet<W> {
    /// The outcomes that wait to be sent.
    pub outcomes: Outcomes,
    worker: Arc<W>,
    catalogue: Catalogue,
    attempts: Attempts,
    tasks: JoinSet<(TaskKey, Packed)>,
    progress: mpsc::Sender<(TaskKey, String)>,
    /// The attempts at control that are ready and not yet reported so.
    ready: Vec<TaskKey>,
    /// True if the manager sends a go for control.
    has_go: bool,
    draining: Option<Draining>,
}

/// The start and the deadline of draining.
struct Draining {
    limit: Option<Instant>,
}

impl<W: Worker> TaskSet<W> {
    /// Creates an empty set.
    pub fn build(
        worker: Arc<W>,
        catalogue: Catalogue,
        progress: mpsc::Sender<(TaskKey, String)>,
    ) -> Self {
        Self {
            outcomes: Outcomes::default(),
            attempts: Attempts::build(worker.capacity()),
            worker,
            catalogue,
            tasks: JoinSet::new(),
            progress,
            ready: Vec::new(),
            has_go: true,
            draining: None,
        }
    }

    /// Sets whether the manager sends a go for control.
    pub fn set_go(&mut self, has_go: bool) {
        self.has_go = has_go;
    }

    /// Returns true if no new tasks are taken.
    pub fn is_draining(&self) -> bool {
        self.draining.is_some()
    }

    /// Returns true if it is drained and everything is reported.
    pub fn is_done(&self) -> bool {
        self.is_draining() && self.attempts.count() == 0 && self.outcomes.is_empty()
    }

    /// Returns the number of tasks.
    pub fn count(&self) -> usize {
        self.attempts.count()
    }

    /// Takes tasks that arrived.
    pub fn take(&mut self, tasks: Vec<v1::Task>) {
        let now = Instant::now();
        for task in tasks {
            self.take_one(task, now);
        }
    }

    fn take_one(&mut self, task: v1::Task, now: Instant) {
        let key = match task.key() {
            Ok(key) => key,
            Err(error) => {
                let problem = Problem::new("malformed", Cure::Bug, error.to_string());
                return self.outcomes.push(refused(task.id, task.attempt, problem));
            }
        };
        if !self.attempts.is_new(key) {
            return tracing::debug!(%key, "an attempt came twice and runs once");
        }
        match self.catalogue.admit(key, task) {
            Ok(task) => self.place(Subject::build(&task, now), task, now),
            Err(problem) => {
                self.attempts.end(key);
                let outcome = refused(key.task.as_bytes().to_vec(), key.attempt, problem);
                self.outcomes.push(outcome);
            }
        }
    }

    fn place(&mut self, subject: Subject, task: Task, now: Instant) {
        if self.is_draining() {
            self.end(&subject, Ending::Draining, now);
        } else if self.attempts.has_slot() {
            self.begin(subject, task, now);
        } else if self.attempts.has_room() {
            self.attempts.wait(Waiting { subject, task });
        } else {
            self.end(&subject, Ending::Flooded, now);
        }
    }

    /// Begins an observe task; control becomes ready, and begins on its go.
    fn begin(&mut self, subject: Subject, task: Task, now: Instant) {
        if subject.deadline() <= now {
            return self.end(&subject, Ending::Expired, now);
        }
        match subject.class {
            Class::Observe => self.run(subject, task, now),
            Class::Control if cfg!(feature = "without-go") => self.run(subject, task, now),
            Class::Control if !self.has_go => self.end(&subject, Ending::NoGo, now),
            Class::Control => {
                self.ready.push(subject.key);
                self.attempts.be_ready(Waiting { subject, task });
            }
        }
    }

    /// Returns true if there are ready attempts to report.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes the ready attempts, to be reported now.
    pub fn take_ready(&mut self) -> v1::Ready {
        let ready = std::mem::take(&mut self.ready);
        let attempts = ready.into_iter().filter_map(|key| {
            Some(v1::ReadyAttempt {
                id: key.task.as_bytes().to_vec(),
                attempt: key.attempt,
                nonce: self.attempts.say_ready(key)?,
            })
        });
        v1::Ready {
            attempts: attempts.collect(),
        }
    }

    /// Reports ready attempts again, because there is another manager.
    pub fn say_ready_again(&mut self) {
        self.ready = self.attempts.ready_keys();
    }

    /// Begins these attempts, unless they are too late.
    pub fn go(&mut self, attempts: &[v1::GoAttempt]) {
        for go in attempts {
            let ready = go.key().ok();
            let ready = ready.and_then(|key| self.attempts.take_ready(key, go.nonce));
            let Some((Waiting { subject, task }, said)) = ready else {
                tracing::debug!("a go for what is not ready was ignored");
                continue;
            };
            let within = Duration::from_millis(go.within_milliseconds);
            let now = Instant::now();
            if said.elapsed() > within {
                self.end(&subject, Ending::Late, now);
            } else if subject.deadline() <= now {
                self.end(&subject, Ending::Expired, now);
            } else {
                self.run(subject, task, now);
            }
        }
        self.fill();
    }

    /// Gives up the tasks that have not begun, because this process stood still.
    pub fn was_away(&mut self) {
        let now = Instant::now();
        for subject in self.attempts.take_unbegun_control() {
            self.end(&subject, Ending::Away, now);
        }
        self.fill();
    }

    fn run(&mut self, subject: Subject, task: Task, now: Instant) {
        let key = subject.key;
        let cancelled = CancellationToken::new();
        let progress = self.progress.clone();
        let deadline = subject.deadline();
        let limit = Limit::from_now(deadline.saturating_duration_since(now));
        let context = Context::build(key, deadline, limit, cancelled.clone(), progress);
        let worker = Arc::clone(&self.worker);
        let run = async move { worker.run(task, context).await };
        match Attempt::build(subject.clone(), cancelled.clone(), limit, run).begin() {
            Ok(outcome) => {
                self.attempts.end(key);
                self.outcomes.push(outcome);
            }
            Err(attempt) => {
                let Subject { target, action, .. } = &subject;
                let span = tracing::debug_span!("task", %key, %target, %action);
                let id = self.tasks.spawn(attempt.rest().instrument(span)).id();
                self.attempts.run(Running {
                    subject,
                    cancelled,
                    id,
                });
            }
        }
    }

    /// Waits until an attempt ends, then gathers all that have. Cancel safe.
    pub async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.gather(ended),
            None => std::future::pending().await,
        }
    }

    fn gather(&mut self, first: Result<(tokio::task::Id, Done), tokio::task::JoinError>) {
        let mut next = Some(first);
        let mut room = GATHERED;
        while let Some(ended) = next {
            self.settle(ended);
            room -= 1;
            next = if room > 0 {
                self.tasks.try_join_next_with_id()
            } else {
                None
            };
        }
        self.fill();
    }

    /// Begins waiting tasks, as far as there are slots.
    fn fill(&mut self) {
        let now = Instant::now();
        while let Some(waiting) = self.attempts.next_to_begin() {
            self.begin(waiting.subject, waiting.task, now);
        }
    }

    fn settle(&mut self, ended: Result<(tokio::task::Id, Done), tokio::task::JoinError>) {
        match ended {
            Ok((_, (key, outcome))) => {
                if self.attempts.end(key) {
                    self.outcomes.push(outcome);
                }
            }
            Err(error) => self.settle_lost(error.id()),
        }
    }

    /// Settles an attempt whose runtime task ended without an outcome: it was given up and reported
    /// already, or the worker panicked while its future was dropped.
    fn settle_lost(&mut self, id: tokio::task::Id) {
        let lost = self.attempts.all_running().find(|running| running.id == id);
        if let Some(subject) = lost.map(|running| running.subject.clone()) {
            self.end(&subject, Ending::Panicked, Instant::now());
        }
    }

    fn end(&mut self, subject: &Subject, ending: Ending, now: Instant) {
        if self.attempts.end(subject.key) {
            self.outcomes.push(subject.outcome(ending, now));
        }
    }

    /// Cancels these attempts.
    pub fn cancel(&mut self, keys: &[v1::TaskKey]) {
        for key in keys.iter().filter_map(|key| key.key().ok()) {
            if let Cancel::Before(subject) = self.attempts.cancel(key) {
                self.end(&subject, Ending::CancelledBefore, Instant::now());
            }
        }
        self.fill();
    }

    /// Takes no new tasks from now on. At the limit, unfinished attempts are given up.
    pub fn drain(&mut self, within: Option<Duration>) {
        tracing::info!(left = self.count(), "draining");
        let limit = within.map(|within| Instant::now() + within);
        self.draining = Some(Draining { limit });
    }

    /// Returns the time of the next event by the clock.
    pub fn next_timer(&self) -> Option<Instant> {
        let limit = self.draining.as_ref().and_then(|draining| draining.limit);
        let expiry = self.attempts.next_expiry();
        limit.into_iter().chain(expiry).min()
    }

    /// Does everything that is due.
    pub fn on_timer(&mut self, now: Instant) {
        for subject in self.attempts.expired(now) {
            self.end(&subject, Ending::Expired, now);
        }
        self.fill();
        let due = |draining: &mut Draining| draining.limit.take_if(|limit| *limit <= now);
        if self.draining.as_mut().and_then(due).is_some() {
            self.give_up(now);
        }
    }

    fn give_up(&mut self, now: Instant) {
        for subject in self.attempts.take_waiting() {
            self.end(&subject, Ending::CancelledBefore, now);
        }
        let running: Vec<_> = self.attempts.all_running().cloned().collect();
        for Running { subject, .. } in running {
            self.end(&subject, Ending::GivenUp, now);
        }
        self.tasks.abort_all();
    }

    /// Without a manager to report to, drops observe tasks, and lets control end, at the latest at
    /// its deadline.
    pub async fn outlast(&mut self) {
        self.attempts.take_waiting();
        let looks = |running: &&Running| running.subject.class == Class::Observe;
        for running in self.attempts.all_running().filter(looks) {
            running.cancelled.cancel();
        }
        let left = self.attempts.all_running().count();
        tracing::warn!(left, "the connection to the manager broke: ending");
        while self.tasks.join_next().await.is_some() {}
    }
}

type Done = (TaskKey, Packed);
