//! The hub's side of one client.

use std::{collections::HashMap, io, sync::Arc};

use serde_json::value::RawValue;
use tokio::{
    io::{AsyncWriteExt, BufReader, BufWriter},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Duration, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use utakata_model::{Kind, Task, Zone};

use super::{
    Served, frame,
    message::{
        Answer, Ask, Hello, MAX_OPEN, MAX_REQUESTS, Published, Request, VERSION, Welcome,
        read as read_message,
    },
    queue::{self, ConsumerQueue, Settle},
    replies::Replies,
    stream::{Next, Stream},
};
use crate::{Event, Interest, Tag, Tasks};

/// The longest a client may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers waiting to be written.
const REPLIES: usize = 64;
/// The most requests one client may have in flight: slightly more than our own clients use, because
/// a slot is free for the client before it is free here.
const PLACES: usize = 2 * MAX_REQUESTS;

/// The connection of one client.
pub(super) struct Connection {
    number: u64,
    served: Arc<Served>,
    replies: Replies,
    places: Arc<Semaphore>,
    publishing: JoinSet<()>,
    open: HashMap<u64, Open>,
    /// True if the client has announced that it will come back.
    is_stepping_aside: bool,
}

/// A consumer or a subscription of the client.
enum Open {
    Queue(
        mpsc::Sender<queue::Command>,
        AbortOnDropHandle<()>,
        queue::Unconfirmed,
    ),
    Stream(mpsc::Sender<Next>, AbortOnDropHandle<()>),
}

impl Connection {
    /// Serves a client until it goes, is cut off, or the hub stops.
    pub(super) async fn run(
        number: u64,
        stream: UnixStream,
        served: Arc<Served>,
        stop: CancellationToken,
    ) {
        let (read, write) = stream.into_split();
        let (mut read, mut write) = (BufReader::new(read), BufWriter::new(write));
        match timeout(HELLO_TIMEOUT, greet(&mut read, &mut write)).await {
            Ok(Ok(pid)) => tracing::debug!(number, pid, "a client of the hub connected"),
            Ok(Err(error)) => return tracing::warn!(%error, "somebody was not let into the hub"),
            Err(_) => return tracing::warn!("a client said nothing to the hub, and was cut off"),
        }
        let (replies, frames) = mpsc::channel(REPLIES);
        let mut connection = Self {
            number,
            served,
            replies: Replies::new(replies),
            places: Arc::new(Semaphore::new(PLACES)),
            publishing: JoinSet::new(),
            open: HashMap::new(),
            is_stepping_aside: false,
        };
        let within = connection.served.config.read_timeout;
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = connection.serve(&mut read) => ended,
            ended = write_all(write, frames, within) => ended,
        };
        match ended {
            Ok(()) => tracing::debug!(number, "a client of the hub went"),
            Err(error) => tracing::warn!(number, %error, "a client of the hub was cut off"),
        }
        connection.close(&stop).await;
    }

    /// Drops everything the client had; only then announces that its environments are gone.
    async fn close(mut self, stop: &CancellationToken) {
        for (_, open) in self.open.drain() {
            open.leave(&*self.served.tasks).await;
        }
        self.publishing.shutdown().await;
        if self.is_stepping_aside {
            return self.served.wills.drop_all(self.number);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.served.wills.execute(self.number, &*self.served.events) => {}
        }
    }

    /// Serves the client's requests; returns `Ok` when the client goes.
    async fn serve(&mut self, read: &mut BufReader<OwnedReadHalf>) -> io::Result<()> {
        let max_silent = self.served.config.max_silent;
        loop {
            let request = timeout(max_silent, frame::read_message(read, frame::MAX_LENGTH));
            let request = request.await.map_err(|_| wrong("it said nothing"))??;
            let Some(Request { id, ask }) = request else {
                return Ok(());
            };
            while self.publishing.try_join_next().is_some() {}
            self.obey(id, ask).await?;
        }
    }

    async fn obey(&mut self, id: u64, ask: Ask) -> io::Result<()> {
        match ask {
            Ask::Ping => self.replies.send(id, Answer::Done).await,
            Ask::PublishTasks(tasks) => self.publish_tasks(id, &tasks)?,
            Ask::PublishEvents(events) => self.publish_events(id, &events)?,
            Ask::Consume { open, zone, kind } => self.consume(id, open, zone, kind)?,
            Ask::Subscribe { open, interest } => self.subscribe(id, open, interest)?,
            Ask::Fetch { open, max } => {
                self.tell_queue(open, queue::Command::Fetch { id, max })?;
            }
            Ask::Acknowledge { open, tags } => {
                self.settle(id, open, &tags, Settle::Acknowledge)?;
            }
            Ask::GiveBack { open, tags } => self.settle(id, open, &tags, Settle::GiveBack)?,
            Ask::Next { open } => match self.open.get(&open) {
                Some(Open::Stream(asked, _)) => told(&asked.try_send(Next(id)))?,
                _ => return Err(wrong("it requested events without a subscription")),
            },
            Ask::StepAside => {
                self.is_stepping_aside = true;
                self.replies.send(id, Answer::Done).await;
            }
            Ask::Leave { open } => {
                if let Some(open) = self.open.remove(&open) {
                    open.leave(&*self.served.tasks).await;
                }
            }
        }
        Ok(())
    }

    fn place(&self) -> io::Result<OwnedSemaphorePermit> {
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| wrong("it requested too much at once"))
    }

    fn publish_tasks(&mut self, id: u64, tasks: &RawValue) -> io::Result<()> {
        let place = self.place()?;
        let tasks = read_message::<Vec<Task>>(tasks);
        let (served, replies) = (Arc::clone(&self.served), self.replies.clone());
        self.publishing.spawn(async move {
            let answer = match tasks {
                Ok(tasks) => match served.tasks.publish(tasks).await {
                    Ok(refusals) => {
                        Answer::Published(refusals.into_iter().map(Into::into).collect())
                    }
                    Err(error) => Answer::failed(&error),
                },
                Err(error) => Answer::Failed(error.to_string()),
            };
            drop(place);
            replies.send(id, answer).await;
        });
        Ok(())
    }

    fn publish_events(&mut self, id: u64, events: &[Published]) -> io::Result<()> {
        let place = self.place()?;
        let events: Result<Vec<Event>, _> = events.iter().map(Published::event).collect();
        if let Ok(events) = &events {
            self.served.wills.note(self.number, events);
        }
        let (served, replies) = (Arc::clone(&self.served), self.replies.clone());
        self.publishing.spawn(async move {
            let answer = match events {
                Ok(events) => Answer::of(served.events.publish(events).await),
                Err(error) => Answer::Failed(error.to_string()),
            };
            drop(place);
            replies.send(id, answer).await;
        });
        Ok(())
    }

    fn consume(&mut self, id: u64, open: u64, zone: Zone, kind: Kind) -> io::Result<()> {
        self.may_open(open)?;
        let (commands, receiver) = mpsc::channel(PLACES + 1);
        let (served, replies) = (Arc::clone(&self.served), self.replies.clone());
        let unconfirmed = queue::Unconfirmed::default();
        let kept = unconfirmed.clone();
        let task = tokio::spawn(async move {
            let of = (zone, kind);
            ConsumerQueue::run(id, of, &*served.tasks, kept, receiver, replies).await;
        });
        let queue = Open::Queue(commands, AbortOnDropHandle::new(task), unconfirmed);
        self.open.insert(open, queue);
        Ok(())
    }

    fn subscribe(&mut self, id: u64, open: u64, interest: Interest) -> io::Result<()> {
        self.may_open(open)?;
        let (asked, receiver) = mpsc::channel(1);
        let (served, replies) = (Arc::clone(&self.served), self.replies.clone());
        let task = tokio::spawn(async move {
            Stream::run(id, interest, &*served.events, receiver, replies).await;
        });
        let stream = Open::Stream(asked, AbortOnDropHandle::new(task));
        self.open.insert(open, stream);
        Ok(())
    }

    fn may_open(&self, open: u64) -> io::Result<()> {
        if self.open.len() >= MAX_OPEN {
            return Err(wrong("it opened too many consumers and subscriptions"));
        }
        if self.open.contains_key(&open) {
            return Err(wrong("it opened the same twice"));
        }
        Ok(())
    }

    fn settle(&self, id: u64, open: u64, tags: &[u64], how: Settle) -> io::Result<()> {
        let command = queue::Command::Settle {
            id,
            tags: tags.iter().copied().map(Tag).collect(),
            how,
            place: self.place()?,
        };
        self.tell_queue(open, command)
    }

    fn tell_queue(&self, open: u64, command: queue::Command) -> io::Result<()> {
        match self.open.get(&open) {
            Some(Open::Queue(commands, ..)) => told(&commands.try_send(command)),
            _ => Err(wrong("it requested tasks without a consumer")),
        }
    }
}

