//! One kind in this environment: fetches its tasks, has its workers run them, publishes what
//! came of it. One owner of everything of the kind; kinds do not wait for each other.

mod outcome;
mod pool;
mod state;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Event, Events, OutcomeBatch, Tasks};
use utakata_model::{Class, Cure, Kind, Outcome, Problem, Zone};
use utakata_protocol::{
    ENDPOINT_VARIABLE, RELEASE_VARIABLE, TOKEN_VARIABLE,
    v1::{ToWorker, to_worker::Message},
};

use crate::{
    Config,
    catalogue::Chosen,
    endpoint::{Door, Doors},
    environment::board::Board,
    fetch::{Fetched, Fetcher},
    publish,
    runtime::{Runtime, Spec},
    worker::{Number, Report, Said},
};
pub(crate) use state::Names;
use state::{Send, Start, State};

/// How often deadlines are looked at, with and without anything that has one.
const UPKEEP_BUSY: Duration = Duration::from_millis(50);
const UPKEEP_IDLE: Duration = Duration::from_millis(250);
/// Reports of workers that wait to be read; more make the workers wait.
const REPORTS: usize = 64;

/// What a kind should be like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Order {
    /// The releases to serve; none: end what was begun, then end.
    pub(crate) releases: Vec<Chosen>,
    /// When what was begun is given up.
    pub(crate) give_up_at: Option<Instant>,
}

/// What all kinds of an environment share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) config: Arc<Config>,
    pub(crate) zone: Zone,
    pub(crate) names: Names,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) doors: Doors,
    /// What workers are told in `UTAKATA_ENDPOINT`.
    pub(crate) address: String,
    pub(crate) board: Board,
}

/// One kind.
pub(crate) struct Service {
    kind: Kind,
    around: Surroundings,
    state: State,
    fetcher: Fetcher,
    reports: mpsc::Receiver<Report>,
    reporting: mpsc::Sender<Report>,
    workers: JoinSet<()>,
    outbox: mpsc::Sender<Vec<Event>>,
    pending: Vec<Event>,
}

impl Service {
    /// Serves the kind until its order is to end, and all has ended. Gives the number of
    /// attempts that were given up.
    pub(crate) async fn run(
        kind: Kind,
        around: Surroundings,
        mut order: watch::Receiver<Order>,
        cancel: CancellationToken,
    ) -> usize {
        let (outbox, queue) = publish::queue();
        let publisher = publish::run(around.events.clone(), queue, cancel.clone());
        let publisher = tokio::spawn(publisher);
        let mut service = Self::build(kind, around, outbox);
        service.serve(&mut order, &cancel).await;
        service.around.board.remove(&service.kind);
        let given_up = service.state.given_up();
        if !service.pending.is_empty() {
            let pending = std::mem::take(&mut service.pending);
            tokio::select! {
                _ = service.outbox.send(pending) => {}
                () = cancel.cancelled() => {}
            }
        }
        drop(service);
        if publisher.await.is_err() {
            tracing::error!("outcomes were not published to the end");
        }
        given_up
    }

    fn build(kind: Kind, around: Surroundings, outbox: mpsc::Sender<Vec<Event>>) -> Self {
        let (reporting, reports) = mpsc::channel(REPORTS);
        let fetcher = Fetcher::new(around.tasks.clone(), around.zone.clone(), kind.clone());
        Self {
            state: State::new(kind.clone(), around.names.clone(), &around.config),
            kind,
            around,
            fetcher,
            reports,
            reporting,
            workers: JoinSet::new(),
            outbox,
            pending: Vec::new(),
        }
    }

