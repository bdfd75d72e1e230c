//! The keys of environments: each is revoked now and then, and accepted again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};
use utakata_api::{
    Client,
    client::Error,
    environment::{AcceptanceView, NewAcceptance},
};
use utakata_model::EnvironmentId;

use crate::server::Server;

/// The interval between requests, if nobody answers.
const RETRY_AFTER: Duration = Duration::from_millis(100);

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
            let id = &environment;
            until_done(&server, async |client| client.revoke_environment(id).await).await;
            sleep(down).await;
            let whichever = &NewAcceptance::default();
            until_done(&server, async |client| {
                client.accept_environment(id, whichever).await
            })
            .await;
            is_revoked.store(false, Ordering::Release);
        });
        true
    }
}

/// Asks until it is done: logic environments are killed, and do not hear of an environment while it
/// is down.
async fn until_done(server: &Server, ask: impl AsyncFn(Client) -> Result<AcceptanceView, Error>) {
    loop {
        if let Some(client) = server.client()
            && ask(client).await.is_ok()
        {
            return;
        }
        sleep(RETRY_AFTER).await;
    }
}
