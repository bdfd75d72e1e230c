//! The keys that seal secrets, before the logic environment starts: where Vault holds them and does
//! not answer, it is waited for, and the API says so meanwhile.

use std::{io, sync::Arc};

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::connection::{BACKOFF, draw};
use utakata_logic::{
    code::Code,
    config, http,
    secrets::{self, KeyPlace, Secrets, VaultAccess},
    store::Store,
};
use utakata_model::{chain, target::Secret};

use crate::{claim::Claim, folder::Endpoint};

/// The ways to the API before it is served, and what of them others are told.
pub(crate) struct Closed<'c> {
    pub claim: &'c Claim,
    pub endpoint: Endpoint,
    pub config: &'c config::Http,
    pub certificate: Option<http::Certificate>,
}

/// Opens the keys. Waits for Vault as long as it may come.
pub(crate) async fn open(
    place: &KeyPlace,
    vault: Option<&VaultAccess>,
    store: &Arc<dyn Store>,
    listener: TcpListener,
    closed: Closed<'_>,
) -> Result<(Secrets, TcpListener)> {
    let begin = || Secrets::begin(place.clone(), vault.cloned(), &**store, Timestamp::now());
    let failed =
        "the logic environment cannot be started: the secrets in the store cannot be opened";
    let mut problem = match begin().await {
        Err(error) if error.may_pass() => error,
        begun => return Ok((begun.context(failed)?, listener)),
    };
    let (listener, meanwhile) = twice(listener).context("the API cannot say why it waits")?;
    let waiting = http::Waiting::new(Code::VaultFailed, Secret::new(closed.claim.token()));
    tell(&waiting, &problem);
    let doors = http::Doors {
        listener: meanwhile,
        certificate: closed.certificate,
        local: crate::logic::listen_here(closed.claim.folder()),
    };
    let mut serving = JoinSet::new();
    let (refusal, config) = (waiting.clone(), closed.config.clone());
    serving.spawn(async move {
        let cancel = CancellationToken::new();
        if let Err(error) = refusal.serve(doors, &config, cancel).await {
            tracing::warn!(error = chain(&error), "the API cannot say why it waits");
        }
    });
    closed.claim.announce(&closed.endpoint)?;
    let mut backoff = BACKOFF;
    loop {
        tokio::time::sleep(backoff.wait_jittered(draw())).await;
        match begin().await {
            Err(error) if error.may_pass() => {
                // One line for each reason: it may take until somebody comes to unseal it.
                if error.to_string() != problem.to_string() || chain(&error) != chain(&problem) {
                    problem = error;
                    tell(&waiting, &problem);
                }
            }
            begun => {
                closed.claim.withdraw();
                return Ok((begun.context(failed)?, listener));
            }
        }
    }
}

fn tell(waiting: &http::Waiting, problem: &secrets::Error) {
    let (reason, cure) = (chain(problem), problem.cure());
    tracing::warn!(reason, cure, "waiting for the key that seals secrets");
    let detail = format!("the logic environment waits: {reason}; it goes on by itself");
    waiting.tell(detail, cure);
}

/// Returns the same listener twice.
fn twice(listener: TcpListener) -> io::Result<(TcpListener, TcpListener)> {
    let one = listener.into_std()?;
    let other = one.try_clone()?;
    Ok((TcpListener::from_std(one)?, TcpListener::from_std(other)?))
}
