//! The way from one manager to its successor: attempts continue, and messages wait.
//!
//! ```text
//! Hold ─► (stream is closed, and read to its end) ─► connect ─► hello with the token ─► welcome
//!                                                       ▲          │ nobody there yet
//!                                                       └──────────┘ until it is too late
//! ```

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};
use tonic::Streaming;
use utakata_model::Backoff;
use utakata_protocol::{
    WITH_GO,
    v1::{Hello, Hold, ToWorker},
};

use super::{Error, GOODBYE_LIMIT, OUTCOMES_KEPT, Opened, Session, greet, heartbeat};
use crate::{
    Worker,
    connection::{self, Endpoint},
};

/// The waits between attempts to connect.
const REDIAL: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));

impl<W: Worker> Session<W> {
    /// Closes the stream and reconnects with the token.
    ///
    /// # Errors
    /// Nothing listened in time, or the successor refuses this worker.
    pub(super) async fn come_back(
        &mut self,
        endpoint: &Endpoint,
        hello: Hello,
        hold: Hold,
        mut incoming: Streaming<ToWorker>,
    ) -> Result<Streaming<ToWorker>, Error> {
        let until = Instant::now() + Duration::from_millis(hold.within_milliseconds);
        tracing::info!(
            running = self.task_set.count(),
            "the manager is replaced: coming back"
        );
        // Earlier messages are written to the end; the manager answers by ending its side.
        self.outgoing = mpsc::channel(1).0;
        let goodbye = Instant::now() + GOODBYE_LIMIT;
        while let Ok(Ok(Some(message))) = self
            .meanwhile(timeout(GOODBYE_LIMIT, incoming.message()))
            .await
        {
            // It was under way before the hold.
            self.take(message);
            if Instant::now() >= goodbye {
                break;
            }
        }
        drop(incoming);
        let hello = Hello {
            token: hold.token,
            ..hello
        };
        let (outgoing, incoming, welcome) = self.meanwhile(dial(endpoint, hello, until)).await?;
        tracing::info!(running = self.task_set.count(), "welcomed again");
        self.outgoing = outgoing;
        self.task_set.set_go(welcome.protocol_version >= WITH_GO);
        self.task_set.say_ready_again();
        self.heartbeat = heartbeat(&welcome);
        self.held = None;
        Ok(incoming)
    }

    /// Lets attempts continue while something else is awaited.
    async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> T {
        tokio::pin!(other);
        loop {
            let kept = self.task_set.outcomes.len();
            let timer = self.task_set.next_timer();
            let at = timer.unwrap_or_else(Instant::now);
            tokio::select! {
                done = &mut other => return done,
                () = self.stop.cancelled(), if !self.task_set.is_draining() => self.task_set.drain(None),
                () = self.task_set.ended(), if kept < 2 * OUTCOMES_KEPT => {}
                () = sleep_until(at), if timer.is_some() => self.task_set.on_timer(Instant::now()),
            }
        }
    }
}

/// Connects and says hello until it is welcomed. The answer is waited for as long as there is
/// time: a hello that was given up might still be heard, and its token is good once.
async fn dial(endpoint: &Endpoint, hello: Hello, until: Instant) -> Result<Opened, Error> {
    let mut backoff = REDIAL;
    loop {
        let wait = backoff.wait();
        let left = until.saturating_duration_since(Instant::now());
        let greeted = match connection::connect(endpoint).await {
            Ok(client) => greet(client, hello.clone(), left).await,
            Err(error) => Err(Error::Connect(error)),
        };
        match greeted {
            Err(error @ (Error::Refused { .. } | Error::NoWelcome)) => return Err(error),
            // The socket is handed over without a gap: if nothing listens now, nothing will.
            Err(Error::Connect(error)) if error.is_nobody() => return Err(Error::Connect(error)),
            Err(error) if Instant::now() + wait >= until => return Err(error),
            Err(error) => tracing::debug!(%error, "the successor is not there yet"),
            Ok(opened) => return Ok(opened),
        }
        sleep(wait).await;
    }
}
