//! The links to the workers of a kind, by which they are reached, cut off and killed.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;
use utakata_protocol::v1::{ToWorker, to_worker::Message};

use crate::worker::{Number, Report, WorkerEvent, WorkerStream};

/// The links of all known workers.
#[derive(Debug, Default)]
pub(super) struct WorkerLinks(BTreeMap<Number, WorkerLink>);

#[derive(Debug, Clone, Default)]
pub(super) struct WorkerLink {
    /// The stream, from the hello to its end.
    stream: Option<WorkerStream>,
    /// Cuts the stream.
    pub(super) cut: CancellationToken,
    /// Kills the process.
    pub(super) kill: CancellationToken,
}

impl WorkerLinks {
    /// Creates a link to a worker that is started, or adopted.
    pub(super) fn open(&mut self, worker: Number) -> WorkerLink {
        self.0.entry(worker).or_default().clone()
    }

    /// Takes note of streams: they begin with the hello and end when the worker has parted.
    pub(super) fn on_report(&mut self, report: &Report) {
        let Some(link) = self.0.get_mut(&report.worker) else {
            return;
        };
        match &report.event {
            WorkerEvent::Ready { to, .. } => link.stream = Some(to.clone()),
            WorkerEvent::Parted(_) => link.stream = None,
            _ => {}
        }
    }

    /// Returns the number of messages for which the stream of a worker has room.
    pub(super) fn room(&self, worker: Number) -> Option<usize> {
        let stream = self.0.get(&worker)?.stream.as_ref()?;
        Some(stream.capacity())
    }

    /// Sends a message, or returns it: the worker has just gone, or reads nothing.
    pub(super) fn send(&self, worker: Number, message: Message) -> Result<(), Message> {
        let link = self.0.get(&worker);
        let Some(stream) = link.and_then(|link| link.stream.as_ref()) else {
            return Err(message);
        };
        let Ok(permit) = stream.try_reserve() else {
            return Err(message);
        };
        permit.send(Ok(ToWorker {
            message: Some(message),
        }));
        Ok(())
    }

    /// Returns the token that cuts the stream of a worker.
    pub(super) fn cut_of(&self, worker: Number) -> Option<CancellationToken> {
        Some(self.0.get(&worker)?.cut.clone())
    }

    /// Cuts off and kills a worker.
    pub(super) fn kill(&self, worker: Number) {
        if let Some(link) = self.0.get(&worker) {
            link.cut.cancel();
            link.kill.cancel();
        }
    }

    pub(super) fn forget(&mut self, worker: Number) {
        self.0.remove(&worker);
    }
}
