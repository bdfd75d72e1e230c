//! The keys of environments: each is revoked now and then, and accepted again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};
use utakata_api::environment::NewAcceptance;
use utakata_model::EnvironmentId;

use crate::server::Server;

/// The interval between requests, if nobody answers.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// A decision about a key.
#[derive(Debug, Clone, Copy)]
enum Decision {
    Revoked,
    Accepted,
}

/// Revokes and accepts keys, of one environment at a time, so that another one works meanwhile.
#[derive(Debug)]
pub struct Keys {
    server: Arc<Server>,
    is_revoked: Arc<AtomicBool>,
    /// The requests under way: they end with this.
    requests: JoinSet<()>,
}

impl Keys {
    /// Creates it without requests.
    pub fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            is_revoked: Arc::default(),
            requests: JoinSet::new(),
        }
    }

    /// Returns true if the key of every environment is accepted.
    pub fn are_accepted(&self) -> bool {
        !self.is_revoked.load(Ordering::Acquire)
    }

    /// Revokes the key of an environment for that time, unless one is revoked already.
    pub fn revoke(&mut self, environment: EnvironmentId, down: Duration) -> bool {
        while self.requests.try_join_next().is_some() {}
        if self.is_revoked.swap(true, Ordering::AcqRel) {
            return false;
        }
        let (server, is_revoked) = (Arc::clone(&self.server), Arc::clone(&self.is_revoked));
        self.requests.spawn(async move {
            decide(&server, &environment, Decision::Revoked).await;
            sleep(down).await;
            decide(&server, &environment, Decision::Accepted).await;
            is_revoked.store(false, Ordering::Release);
        });
        true
    }
}

/// Asks until it is decided: logic environments are killed, and do not hear of an environment while
/// it is down.
async fn decide(server: &Server, environment: &EnvironmentId, decision: Decision) {
    loop {
        if let Some(client) = server.client() {
            let answer = match decision {
                Decision::Revoked => client.revoke_environment(environment).await,
                Decision::Accepted => {
                    let whichever = NewAcceptance::default();
                    client.accept_environment(environment, &whichever).await
                }
            };
            if answer.is_ok() {
                return;
            }
        }
        sleep(RETRY_AFTER).await;
    }
}
