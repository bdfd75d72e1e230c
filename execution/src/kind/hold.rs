//! What a kind does when its environment goes on as another program, and when it has.

use std::{os::fd::OwnedFd, sync::atomic::Ordering, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use utakata_protocol::v1::ToWorker;

use super::{
    Service,
    start::{self, tell},
    state::{Holding, hold_message},
};
use crate::{endpoint::Ticket, runtime::Trace, takeover::KindLeft, worker::Said};

/// What a kind leaves to another program of this process.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) left: KindLeft,
    /// The pipes of its workers, as they are named.
    pub(crate) files: Vec<OwnedFd>,
}

/// What a kind was left by another program of this process.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) left: KindLeft,
    /// How its workers are found again, by their numbers.
    pub(crate) traces: Vec<(u64, Trace)>,
    /// How much time has passed since.
    pub(crate) passed: Duration,
    /// Dropped when its workers are awaited.
    pub(crate) awaiting: Option<mpsc::Sender<()>>,
}

impl Service {
    /// Has a worker close its stream and come back with a token of its own.
    pub(super) fn hold(&mut self, holding: Holding) {
        let number = holding.number;
        let token = self.around.admission.issue(Ticket {
            number,
            worker: holding.worker,
            manifest: holding.manifest,
            reports: self.reporting.clone(),
            cut: holding.cut,
        });
        let message = ToWorker {
            message: Some(hold_message(token.clone())),
        };
        // Where there is no room, it is tried again at the next look.
        match holding.line.try_send(Ok(message)) {
            Ok(()) => self.state.on_held(number, token, Instant::now()),
            Err(_) => self.around.admission.revoke(&token),
        }
    }

    /// Gives away what is left, once, when everything has left and all is published.
    pub(super) fn leave_if_held(&mut self, now: Instant) {
        let admission = &self.around.admission;
        // Who has come back meanwhile is told once more.
        let is_awaited = self
            .state
            .tokens()
            .all(|token| admission.is_outstanding(token));
        if !self.state.has_left() || !is_awaited {
            self.has_left = false;
            return;
        }
        let is_published = self.published.load(Ordering::Acquire) == self.queued;
        // What was decided about a rollout is on disk before somebody else goes on with it.
        let is_written = self.writing.is_none() && self.pending.is_empty();
        if self.has_left || !is_written || !is_published {
            return;
        }
        let copied: Result<Vec<OwnedFd>, _> = self
            .state
            .traces()
            .flat_map(|trace| trace.pipes.iter().flatten())
            .map(OwnedFd::try_clone)
            .collect();
        match copied {
            Ok(files) => {
                let left = self.state.leave(now);
                self.has_left = self.around.lefts.try_send(Held { left, files }).is_ok();
            }
            Err(error) => tracing::warn!(%error, "workers cannot be left to another program"),
        }
    }

    /// Goes on where another program of this process was: its workers are watched and awaited.
    pub(super) fn take_over(&mut self, came: Came) {
        let now = Instant::now();
        self.state.take_over(&came.left, came.passed, now);
        let mut traces = came.traces.into_iter();
        let mut adopted = Vec::new();
        for (pool, worker) in self.state.coming() {
            let Some(parked) = &worker.parked else {
                continue;
            };
            let ticket = Ticket {
                number: worker.number,
                worker: worker.ran_by.worker.clone(),
                manifest: pool.release.manifest.clone(),
                reports: self.reporting.clone(),
                cut: worker.cut.clone(),
            };
            self.around.admission.reissue(parked.token.clone(), ticket);
            let trace = traces.find(|(number, _)| *number == worker.number.0);
            let id = worker.ran_by.worker.clone();
            let kill = worker.kill.clone();
            adopted.push((worker.number, id, trace, kill, parked.token.clone()));
        }
        for (number, id, trace, kill, token) in adopted {
            let running = trace.map(|(_, trace)| self.around.runtime.adopt(id, &trace));
            let (reports, admission) = (self.reporting.clone(), self.around.admission.clone());
            self.workers.spawn(async move {
                let (said, words) = match running {
                    Some(running) => start::watch(running, &kill, (&reports, number)).await,
                    None => (Said::Exited(crate::runtime::Exit::Unknown), None),
                };
                admission.revoke(&token);
                if let Some(words) = words {
                    tell(&reports, number, Said::LastWords(words)).await;
                }
                tell(&reports, number, said).await;
            });
        }
        self.tell_status(now);
        drop(came.awaiting);
    }
}
