//! The handover of a kind to another program in its process, and the time after it.

use std::{os::fd::OwnedFd, sync::atomic::Ordering, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use utakata_invariant as invariant;
use utakata_protocol::v1::{self, to_worker::Message};

use super::{
    Service, moment,
    start::{self, tell},
};
use crate::{
    endpoint::Ticket,
    kind::workers::{Adopted, Park, RETURN_TIMEOUT},
    runtime::Trace,
    takeover::KindLeft,
    worker::WorkerEvent,
};

/// Everything that a kind leaves to another program in this process.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) left: KindLeft,
    /// The pipes of its workers, in the order of their names.
    pub(crate) files: Vec<OwnedFd>,
}

/// Everything that another program in this process has left to a kind.
#[derive(Debug)]
pub(crate) struct Inherited {
    pub(crate) left: KindLeft,
    /// The traces of its workers, by number.
    pub(crate) traces: Vec<(u64, Trace)>,
    /// The time that has passed since.
    pub(crate) passed: Duration,
    /// Dropped once its workers are awaited.
    pub(crate) awaiting: Option<mpsc::Sender<()>>,
}

impl Service {
    /// Makes a worker close its stream and return with a token of its own.
    pub(super) fn park(&mut self, park: Park) {
        let number = park.number;
        let Some(cut) = self.links.cut_of(number) else {
            return invariant::broken("a worker has no link", &number.0);
        };
        let token = self.context.admission.issue(Ticket {
            number,
            worker: park.worker,
            manifest: park.manifest,
            reports: self.reporting.clone(),
            cut,
        });
        let message = Message::Hold(v1::Hold {
            token: token.clone(),
            within_milliseconds: u64::try_from(RETURN_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
        });
        // If there is no room, it is tried again at the next look.
        match self.links.send(number, message) {
            Ok(()) => self.state.on_parked(number, token, moment()),
            Err(_) => self.context.admission.revoke(&token),
        }
    }

    /// Hands over what is left, once, when everything has left and all is published.
    pub(super) fn leave_if_held(&mut self, now: Instant) {
        let admission = &self.context.admission;
        // A worker that has returned meanwhile is told again.
        let is_awaited = self
            .state
            .workers()
            .tokens()
            .all(|token| admission.is_outstanding(token));
        if !self.state.has_left() || !is_awaited {
            self.has_left = false;
            return;
        }
        let is_published = self.published.load(Ordering::Acquire) == self.queued;
        // A decision about a rollout is on disk before a successor continues with it.
        let is_written = self.writing.is_none() && self.pending.is_empty();
        if self.has_left || !is_written || !is_published {
            return;
        }
        let copied: Result<Vec<OwnedFd>, _> = self
            .state
            .workers()
            .traces()
            .flat_map(|trace| trace.pipes.iter().flatten())
            .map(OwnedFd::try_clone)
            .collect();
        match copied {
            Ok(files) => {
                let left = self.state.leave(now);
                self.has_left = self
                    .context
                    .handovers
                    .try_send(Handover { left, files })
                    .is_ok();
            }
            Err(error) => {
                tracing::warn!(%error, "workers cannot be handed over to another program");
            }
        }
    }

    /// Continues where another program in this process was: its workers are watched and awaited.
    pub(super) fn take_over(&mut self, inherited: Inherited) {
        let now = Instant::now();
        self.state.take_over(&inherited.left, inherited.passed, now);
        let mut traces = inherited.traces.into_iter();
        for adopted in self.state.workers().adopted() {
            let Adopted {
                number,
                worker,
                release,
                token,
            } = adopted;
            let link = self.links.open(number);
            let ticket = Ticket {
                number,
                worker: worker.clone(),
                manifest: release.manifest.clone(),
                reports: self.reporting.clone(),
                cut: link.cut,
            };
            self.context.admission.reissue(token.clone(), ticket);
            let trace = traces.find(|(left, _)| *left == number.0);
            let kill = link.kill;
            let running = trace.map(|(_, trace)| self.context.runtime.adopt(worker, &trace));
            let (reports, admission) = (self.reporting.clone(), self.context.admission.clone());
            self.workers.spawn(async move {
                let (event, words) = match running {
                    Some(running) => start::watch(running, &kill, (&reports, number)).await,
                    None => (WorkerEvent::Exited(crate::runtime::Exit::Unknown), None),
                };
                admission.revoke(&token);
                if let Some(words) = words {
                    tell(&reports, number, WorkerEvent::LastWords(words)).await;
                }
                tell(&reports, number, event).await;
            });
        }
        self.tell_status(now);
        drop(inherited.awaiting);
    }
}
