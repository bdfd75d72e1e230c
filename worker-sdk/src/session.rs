//! One connection of a worker with its manager, from the hello to the end.

mod hold;
mod task_set;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    IntoStreamingRequest as _, Streaming, client::Grpc, codegen::http::uri::PathAndQuery,
    transport::Channel,
};
use utakata_protocol::{
    SUPPORTED, WITH_GO,
    clock::Moment,
    v1::{self, Heartbeat, Hello, ToWorker, Welcome, from_worker, to_worker},
};

use self::task_set::TaskSet;
use crate::{
    Release, Worker,
    catalogue::Catalogue,
    connection::{self, Endpoint},
    memory,
    outgoing::{Outgoing, WORK, Wire},
};

/// The number of messages that may wait to be written.
const OUTGOING: usize = 16;
/// The number of outcomes that are kept before reading stops.
const OUTCOMES_KEPT: usize = 1024;
/// The time within which a manager must answer the hello.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// The time that the manager has to end the stream after the worker has.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);
/// The time that the manager has to drain a worker that was told to end.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// The default interval of heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The number of its own heartbeat intervals without a look at anything after which a worker counts
/// as having stood still: as many as the heartbeats in the time within which its manager must hear
/// of it.
const AWAY_AFTER: u32 = 3;

/// The number of progress reports per second that are sent; a manager would treat more as noise.
const MAX_PROGRESS: u32 = 1000;

/// The parameters of a session.
pub struct Config {
    /// The place where the manager listens.
    pub endpoint: Endpoint,
    /// The one-time token.
    pub token: String,
    /// Cancelled to make the worker drain by itself.
    pub stop: CancellationToken,
}