    async fn serve(&mut self, order: &mut watch::Receiver<Order>, cancel: &CancellationToken) {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        let mut heard = Vec::with_capacity(REPORTS);
        order.mark_changed();
        while !self.is_over() {
            let room = if self.pending.is_empty() {
                self.state.room()
            } else {
                0
            };
            let mut is_due = false;
            let mut fetched = None;
            tokio::select! {
                _ = self.reports.recv_many(&mut heard, REPORTS) => {}
                tasks = self.fetcher.fetch(room), if room > 0 => fetched = Some(tasks),
                () = &mut timer => is_due = true,
                changed = order.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let order = order.borrow_and_update().clone();
                    self.state.on_order(&order, Instant::now(), Timestamp::now());
                    is_due = true;
                }
                permit = self.outbox.reserve(), if !self.pending.is_empty() => {
                    if let Ok(permit) = permit {
                        permit.send(std::mem::take(&mut self.pending));
                    }
                }
                Some(_) = self.workers.join_next() => {}
                () = cancel.cancelled() => return,
            }
            let (now, clock) = (Instant::now(), Timestamp::now());
            is_due |= self.take_in(&mut heard, fetched, now, clock);
            if is_due {
                self.state.upkeep(now, clock);
                timer.as_mut().reset(now + self.upkeep_after());
                self.around.board.put(&self.kind, self.state.status());
            }
            if self.pending.is_empty() {
                self.state.begin(now, clock);
            }
            self.act().await;
        }
    }

    fn is_over(&self) -> bool {
        self.state.is_over() && self.pending.is_empty()
    }

    fn upkeep_after(&self) -> Duration {
        if self.state.is_busy() {
            UPKEEP_BUSY
        } else {
            UPKEEP_IDLE
        }
    }

    /// Whether what has come may change what is to be planned.
    fn take_in(
        &mut self,
        heard: &mut Vec<Report>,
        fetched: Option<Fetched>,
        now: Instant,
        clock: Timestamp,
    ) -> bool {
        let mut is_due = false;
        for report in heard.drain(..) {
            is_due |= self.state.on_report(report, now, clock);
        }
        match fetched {
            Some(Fetched::Deliveries(deliveries)) => {
                self.state.on_deliveries(deliveries, now, clock);
            }
            Some(Fetched::Lost) => self.state.on_lost_connection(),
            None => {}
        }
        is_due
    }

    /// Does what the state asks for.
    async fn act(&mut self) {
        let mut effects = std::mem::take(&mut self.state.effects);
        for start in effects.starts.drain(..) {
            self.start(start);
        }
        let acknowledged = self.fetcher.acknowledge(&effects.acknowledge).await;
        if acknowledged.is_err() {
            self.state.on_lost_connection();
        }
        for send in effects.sends.drain(..) {
            let send = match (&acknowledged, send) {
                (Err(_), send) => self.without_control(send),
                (Ok(()), send) => send,
            };
            self.send(send);
        }
        self.fetcher.give_back(&effects.give_back).await;
        self.publish(effects.readings, effects.outcomes);
    }

    /// Control whose delivery could not be acknowledged goes to somebody else.
    fn without_control(&mut self, mut send: Send) -> Send {
        if let Message::Tasks(tasks) = &mut send.message {
            let taken = tasks.tasks.extract_if(.., |task| task.control).collect();
            let control = utakata_protocol::v1::Tasks { tasks: taken };
            self.state.not_ours(&control, send.worker);
        }
        send
    }

    fn send(&mut self, send: Send) {
        let message = ToWorker {
            message: Some(send.message),
        };
        let Err(unsent) = send.line.try_send(Ok(message)) else {
            return;
        };
        // The worker has just gone, or reads nothing.
        if let Ok(ToWorker {
            message: Some(Message::Tasks(tasks)),
        }) = unsent.into_inner()
        {
            self.state.not_sent(&tasks, send.worker);
        }
    }

    /// Readings before outcomes: whoever sees an outcome can read what was seen.
    fn publish(&mut self, readings: Vec<Event>, outcomes: Vec<Outcome>) {
        self.pending.extend(readings);
        let is_control = |outcome: &Outcome| outcome.class == Class::Control;
        let (control, observe): (Vec<_>, Vec<_>) = if outcomes.iter().any(is_control) {
            outcomes.into_iter().partition(is_control)
        } else {
            (Vec::new(), outcomes)
        };
        for outcomes in [control, observe] {
            if !outcomes.is_empty() {
                let batch = OutcomeBatch {
                    zone: self.around.zone.clone(),
                    kind: self.kind.clone(),
                    outcomes,
                };
                self.pending.push(Event::Outcomes(Arc::new(batch)));
            }
        }
        if !self.pending.is_empty()
            && let Ok(permit) = self.outbox.try_reserve()
        {
            permit.send(std::mem::take(&mut self.pending));
        }
    }

    fn start(&mut self, start: Start) {
        let door = Door {
            number: start.number,
            worker: start.worker.clone(),
            manifest: start.release.manifest.clone(),
            reports: self.reporting.clone(),
            cut: start.cut.clone(),
        };
        let doors = self.around.doors.clone();
        let token = doors.open(door);
        let spec = self.spec(&start, &token);
        let runtime = self.around.runtime.clone();
        let reports = self.reporting.clone();
        tracing::debug!(worker = %start.worker, release = %start.release.id, "worker is started");
        self.workers.spawn(async move {
            let (said, words) = supervise(&*runtime, spec, &start.kill).await;
            doors.close(&token);
            if let Some(words) = words {
                tell(&reports, start.number, Said::LastWords(words)).await;
            }
            tell(&reports, start.number, said).await;
        });
    }

    fn spec(&self, start: &Start, token: &str) -> Spec {
        let passed = self.around.config.variables.iter();
        let passed = passed.filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let own = [
            (ENDPOINT_VARIABLE, self.around.address.as_str().into()),
            (TOKEN_VARIABLE, token.into()),
            (RELEASE_VARIABLE, start.release.folder.clone().into()),
        ];
        let own = own.into_iter().map(|(name, text)| (name.into(), text));
        Spec {
            worker: start.worker.clone(),
            folder: start.release.folder.clone(),
            program: start.release.program.clone(),
            arguments: start.release.manifest.run.arguments.clone(),
            variables: passed.chain(own).collect(),
        }
    }
}

/// Runs one worker to its end; what it printed last, where it ended by itself.
async fn supervise(
    runtime: &dyn Runtime,
    spec: Spec,
    kill: &CancellationToken,
) -> (Said, Option<String>) {
    let mut running = match runtime.start(spec).await {
        Ok(running) => running,
        Err(error) => {
            let message = format!(
                "{}: is it a program for this machine?",
                crate::chain(&error)
            );
            let problem = Problem::new("worker-not-started", Cure::Operator, message);
            return (Said::NotStarted(problem), None);
        }
    };
    tokio::select! {
        exit = running.ended() => return (Said::Exited(exit), running.last_words()),
        () = kill.cancelled() => {}
    }
    running.kill();
    (Said::Exited(running.ended().await), None)
}

async fn tell(reports: &mpsc::Sender<Report>, worker: Number, said: Said) {
    // Nobody listens any more only when the kind has ended.
    let _ = reports.send(Report { worker, said }).await;
}
