//! The stream of one worker, from its hello to its end.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use utakata_model::{Problem, TaskKey};
use utakata_protocol::{
    Malformed,
    v1::{
        AttemptOutcome, FromWorker, Hello, ReadyAttempt, ToWorker, Welcome, from_worker, to_worker,
    },
};

use super::{
    Admission, Sent,
    admission::{Entry, Ticket},
    connection::Unproven,
    hello,
};
use crate::{
    runtime::Runtime,
    worker::{Answer, Report, StreamEnd, WorkerEvent},
};

/// The number of messages per second without an outcome beyond which a worker is cut off.
const MAX_CHATTER: u32 = 10_000;
const CHATTER_PERIOD: Duration = Duration::from_secs(1);

/// The session of a connected worker.
pub(super) struct Session {
    pub(super) admission: Admission,
    /// Knows those who have been given no token.
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) hello_within: Duration,
    pub(super) heartbeat: Duration,
    pub(super) stop: CancellationToken,
    /// Its place among the connections without a token.
    pub(super) unproven: Option<Unproven>,
}

/// A counter of useless messages.
struct Chatter {
    since: Instant,
    messages: u32,
}

impl Session {
    /// Runs as long as the stream lasts.
    pub(super) async fn run(self, mut from: Streaming<FromWorker>, to: mpsc::Sender<Sent>) {
        let hello = tokio::select! {
            hello = first(&mut from, self.hello_within) => hello,
            () = self.stop.cancelled() => return,
        };
        let Some(hello) = hello else {
            return;
        };
        let entry = tokio::select! {
            entry = self.admit(&hello.token) => entry,
            () = self.stop.cancelled() => return,
        };
        let ticket = match entry {
            Ok(ticket) => ticket,
            Err(problem) => {
                tracing::warn!(sdk = %hello.sdk, %problem, "a client was not let in");
                refuse(&to, &problem).await;
                return;
            }
        };
        match hello::check(&hello, &ticket.manifest) {
            Ok(agreed) => self.serve(&ticket, agreed, &hello, from, to).await,
            Err(problem) => {
                refuse(&to, &problem).await;
                ticket
                    .report(WorkerEvent::Parted(StreamEnd::Refused(problem)))
                    .await;
            }
        }
    }

    /// Admits whoever has a token, or shows to the runtime that it belongs to it. Waits while
    /// admission is suspended.
    async fn admit(&self, shown: &str) -> Result<Box<Ticket>, Problem> {
        let token = match self.admission.is_outstanding(shown) {
            true => shown.to_owned(),
            false => self
                .runtime
                .identify(shown)
                .await?
                .ok_or_else(hello::stranger)?,
        };
        let token = token.as_str();
        loop {
            match self.admission.redeem(token) {
                Entry::Admitted(ticket) => {
                    self.prove();
                    return Ok(ticket);
                }
                Entry::Stranger => return Err(hello::stranger()),
                Entry::Suspended => {
                    if self.admission.is_outstanding(token) {
                        self.prove();
                    }
                    self.admission.resumed().await;
                }
            }
        }
    }

    fn prove(&self) {
        if let Some(unproven) = &self.unproven {
            unproven.prove();
        }
    }

    async fn serve(
        &self,
        ticket: &Ticket,
        agreed: hello::Agreed,
        hello: &Hello,
        from: Streaming<FromWorker>,
        to: mpsc::Sender<Sent>,
    ) {
        let (sdk, can_hold) = (&hello.sdk, hello.can_hold);
        tracing::debug!(worker = %ticket.worker, sdk, capacity = agreed.capacity, "worker is ready");
        let welcome = to_worker::Message::Welcome(Welcome {
            protocol_version: agreed.version,
            worker: ticket.worker.as_str().into(),
            heartbeat_milliseconds: self.heartbeat.as_millis().try_into().unwrap_or(u64::MAX),
        });
        // The first message of an empty channel: there is room, or nobody there.
        let _ = to.try_send(message(welcome));
        let capacity = agreed.capacity;
        let ready = WorkerEvent::Ready {
            capacity,
            can_hold,
            to,
        };
        ticket.report(ready).await;
        let parting = tokio::select! {
            parting = listen(ticket, from) => parting,
            () = ticket.cut.cancelled() => StreamEnd::Cut,
            () = self.stop.cancelled() => StreamEnd::Cut,
        };
        ticket.report(WorkerEvent::Parted(parting)).await;
    }
}

