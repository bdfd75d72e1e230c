//! Reads that ended without anybody's answer, in history with the reason.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_history::gap;
use utakata_model::{EnvironmentState, EnvironmentStatus, Kind, Outcome, Zone};

use super::site::Site;
use crate::history::Recorder;

/// Keeps the reasons of reads without an answer, until it is cancelled.
pub(super) async fn run(
    site: Arc<Site>,
    recorder: Recorder,
    mut unanswered: mpsc::Receiver<Arc<Outcome>>,
    cancel: CancellationToken,
) {
    loop {
        let outcome = tokio::select! {
            () = cancel.cancelled() => return,
            outcome = unanswered.recv() => outcome,
        };
        let Some(outcome) = outcome else { return };
        let Some(known) = site.inventory.find(&outcome.target) else {
            continue;
        };
        let environments = site.kinds.in_their_zones();
        let target = &known.target;
        let paused = is_paused(&environments, &target.kind, &target.zone).then_some(gap::PAUSED);
        recorder.unanswered(&outcome, paused);
    }
}

/// Returns true if an order has stopped every environment that would serve a kind in a zone.
fn is_paused(environments: &[Arc<EnvironmentStatus>], kind: &Kind, zone: &Zone) -> bool {
    let serves = |one: &&Arc<EnvironmentStatus>| {
        one.zone == *zone
            && one.state == EnvironmentState::Running
            && one.pools.iter().any(|pool| pool.release.kind == *kind)
    };
    let mut serving = environments.iter().filter(serves).peekable();
    serving.peek().is_some()
        && serving.all(|one| one.stopped.all.is_some() || one.stopped.kinds.contains_key(kind))
}