impl Open {
    /// Drops a consumer or subscription, and returns once everything it held is back in its queue.
    async fn leave(self, tasks: &dyn Tasks) {
        let (task, unconfirmed) = match self {
            Self::Queue(_, task, unconfirmed) => (task, Some(unconfirmed)),
            Self::Stream(_, task) => (task, None),
        };
        task.abort();
        let _ = task.await;
        if let Some(unconfirmed) = unconfirmed {
            unconfirmed.give_back(tasks).await;
        }
    }
}

/// Reads the hello of a client, and returns the number of its process.
async fn greet(
    read: &mut BufReader<OwnedReadHalf>,
    write: &mut BufWriter<OwnedWriteHalf>,
) -> io::Result<u32> {
    let hello: Option<Hello> = frame::read_message(read, frame::MAX_HELLO_LENGTH).await?;
    let Some(Hello { version, pid }) = hello else {
        return Err(wrong("it went at once"));
    };
    if version == VERSION {
        let welcome = Welcome::Welcome { version };
        frame::write_message(write, &welcome).await?;
        return Ok(pid);
    }
    let older = if version > VERSION { "hub" } else { "client" };
    let reason = format!(
        "the client speaks version {version} of the hub's language and the hub version \
         {VERSION}: update the {older}"
    );
    let refused = Welcome::Refused {
        reason: reason.clone(),
    };
    frame::write_message(write, &refused).await?;
    Err(wrong(&reason))
}

async fn write_all(
    mut write: BufWriter<OwnedWriteHalf>,
    mut frames: mpsc::Receiver<Vec<u8>>,
    within: Duration,
) -> io::Result<()> {
    frame::write_all(&mut write, &mut frames, within).await?;
    write.shutdown().await
}

/// Checks that a command was passed on. A full queue means that the client sent more before it had
/// its answer; a closed one that it has been told that its consumer or subscription failed to open.
fn told<T>(sent: &Result<(), mpsc::error::TrySendError<T>>) -> io::Result<()> {
    match sent {
        Err(mpsc::error::TrySendError::Full(_)) => Err(wrong("it requested too much at once")),
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
    }
}

fn wrong(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
