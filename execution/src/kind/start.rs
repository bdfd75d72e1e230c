//! Starts workers, and tells of their ends.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Service, state::Start};
use crate::{
    endpoint::Door,
    runtime::{Life, Runtime, Spec},
    worker::{Number, Report, Said},
};

impl Service {
    pub(super) fn start(&mut self, start: Start) {
        let door = Door {
            number: start.number,
            worker: start.worker.clone(),
            manifest: start.release.manifest.clone(),
            reports: self.reporting.clone(),
            cut: start.cut.clone(),
        };
        let doors = self.around.doors.clone();
        let token = doors.open(door);
        let spec = self.spec(&start, &token);
        let runtime = self.around.runtime.clone();
        let reports = self.reporting.clone();
        tracing::debug!(worker = %start.worker, release = %start.release.id, "worker is started");
        self.workers.spawn(async move {
            let (said, words) = supervise(&*runtime, spec, &start.kill).await;
            doors.close(&token);
            if let Some(words) = words {
                tell(&reports, start.number, Said::LastWords(words)).await;
            }
            tell(&reports, start.number, said).await;
        });
    }

    fn spec(&self, start: &Start, token: &str) -> Spec {
        let passed = self.around.config.variables.iter();
        let passed = passed.filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let release = &start.release;
        Spec {
            worker: start.worker.clone(),
            life: Life {
                environment: self.around.me.environment.clone(),
                incarnation: self.around.me.incarnation,
            },
            release: release.id.clone(),
            folder: release.folder.clone(),
            artifact: release.artifact.clone(),
            run: release.manifest.run.clone(),
            socket: self.around.socket.clone(),
            token: token.into(),
            variables: passed.collect(),
        }
    }
}

/// Runs one worker to its end; what it printed last, where it ended by itself.
async fn supervise(
    runtime: &dyn Runtime,
    spec: Spec,
    kill: &CancellationToken,
) -> (Said, Option<String>) {
    let mut running = match runtime.start(spec).await {
        Ok(running) => running,
        Err(error) => return (Said::NotStarted(error.problem()), None),
    };
    tokio::select! {
        exit = running.ended() => return (Said::Exited(exit), running.last_words()),
        () = kill.cancelled() => {}
    }
    running.kill();
    (Said::Exited(running.ended().await), None)
}

async fn tell(reports: &mpsc::Sender<Report>, worker: Number, said: Said) {
    // Nobody listens any more only when the kind has ended.
    let _ = reports.send(Report { worker, said }).await;
}
