//! The networks of the workers of each kind, kept to those of its targets where the runtime can.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use utakata_model::Backoff;

use crate::{
    desired::LocalDesired,
    runtime::{Door, Life, Runtime},
};

/// The interval at which limits are set again: names may lead elsewhere, and somebody may have
/// changed them.
const INTERVAL: Duration = Duration::from_mins(1);
/// The waits after limits could not be set.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// Follows the networks of targets for as long as it is polled.
pub(super) async fn run(
    runtime: Arc<dyn Runtime>,
    life: Life,
    door: Option<Arc<Door>>,
    mut desired: watch::Receiver<LocalDesired>,
) {
    if !runtime.is_confining() {
        return;
    }
    let mut backoff = RETRY;
    let mut is_failing = false;
    loop {
        let targets = desired.borrow_and_update().targets.clone();
        let set = match &targets {
            Some(targets) => runtime.confine(&life, door.as_deref(), targets).await,
            // Nobody has said yet where the targets are: what was set before holds.
            None => Ok(()),
        };
        let pause = match set {
            Ok(()) => {
                backoff.reset();
                if std::mem::take(&mut is_failing) {
                    tracing::info!("the networks of workers are limited to their targets again");
                }
                INTERVAL
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    let error = utakata_model::chain(&error);
                    tracing::error!(error, "workers may not reach their targets");
                }
                backoff.wait()
            }
        };
        tokio::select! {
            changed = desired.changed() => if changed.is_err() {
                return;
            },
            () = tokio::time::sleep(pause) => {}
        }
    }
}
