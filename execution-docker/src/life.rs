//! One container from its start to its end, whatever happens to the engine meanwhile.
//!
//! ```text
//!  attach ─► start ─► wait ──ended──────────► remove ─► reported
//!                      │ ▲ engine away: again, with back-off
//!                      └─┘
//!                      └──kill──► remove, within 5 s ─► reported
//! ```

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bollard::container::LogOutput;
use futures::StreamExt;
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    sync::watch,
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use utakata_execution::runtime::{Exit, Running, log};
use utakata_model::{Backoff, WorkerId};

use crate::{
    Hold,
    engine::{Engine, Output, Waited},
    error::Error,
};

/// The wait before an engine that is away is asked again.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(2);
/// The time for which killing a container is retried. Afterwards it is treated as an orphan.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// The time that the rest of a worker's output may take after its end.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(500);
/// The time that an engine has to report the memory of a container.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(2);
/// The amount of unread output that is kept, in bytes.
const UNREAD: usize = 64 * 1024;

/// A container that was started.
#[derive(Debug)]
pub(crate) struct Container {
    engine: Arc<Engine>,
    id: String,
    kill: CancellationToken,
    _kill_on_drop: DropGuard,
    end: watch::Receiver<Option<End>>,
}

#[derive(Debug, Clone)]
struct End {
    exit: Exit,
    last_words: Option<String>,
}

/// Starts a container that was created.
pub(crate) async fn begin(
    engine: Arc<Engine>,
    worker: &WorkerId,
    hold: Hold,
) -> Result<Container, Error> {
    let output = engine.attach(&hold.id).await?;
    engine.start(&hold.id).await?;
    let told = follow(output, worker);
    let (tell, end) = watch::channel(None);
    let kill = CancellationToken::new();
    let killed = kill.clone();
    let worker = worker.clone();
    let (id, asked) = (hold.id.clone(), engine.clone());
    tokio::spawn(async move {
        let exit = tokio::select! {
            exit = outlive(&engine, &hold.id, &worker) => exit,
            () = killed.cancelled() => end_now(&engine, &hold.id, &worker).await,
        };
        let last_words = tokio::time::timeout(LAST_WORDS_TIMEOUT, told).await;
        let last_words = last_words.ok().and_then(Result::ok).flatten();
        if let Err(error) = engine.remove(&hold.id).await {
            tracing::debug!(%worker, error = utakata_model::chain(&error), "a container is left over for now");
        }
        tell.send_replace(Some(End { exit, last_words }));
    });
    Ok(Container {
        engine: asked,
        id,
        _kill_on_drop: kill.clone().drop_guard(),
        kill,
        end,
    })
}

/// Waits for the end of a container, even one that continues while its engine is away.
async fn outlive(engine: &Engine, id: &str, worker: &WorkerId) -> Exit {
    let mut backoff = Backoff::new(FIRST_RETRY, MAX_RETRY);
    loop {
        match engine.wait(id).await {
            Waited::Exited(exit) => return exit,
            Waited::Gone => return Exit::Unknown,
            Waited::Away(error) => {
                if backoff.is_first() {
                    let error = utakata_model::chain(&error);
                    tracing::warn!(%worker, error, "the engine is away: its worker keeps running");
                }
            }
        }
        tokio::time::sleep(backoff.wait()).await;
    }
}

/// Kills a container, as far as that is possible in time.
async fn end_now(engine: &Engine, id: &str, worker: &WorkerId) -> Exit {
    let deadline = Instant::now() + KILL_TIMEOUT;
    let killed = async {
        while engine.remove(id).await.is_err() {
            tokio::time::sleep(FIRST_RETRY).await;
        }
    };
    match tokio::time::timeout_at(deadline, killed).await {
        Ok(()) => Exit::Signal(9),
        Err(_) => {
            tracing::warn!(%worker, container = id, "a container could not be killed yet");
            Exit::Unknown
        }
    }
}

/// Logs the output of a container; returns the last line of its standard error.
fn follow(output: Output, worker: &WorkerId) -> JoinHandle<Option<String>> {
    let (to_out, from_out) = tokio::io::duplex(UNREAD);
    let (to_error, from_error) = tokio::io::duplex(UNREAD);
    tokio::spawn(part(output, to_out, to_error));
    tokio::spawn(log::follow(from_out, worker.clone()));
    tokio::spawn(log::follow(from_error, worker.clone()))
}

/// Splits the output of a container into its two streams. Ends with the container.
async fn part(mut output: Output, mut out: DuplexStream, mut error: DuplexStream) {
    while let Some(Ok(printed)) = output.next().await {
        let written = match &printed {
            LogOutput::StdErr { message } => error.write_all(message).await,
            printed => out.write_all(printed.as_ref()).await,
        };
        if written.is_err() {
            return;
        }
    }
}

#[async_trait]
impl Running for Container {
    async fn ended(&mut self) -> Exit {
        let ended = self.end.wait_for(Option::is_some).await;
        // The channel closes only when everything here ends.
        let end = ended.ok().and_then(|end| end.clone());
        end.map_or(Exit::Unknown, |end| end.exit)
    }

    fn kill(&mut self) {
        self.kill.cancel();
    }

    async fn memory(&mut self) -> Option<u64> {
        let asked = tokio::time::timeout(MEMORY_TIMEOUT, self.engine.memory(&self.id));
        asked.await.ok().flatten()
    }

    fn last_words(&self) -> Option<String> {
        self.end.borrow().as_ref()?.last_words.clone()
    }
}
