//! One process for all tasks.
//!
//! ```text
//!  ask ──Ask──► talk ──lines──► process
//!      ◄─Reply──     ◄─lines───
//! ```
//!
//! Only the process itself says to which task a line belongs. One that writes anything else is
//! therefore not trusted any more, and one that exceeds the time of a task might still act on it:
//! it is killed with all its tasks, and the next task gets a new process.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::AsyncWriteExt,
    process::ChildStdin,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use utakata_worker_sdk::{Context, Task};

use crate::{
    child::{Child, Lines},
    line::{self, Reply},
    settings::Command,
    trouble::Trouble,
};

/// The time within which a process that has closed its output must exit.
const END_TIMEOUT: Duration = Duration::from_millis(500);
/// Tasks waiting to be handled.
const WAITING: usize = 1024;

/// The process shared by all tasks, started on demand.
#[derive(Debug)]
pub struct Lasting {
    command: Command,
    asks: Mutex<Option<mpsc::Sender<Ask>>>,
}

/// A task for the process.
#[derive(Debug)]
struct Ask {
    name: String,
    context: Context,
    line: Vec<u8>,
    until: Instant,
    answer: oneshot::Sender<Result<Reply, Trouble>>,
}

/// A task that the process has, or is about to get.
struct Pending {
    context: Context,
    until: Instant,
    /// True if the first byte of its line may have been read.
    is_reported: bool,
    answer: oneshot::Sender<Result<Reply, Trouble>>,
}

/// The process and its tasks.
struct Talk {
    child: Child,
    stdin: ChildStdin,
    lines: Lines,
    pending: HashMap<String, Pending>,
    /// Lines to be written, in order.
    queue: VecDeque<(String, Vec<u8>)>,
    /// The line being written, and the position in it.
    writing: (Vec<u8>, usize),
}

impl Lasting {
    /// For a program that is started with the first task.
    pub fn new(command: Command) -> Self {
        Self {
            command,
            asks: Mutex::new(None),
        }
    }

    /// Sends the task to the process, and waits for its answer.
    pub async fn ask(
        &self,
        task: &Task,
        context: &Context,
        line: Vec<u8>,
        until: Instant,
    ) -> Result<Reply, Trouble> {
        let (answer, answered) = oneshot::channel();
        let ask = Ask {
            name: line::name(&task.key),
            context: context.clone(),
            line,
            until,
            answer,
        };
        if let Err(unsent) = self.asks()?.send(ask).await {
            // That process has just ended; a new one is started.
            let sent = self.asks()?.send(unsent.0).await;
            sent.map_err(|_| Trouble::NotRead)?;
        }
        // Dropped unanswered, it was never handled.
        answered.await.unwrap_or(Err(Trouble::NotRead))
    }

    fn asks(&self) -> Result<mpsc::Sender<Ask>, Trouble> {
        let mut asks = self.asks.lock();
        if let Some(asks) = asks.as_ref().filter(|asks| !asks.is_closed()) {
            return Ok(asks.clone());
        }
        let (child, stdin, lines) = Child::start(&self.command, None)?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let talk = Talk {
            child,
            stdin,
            lines,
            pending: HashMap::new(),
            queue: VecDeque::new(),
            writing: (Vec::new(), 0),
        };
        // Ends when the worker drops the sender, or with the process.
        tokio::spawn(talk.run(receiver));
        *asks = Some(sender.clone());
        Ok(sender)
    }
}

