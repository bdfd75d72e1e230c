//! Probes of a process by machines: its liveness, its readiness and its metrics. They need no
//! token and have their own port (`probes.address`); answers name no target and no person.
//!
//! ```text
//! /livez    200 as long as the process is alive, even while it waits for a database or drains
//! /readyz   200 once all parts were available at the same time, until it drains
//! /metrics  OpenMetrics
//! ```

mod readiness;
mod server;
mod subject;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use subject::Subject;

use crate::config;
use readiness::{Readiness, Stage};

/// The server of probes, until it is dropped. Without an address nothing listens.
#[derive(Debug)]
pub struct Probes {
    state: Arc<watch::Sender<State>>,
    serving: Option<JoinHandle<()>>,
}

/// The state that answers are made from.
#[derive(Debug, Clone, Default)]
struct State {
    stage: Stage,
    /// The boxes of the process, once they run.
    subject: Option<Arc<Subject>>,
    /// True once all parts were available at the same time.
    was_ready: bool,
}

impl Probes {
    /// Listens on the configured address. Until [`Self::serve`] the process is alive, and not
    /// ready.
    ///
    /// # Errors
    /// The address cannot be used.
    pub async fn start(config: &config::Probes) -> Result<Self> {
        let state = Arc::new(watch::Sender::default());
        let Some(wanted) = config.address else {
            return Ok(Self {
                state,
                serving: None,
            });
        };
        let cannot = || format!("probes cannot be answered at {wanted} (probes.address)");
        let listener = TcpListener::bind(wanted).await.with_context(cannot)?;
        let address = listener.local_addr().with_context(cannot)?;
        tracing::info!(%address, "answering probes: /livez, /readyz, /metrics");
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&state)));
        Ok(Self {
            state,
            serving: Some(serving),
        })
    }

    /// Answers for these boxes from now on.
    pub fn serve(&self, subject: Subject) {
        self.state.send_modify(|state| {
            state.stage = Stage::Serving;
            state.subject = Some(Arc::new(subject));
        });
    }

    /// Answers "not ready" from now on: the process is draining.
    pub fn drain(&self) {
        self.state
            .send_modify(|state| state.stage = Stage::Draining);
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Returns the readiness, and remembers that the process was ready.
fn look(state: &watch::Sender<State>) -> Readiness {
    let State {
        stage,
        subject,
        was_ready,
    } = state.borrow().clone();
    let parts = subject.map(|subject| subject.parts()).unwrap_or_default();
    let readiness = readiness::readiness(stage, was_ready, &parts);
    if readiness.is_ready && !was_ready {
        state.send_modify(|state| state.was_ready = true);
    }
    readiness
}