impl Ticket {
    async fn report(&self, event: WorkerEvent) {
        // Nobody listens only when the environment ends.
        let _ = self
            .reports
            .send(Report {
                worker: self.number,
                event,
            })
            .await;
    }
}

/// Returns the hello of a worker, if that is its first message and in time.
async fn first(from: &mut Streaming<FromWorker>, within: Duration) -> Option<Hello> {
    let first = tokio::time::timeout(within, from.message()).await;
    match first.ok()?.ok()??.message? {
        from_worker::Message::Hello(hello) => Some(hello),
        _ => None,
    }
}

async fn refuse(to: &mpsc::Sender<Sent>, problem: &Problem) {
    let refused = to_worker::Message::Refused(hello::refused(problem));
    let _ = to.send(message(refused)).await;
}

/// Wraps a message to a worker.
fn message(message: to_worker::Message) -> Sent {
    Ok(ToWorker {
        message: Some(message),
    })
}

/// Passes on the messages of the worker until there are no more.
async fn listen(ticket: &Ticket, mut from: Streaming<FromWorker>) -> StreamEnd {
    let mut chatter = Chatter {
        since: Instant::now(),
        messages: 0,
    };
    let (mut invariants_broken, mut is_leaving) = (0, false);
    loop {
        let message = match from.message().await {
            Ok(Some(from)) => from.message,
            Ok(None) => return StreamEnd::Closed,
            Err(status) => return broken(&status),
        };
        let event = match message {
            Some(from_worker::Message::Outcomes(batch)) if !batch.outcomes.is_empty() => {
                match answers(batch.outcomes) {
                    Ok(answers) => WorkerEvent::Answers(answers),
                    Err(wrong) => return StreamEnd::Broken(wrong),
                }
            }
            Some(from_worker::Message::Ready(batch)) if !chatter.is_too_much(Instant::now()) => {
                match can_begin(&batch.attempts) {
                    Ok(ready) => WorkerEvent::CanBegin(ready),
                    Err(wrong) => return StreamEnd::Broken(wrong.to_string()),
                }
            }
            _ if chatter.is_too_much(Instant::now()) => {
                let flood = format!("more than {MAX_CHATTER} messages without an outcome a second");
                return StreamEnd::Flood(flood);
            }
            Some(from_worker::Message::Heartbeat(heartbeat))
                if !chatter.is_too_much(Instant::now()) =>
            {
                // It is counted once however much more it is: a worker may say any number.
                if heartbeat.invariants_broken > invariants_broken {
                    invariants_broken = heartbeat.invariants_broken;
                    utakata_invariant::record("a worker met an impossible state", &ticket.worker);
                }
                if heartbeat.leaving && !is_leaving {
                    is_leaving = true;
                    ticket.report(WorkerEvent::Leaving).await;
                }
                WorkerEvent::Alive {
                    memory: (heartbeat.memory_bytes > 0).then_some(heartbeat.memory_bytes),
                }
            }
            _ => WorkerEvent::Alive { memory: None },
        };
        ticket.report(event).await;
    }
}

fn can_begin(attempts: &[ReadyAttempt]) -> Result<Vec<(TaskKey, u64)>, Malformed> {
    let attempts = attempts.iter();
    attempts.map(|one| Ok((one.key()?, one.nonce))).collect()
}

fn answers(outcomes: Vec<AttemptOutcome>) -> Result<Vec<Answer>, String> {
    outcomes
        .into_iter()
        .map(Answer::from_wire)
        .collect::<Result<_, _>>()
        .map_err(|error| utakata_model::chain(&error))
}

fn broken(status: &Status) -> StreamEnd {
    match status.code() {
        // The codes of tonic for a message over the limit.
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => {
            StreamEnd::Flood(status.message().to_owned())
        }
        _ => StreamEnd::Broken(status.message().to_owned()),
    }
}

impl Chatter {
    fn is_too_much(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= CHATTER_PERIOD {
            *self = Self {
                since: now,
                messages: 0,
            };
        }
        self.messages += 1;
        self.messages > MAX_CHATTER
    }
}
