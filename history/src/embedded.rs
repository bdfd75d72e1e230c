//! The history of one process, in files of its own: a thread that writes, and one that seals,
//! merges and deletes.

mod attempts;
mod keep;
mod latest;
mod load;
mod merge;
mod name;
mod read;
mod series_map;
mod shared;
mod write;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use utakata_model::TargetName;

use self::{keep::Keeper, shared::Shared, write::Pen};
pub use self::{
    latest::Latest,
    shared::{Status, Trouble},
};
use crate::{
    gap::Gap,
    query::{Attempt, Error, History, Query, Track},
    row::{Point, Record, Series},
    time::{Millis, Range},
};

/// The number of records that may wait to be written.
const QUEUE: usize = 65_536;

/// A clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// The place and the bounds of a history.
#[derive(Clone)]
pub struct Config {
    pub folder: PathBuf,
    /// The number of days that raw values are kept.
    pub raw_days: usize,
    /// The number of days that the tier of hours is kept.
    pub hour_days: usize,
    /// The largest space on the disk, in bytes.
    pub max_bytes: u64,
    /// The space on the disk that is left to others, in bytes.
    pub min_free: u64,
    pub clock: Clock,
}

/// A reason why there is no history.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the folder of history {} cannot be used", path.display())]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the dictionary of history cannot be opened")]
    Dictionary(#[source] crate::dictionary::Error),
}

/// A message to the writing thread.
enum Message {
    Record(Record),
    /// Writes everything, then answers.
    Settle(oneshot::Sender<()>),
    /// A time in which history was away.
    Away {
        from: Millis,
        to: Millis,
    },
    Stop,
}

/// The history of this process.
pub struct Embedded {
    shared: Arc<Shared>,
    inbox: SyncSender<Message>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Embedded {
    /// Opens the history of a folder. What an earlier process left is looked at in the background.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        let (shared, dictionary, left) = load::load(config)?;
        let shared = Arc::new(shared);
        let (inbox, outbox) = mpsc::sync_channel(QUEUE);
        let pen = Pen::new(Arc::clone(&shared), dictionary);
        let keeper = Keeper::new(Arc::clone(&shared), inbox.clone(), left);
        let threads = vec![
            spawn("history-write", move || pen.run(&outbox)),
            spawn("history-keep", move || keeper.run()),
        ];
        let threads = threads.into_iter().flatten().collect();
        Ok(Self {
            shared,
            inbox,
            threads: Mutex::new(threads),
        })
    }

    /// Has a function called with the duration of each write that was synced. The first one stays.
    pub fn on_flush(&self, call: impl Fn(Duration) + Send + Sync + 'static) {
        // A second one is of no use to anybody.
        let _ = self.shared.on_flush.set(Box::new(call));
    }

    /// Returns the state of history, for people.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Waits until what an earlier process left can be found, at most for this time. Blocks.
    pub fn wait_until_complete(&self, max: Duration) -> bool {
        self.shared.wait_until_scanned(max)
    }

    /// Visits the last values of each source. Blocks.
    ///
    /// # Errors
    /// The dictionary cannot be read.
    pub fn latest(&self, visit: impl FnMut(Latest)) -> Result<(), Error> {
        latest::each(&self.shared, visit)
    }

    /// Writes everything, and ends. Blocks.
    pub fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        if threads.is_empty() {
            return;
        }
        let _ = self.inbox.send(Message::Stop);
        self.shared.stop();
        for thread in threads {
            let _ = thread.join();
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || read(&shared));
        read.await.map_err(|_| Error::Ending)?
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(run);
    if let Err(error) = &thread {
        tracing::error!(%error, "no thread for history: readings are not kept");
    }
    thread.ok()
}

#[async_trait]
impl History for Embedded {
    fn append(&self, record: Record) {
        match self.inbox.try_send(Message::Record(record)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.shared.overrun(),
        }
    }

    async fn settle(&self) {
        let (done, wait) = oneshot::channel();
        let inbox = self.inbox.clone();
        let sent = tokio::task::spawn_blocking(move || inbox.send(Message::Settle(done)));
        if matches!(sent.await, Ok(Ok(()))) {
            let _ = wait.await;
        }
    }

    async fn series(&self, targets: &[TargetName], metric: &str) -> Result<Vec<Series>, Error> {
        let (targets, metric) = (targets.to_vec(), metric.to_owned());
        self.read(move |shared| read::series(shared, &targets, &metric))
            .await
    }

    async fn points(&self, series: &Series, range: Range) -> Result<Vec<Point>, Error> {
        let series = series.clone();
        self.read(move |shared| read::points(shared, &series, range))
            .await
    }

    async fn attempts(&self, target: &TargetName, range: Range) -> Result<Vec<Attempt>, Error> {
        let target = target.clone();
        self.read(move |shared| attempts::attempts(shared, &target, range))
            .await
    }

    async fn away(&self, range: Range) -> Result<Vec<Gap>, Error> {
        self.read(move |shared| Ok(read::away(shared, range))).await
    }

    async fn query(&self, query: Query) -> Result<Vec<Track>, Error> {
        self.read(move |shared| read::query(shared, &query)).await
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
