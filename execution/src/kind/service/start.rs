//! The start of workers, and the reports of their ends.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::{
    endpoint::Ticket,
    kind::workers::Start,
    runtime::{Change, Error, Exit, Life, Running, Spec},
    worker::{Number, Report, WorkerEvent},
};

/// The interval at which the memory of a worker is measured.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

impl Service {
    pub(super) fn start(&mut self, start: &Start) {
        let link = self.links.open(start.number);
        let ticket = Ticket {
            number: start.number,
            worker: start.worker.clone(),
            manifest: start.release.manifest.clone(),
            reports: self.reporting.clone(),
            cut: link.cut,
        };
        let admission = self.context.admission.clone();
        let token = admission.issue(ticket);
        let spec = self.spec(start, &token);
        let runtime = self.context.runtime.clone();
        let (reports, lives) = (self.reporting.clone(), self.context.lives.clone());
        tracing::debug!(worker = %start.worker, release = %start.release.id, "worker is started");
        let (kill, number) = (link.kill, start.number);
        self.workers.spawn(async move {
            let told = (&reports, number);
            let started = runtime.start(spec).await;
            if let Ok(running) = &started {
                lives.started(running.trace().map(|trace| trace.process));
            }
            let (event, words) = watch(started, &kill, told).await;
            admission.revoke(&token);
            if let Some(words) = words {
                tell(&reports, number, WorkerEvent::LastWords(words)).await;
            }
            tell(&reports, number, event).await;
        });
    }

    fn spec(&self, start: &Start, token: &str) -> Spec {
        let release = &start.release;
        Spec {
            worker: start.worker.clone(),
            life: Life {
                environment: self.context.me.environment.clone(),
                incarnation: self.context.me.incarnation,
            },
            release: release.id.clone(),
            folder: release.folder.clone(),
            artifact: release.artifact.clone(),
            run: release.manifest.run.clone(),
            socket: self.context.socket.clone(),
            loopback: self.context.loopback,
            door: self.context.door.clone(),
            is_trial: false,
            control_within: release.manifest.control_within(),
            token: token.into(),
            variables: Spec::passed(&self.context.config.variables),
        }
    }
}

/// Watches a worker to its end, and reports its latest output if it ended by itself.
pub(super) async fn watch(
    started: Result<Box<dyn Running>, Error>,
    kill: &CancellationToken,
    (reports, number): (&mpsc::Sender<Report>, Number),
) -> (WorkerEvent, Option<String>) {
    let mut running = match started {
        Ok(running) => running,
        Err(error) if error.is_of_environment() => {
            return (WorkerEvent::Hindered(error.problem()), None);
        }
        Err(error) => return (WorkerEvent::NotStarted(error.problem()), None),
    };
    if let Some(trace) = running.trace() {
        tell(reports, number, WorkerEvent::Started(trace)).await;
    }
    if running.is_explained() {
        tell(reports, number, WorkerEvent::Explained).await;
    }
    let mut look_at = Instant::now() + LOOK_INTERVAL;
    loop {
        tokio::select! {
            changed = running.changed() => {
                let event = match changed {
                    Change::Ended(exit) => return (end(&*running, exit), running.last_words()),
                    Change::MustGo(within) => WorkerEvent::MustGo(within),
                    Change::OutOfReach => WorkerEvent::OutOfReach,
                };
                tell(reports, number, event).await;
                continue;
            }
            () = kill.cancelled() => break,
            () = tokio::time::sleep_until(look_at) => {}
        }
        look_at = Instant::now() + LOOK_INTERVAL;
        let memory = tokio::select! {
            memory = running.memory() => memory,
            () = kill.cancelled() => break,
        };
        if let Some(bytes) = memory {
            // It is measured again: if there is no room now, nobody waits for it.
            let event = WorkerEvent::Memory(bytes);
            let _ = reports.try_send(Report {
                worker: number,
                event,
            });
        }
    }
    running.kill();
    (WorkerEvent::Exited(running.ended().await), None)
}

/// Returns the end of a worker that was started, or that never was, after all.
fn end(running: &dyn Running, exit: Exit) -> WorkerEvent {
    match running.fault() {
        None => WorkerEvent::Exited(exit),
        Some(fault) if fault.is_of_environment() => WorkerEvent::Hindered(fault.problem()),
        Some(fault) => WorkerEvent::NotStarted(fault.problem()),
    }
}

pub(super) async fn tell(reports: &mpsc::Sender<Report>, worker: Number, event: WorkerEvent) {
    // Nobody listens only after the kind has ended.
    let _ = reports.send(Report { worker, event }).await;
}