/// The reason why a session ended other than by being drained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A schema of the manifest does not compile.
    #[error("an action of the manifest has a wrong schema")]
    Schema(#[source] utakata_model::schema::SchemaError),
    /// The manifest cannot be written as JSON.
    #[error("the manifest cannot be written as JSON")]
    Manifest(#[source] serde_json::Error),
    /// The connection could not be made.
    #[error("cannot connect to the manager")]
    Connect(#[source] connection::Error),
    /// The manager refuses this worker.
    #[error("the manager refused this worker ({code}): {message}")]
    Refused {
        /// A code for programs.
        code: String,
        /// The event and its cure, in a sentence.
        message: String,
    },
    /// The manager did not answer the hello.
    #[error("the manager did not answer the hello within {} s", HELLO_LIMIT.as_secs())]
    Silent,
    /// The manager answered the hello with something else.
    #[error("the manager answered the hello with neither welcome nor refused")]
    NoWelcome,
    /// The stream broke.
    #[error("the connection to the manager broke")]
    Broken(#[source] Option<tonic::Status>),
}

/// Serves one manager until it drains the worker.
///
/// # Errors
/// Anything else that ends a session. After a broken stream, running control has ended first.
pub async fn run<W: Worker>(
    worker: Arc<W>,
    release: &Release,
    config: Config,
) -> Result<(), Error> {
    let catalogue = Catalogue::build(&release.manifest).map_err(Error::Schema)?;
    let hello = hello(&config.token, worker.capacity(), release)?;
    let client = connection::connect(&config.endpoint).await;
    let client = client.map_err(Error::Connect)?;
    let (outgoing, mut incoming, welcome) = greet(client, hello.clone(), HELLO_LIMIT).await?;
    tracing::debug!(worker = welcome.worker, "welcomed by the manager");
    let (progress, progressed) = mpsc::channel(OUTCOMES_KEPT);
    let mut task_set = TaskSet::build(worker, catalogue, progress);
    task_set.set_go(welcome.protocol_version >= WITH_GO);
    let mut session = Session {
        task_set,
        outgoing,
        progressed,
        told: (Instant::now(), 0),
        heartbeat: heartbeat(&welcome),
        awake: Moment::now(),
        held: None,
        stop: config.stop,
        leaves_at: None,
    };
    loop {
        let broken = match session.serve(&mut incoming).await {
            Ok(Served::Drained) => {
                session.say_goodbye(incoming).await;
                return Ok(());
            }
            Ok(Served::Held(hold)) => {
                let back = session.come_back(&config.endpoint, hello.clone(), hold, incoming);
                match back.await {
                    Ok(again) => {
                        incoming = again;
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(status) => Error::Broken(status),
        };
        session.task_set.outlast().await;
        return Err(broken);
    }
}

/// Returns the interval of heartbeats: a third of the time within which the manager must hear of
/// the worker.
fn heartbeat(welcome: &Welcome) -> Duration {
    let every = match welcome.heartbeat_milliseconds {
        0 => HEARTBEAT,
        asked => Duration::from_millis(asked) / 3,
    };
    every.max(Duration::from_millis(10))
}

fn hello(token: &str, capacity: u32, release: &Release) -> Result<Hello, Error> {
    Ok(Hello {
        token: token.into(),
        protocol_versions: SUPPORTED.to_vec(),
        manifest: serde_json::to_string(&release.manifest).map_err(Error::Manifest)?,
        capacity: capacity.max(1),
        sdk: concat!("rust ", env!("CARGO_PKG_VERSION")).into(),
        can_hold: true,
    })
}

type Opened = (mpsc::Sender<Outgoing>, Streaming<ToWorker>, Welcome);

async fn greet(client: Grpc<Channel>, hello: Hello, limit: Duration) -> Result<Opened, Error> {
    let (outgoing, messages) = mpsc::channel(OUTGOING);
    let hello = from_worker::Message::Hello(hello);
    outgoing.try_send(hello.into()).map_err(|_| Error::Silent)?;
    let exchange = async {
        let opened = open(client, messages).await;
        let mut incoming = opened.map_err(|status| Error::Broken(Some(status)))?;
        let answer = incoming.message().await;
        Ok((
            incoming,
            answer.map_err(|status| Error::Broken(Some(status)))?,
        ))
    };
    let (incoming, answer) = timeout(limit, exchange)
        .await
        .map_err(|_| Error::Silent)??;
    match answer {
        None => Err(Error::Broken(None)),
        Some(ToWorker {
            message: Some(to_worker::Message::Welcome(welcome)),
        }) => Ok((outgoing, incoming, welcome)),
        Some(ToWorker {
            message: Some(to_worker::Message::Refused(refused)),
        }) => Err(Error::Refused {
            code: refused.code,
            message: refused.message,
        }),
        Some(_) => Err(Error::NoWelcome),
    }
}

async fn open(
    mut client: Grpc<Channel>,
    messages: mpsc::Receiver<Outgoing>,
) -> Result<Streaming<ToWorker>, tonic::Status> {
    let ready = client.ready().await;
    ready.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let messages = ReceiverStream::new(messages).into_streaming_request();
    let work = PathAndQuery::from_static(WORK);
    Ok(client.streaming(messages, work, Wire).await?.into_inner())
}

struct Session<W> {
    task_set: TaskSet<W>,
    outgoing: mpsc::Sender<Outgoing>,
    progressed: mpsc::Receiver<(utakata_model::TaskKey, String)>,
    /// The number of progress reports, and the time since which they are counted.
    told: (Instant, u32),
    heartbeat: Duration,
    /// The time of the last look at anything.
    awake: Moment,
    /// The hold that the manager has requested, to make room for its successor.
    held: Option<v1::Hold>,
    stop: CancellationToken,
    /// The moment at which it drains by itself, once it was told to end.
    leaves_at: Option<Instant>,
}

/// The regular ends of serving a stream.
enum Served {
    /// Everything is done and reported.
    Drained,
    /// The worker is to reconnect.
    Held(v1::Hold),
}

/// The events of a session.
enum Event {
    /// It was told to end.
    Stopped,
    /// The manager was told so, and did not drain it.
    NotDrained,
    Came(Result<ToWorker, Option<tonic::Status>>),
    Ended,
    Room,
    Progressed((utakata_model::TaskKey, String)),
    Beat,
    Timer,
}

impl<W: Worker> Session<W> {
    /// Serves until drained or held.
    ///
    /// # Errors
    /// The stream broke before.
    async fn serve(
        &mut self,
        incoming: &mut Streaming<ToWorker>,
    ) -> Result<Served, Option<tonic::Status>> {
        let mut heartbeat = interval_at(Instant::now() + self.heartbeat, self.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Everything that is ready is handled together: first messages are read, then ended
        // attempts are gathered, then messages are written. Each step is bounded, so that none
        // starves the next.
        while !self.task_set.is_done() {
            if let Some(hold) = self.held.take() {
                return Ok(Served::Held(hold));
            }
            let event = self.next(incoming, &mut heartbeat).await;
            self.look_at_clock();
            match event {
                Event::Stopped => {
                    // Tasks are on their way: the manager knows which, and drains it after them.
                    self.leaves_at = Some(Instant::now() + LEAVE_TIMEOUT);
                    self.beat();
                }
                Event::NotDrained => self.task_set.drain(None),
                Event::Came(message) => self.take(message?),
                Event::Ended => {}
                Event::Room => self.tell_what_waits()?,
                Event::Progressed(progress) => {
                    self.tell(progress);
                    self.tell_progress();
                }
                Event::Beat => self.beat(),
                Event::Timer => self.task_set.on_timer(Instant::now()),
            }
        }
        Ok(Served::Drained)
    }

    async fn next(
        &mut self,
        incoming: &mut Streaming<ToWorker>,
        heartbeat: &mut Interval,
    ) -> Event {
        let kept = self.task_set.outcomes.len();
        let has_ready = self.task_set.has_ready();
        let timer = self.task_set.next_timer();
        let is_draining = self.task_set.is_draining();
        let leaves_at = self.leaves_at.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            () = self.stop.cancelled(), if self.leaves_at.is_none() && !is_draining => Event::Stopped,
            () = sleep_until(leaves_at), if self.leaves_at.is_some() && !is_draining => Event::NotDrained,
            message = incoming.message(), if kept < OUTCOMES_KEPT => {
                Event::Came(message.map_err(Some).and_then(|message| message.ok_or(None)))
            }
            () = self.task_set.ended(), if kept < 2 * OUTCOMES_KEPT => Event::Ended,
            _ = self.outgoing.reserve(), if kept > 0 || has_ready => Event::Room,
            Some(progress) = self.progressed.recv() => Event::Progressed(progress),
            _ = heartbeat.tick() => Event::Beat,
            () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() => Event::Timer,
        }
    }

    /// Checks that the worker has turned at least once per heartbeat interval. One that has not
    /// stood still for so long that it is given up: tasks that it has not begun are no longer its
    /// own.
    fn look_at_clock(&mut self) {
        let before = std::mem::replace(&mut self.awake, Moment::now());
        let away = before.until(self.awake);
        if away > self.heartbeat * AWAY_AFTER {
            tracing::warn!(?away, "this worker stood still");
            self.task_set.was_away();
        }
    }

    /// Sends reports of ready attempts, which are waited for, or outcomes.
    fn tell_what_waits(&mut self) -> Result<(), Option<tonic::Status>> {
        if self.task_set.has_ready() {
            let ready = from_worker::Message::Ready(self.task_set.take_ready());
            return self.outgoing.try_send(ready.into()).map_err(|_| None);
        }
        self.tell_outcomes()
    }

    /// Sends outcomes. Only this session writes, so the room that was seen is still there.
    fn tell_outcomes(&mut self) -> Result<(), Option<tonic::Status>> {
        let outcomes = self.task_set.outcomes.take();
        let sent = self.outgoing.try_send(Outgoing::Outcomes(outcomes));
        sent.map_err(|_| None)?;
        self.tell_progress();
        Ok(())
    }

    fn take(&mut self, message: ToWorker) {
        match message.message {
            Some(to_worker::Message::Tasks(tasks)) => self.task_set.take(tasks.tasks),
            Some(to_worker::Message::Go(go)) => self.task_set.go(&go.attempts),
            Some(to_worker::Message::Cancel(cancel)) => self.task_set.cancel(&cancel.tasks),
            Some(to_worker::Message::Drain(drain)) => {
                let within = drain.within_milliseconds;
                let limit = (within > 0).then(|| Duration::from_millis(within));
                self.task_set.drain(limit);
            }
            Some(to_worker::Message::Hold(hold)) => self.held = Some(hold),
            Some(to_worker::Message::Heartbeat(_)) => {}
            Some(to_worker::Message::Welcome(_) | to_worker::Message::Refused(_)) => {
                tracing::warn!("the manager answered the hello once more: ignored");
            }
            None => tracing::debug!("a message of an unknown kind was ignored"),
        }
    }

    /// Sends the progress reports that have accumulated; those that do not fit are dropped.
    fn tell_progress(&mut self) {
        while let Ok(progress) = self.progressed.try_recv() {
            self.tell(progress);
        }
    }

    fn tell(&mut self, (key, text): (utakata_model::TaskKey, String)) {
        if self.told.0.elapsed() > Duration::from_secs(1) {
            self.told = (Instant::now(), 0);
        }
        self.told.1 += 1;
        if self.told.1 > MAX_PROGRESS {
            return;
        }
        let progress = v1::Progress {
            id: key.task.as_bytes().to_vec(),
            attempt: key.attempt,
            message: text,
        };
        self.say(from_worker::Message::Progress(progress));
    }

    fn beat(&self) {
        let running = u32::try_from(self.task_set.count()).unwrap_or(u32::MAX);
        self.say(from_worker::Message::Heartbeat(Heartbeat {
            running,
            invariants_broken: utakata_invariant::count(),
            memory_bytes: memory::resident().unwrap_or(0),
            leaving: self.leaves_at.is_some(),
        }));
    }

    /// Sends a message that may be lost: if others are waiting already, they show just as well that
    /// the worker lives.
    fn say(&self, what: from_worker::Message) {
        if self.outgoing.try_send(what.into()).is_err() {
            tracing::debug!("the manager reads slowly: a message was left out");
        }
    }

    /// Ends the stream, and waits until the manager has read it to its end.
    async fn say_goodbye(self, mut incoming: Streaming<ToWorker>) {
        drop(self.outgoing);
        let end = async { while let Ok(Some(_)) = incoming.message().await {} };
        if timeout(GOODBYE_LIMIT, end).await.is_err() {
            tracing::debug!("the manager did not end the stream after the worker had");
        }
    }
}

#[cfg(test)]
mod tests;