impl Talk {
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        let trouble = self.talk(&mut asks).await;
        asks.close();
        let ended = match trouble {
            // A process that closes its output is about to exit.
            Some(Trouble::Ended { .. }) => {
                let ended = timeout(END_TIMEOUT, self.child.ended()).await;
                Trouble::ended(ended.unwrap_or_else(|late| Err(late.into())))
            }
            Some(trouble) => trouble,
            None => return,
        };
        // It may act on its remaining tasks until it is dead.
        self.child.kill();
        tracing::warn!(tasks = self.pending.len(), "{ended}");
        for (_, pending) in self.pending {
            let said = match (pending.is_reported, &ended) {
                (false, _) => Trouble::NotRead,
                (true, Trouble::Overdue) if Instant::now() < pending.until => {
                    Trouble::Beside(ended.to_string())
                }
                (true, ended) => ended.clone(),
            };
            // The caller may have given up.
            let _ = pending.answer.send(Err(said));
        }
    }

    /// Talks to the process until nobody needs it any more, or something is wrong.
    async fn talk(&mut self, asks: &mut mpsc::Receiver<Ask>) -> Option<Trouble> {
        loop {
            self.next_line();
            let (line, from) = &self.writing;
            let soonest = self.pending.values().map(|pending| pending.until).min();
            tokio::select! {
                ask = asks.recv() => self.take(ask?),
                written = self.stdin.write(&line[*from..]), if *from < line.len() => {
                    match written {
                        Ok(count) => self.writing.1 += count,
                        // It has closed its input, and is about to exit.
                        Err(_) => return Some(self.at_the_end().await),
                    }
                }
                line = self.lines.next() => match line {
                    Ok(Some(line)) => if let Err(trouble) = self.hear(&line) {
                        return Some(trouble);
                    },
                    Ok(None) => return Some(gone()),
                    Err(trouble) => return Some(trouble),
                },
                () = until(soonest) => if let Err(trouble) = self.overdue() {
                    return Some(trouble);
                },
            }
        }
    }

    fn take(&mut self, ask: Ask) {
        let pending = Pending {
            context: ask.context,
            until: ask.until,
            is_reported: false,
            answer: ask.answer,
        };
        self.pending.insert(ask.name.clone(), pending);
        self.queue.push_back((ask.name, ask.line));
    }

    /// Starts writing the next line that is still wanted, once the previous one is written.
    fn next_line(&mut self) {
        while self.writing.1 == self.writing.0.len() {
            let Some((name, line)) = self.queue.pop_front() else {
                return;
            };
            // Given up while it waited: it is skipped.
            let Some(pending) = self.pending.get_mut(&name) else {
                continue;
            };
            // Checked right before writing: this process may have been stopped since the task
            // arrived.
            let is_late = Instant::now() >= pending.until || !pending.context.is_in_time();
            if pending.answer.is_closed() || is_late {
                self.give(&name, Err(Trouble::NotRead));
                continue;
            }
            pending.is_reported = true;
            self.writing = (line, 0);
        }
    }

    fn hear(&mut self, line: &[u8]) -> Result<(), Trouble> {
        let reply = Reply::parse(line).map_err(Trouble::Garbage)?;
        let name = reply.task.clone().unwrap_or_default();
        let is_reported = |pending: &Pending| pending.is_reported;
        if !self.pending.get(&name).is_some_and(is_reported) {
            let what = format!("an answer to the task {name:?}, which it does not have");
            return Err(Trouble::Garbage(what));
        }
        self.give(&name, Ok(reply));
        Ok(())
    }

    /// Gives up tasks that were not sent in time. Errors: one that was sent is overdue.
    fn overdue(&mut self) -> Result<(), Trouble> {
        let now = Instant::now();
        let over = self.pending.iter().filter(|(_, one)| one.until <= now);
        let over: Vec<_> = over
            .map(|(name, one)| (name.clone(), one.is_reported))
            .collect();
        if over.iter().any(|(_, is_reported)| *is_reported) {
            return Err(Trouble::Overdue);
        }
        for (name, _) in over {
            self.give(&name, Err(Trouble::NotRead));
        }
        Ok(())
    }

    fn give(&mut self, name: &str, said: Result<Reply, Trouble>) {
        if let Some(pending) = self.pending.remove(name) {
            // The caller may have given up.
            let _ = pending.answer.send(said);
        }
    }

    /// Reads its remaining output.
    async fn at_the_end(&mut self) -> Trouble {
        loop {
            let soonest = self.pending.values().map(|pending| pending.until).min();
            let line = tokio::select! {
                line = self.lines.next() => line,
                () = until(soonest) => return Trouble::Overdue,
            };
            match line {
                Ok(Some(line)) => {
                    if let Err(trouble) = self.hear(&line) {
                        return trouble;
                    }
                }
                Ok(None) => return gone(),
                Err(trouble) => return trouble,
            }
        }
    }
}

/// Returns the end of a process; the exit status is added when it is reaped.
fn gone() -> Trouble {
    Trouble::Ended { how: String::new() }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
