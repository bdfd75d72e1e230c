//! The keys that seal secrets, before the logic environment starts: where Vault holds them and does
//! not answer, it is waited for, and the API says so meanwhile.

use std::{io, path::Path, sync::Arc};

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::connection::{BACKOFF, Health, draw};
use utakata_logic::{
    code::Code,
    config, http,
    secrets::{self, KeyPlace, Secrets, VaultAccess},
    store::Store,
};
use utakata_model::{chain, target::Secret};

use crate::{claim::Claim, folder::Endpoint, socket};

/// The ways to the API before it is served.
pub(crate) struct Closed<'c> {
    pub claim: &'c Claim,
    pub endpoint: &'c Endpoint,
    pub certificate: Option<&'c http::Certificate>,
}

/// The keys, as they were opened.
pub(crate) struct Opened {
    pub secrets: Secrets,
    /// The listener of the API, as it was given.
    pub listener: TcpListener,
    /// The health of Vault as a connection, if it is used.
    pub vault: Option<Health>,
}

/// Opens the keys. Waits for Vault as long as it may come.
pub(crate) async fn open(
    config: &utakata_logic::Config,
    store: &Arc<dyn Store>,
    listener: TcpListener,
    closed: Closed<'_>,
) -> Result<Opened> {
    let of_systemd = std::env::var_os("CREDENTIALS_DIRECTORY");
    let of_systemd = of_systemd.as_deref().map(Path::new);
    let place = KeyPlace::of(config, closed.claim.folder().path(), of_systemd);
    let vault = VaultAccess::of(&config.vault).context("set logic.vault")?;
    let health = vault.as_ref().map(|vault| vault.health().clone());
    let begin = || Secrets::begin(place.clone(), vault.clone(), &**store, Timestamp::now());
    let failed =
        "the logic environment cannot be started: the secrets in the store cannot be opened";
    let problem = match begin().await {
        Err(error) if error.may_pass() => error,
        begun => {
            return Ok(Opened {
                secrets: begun.context(failed)?,
                listener,
                vault: health,
            });
        }
    };
    let (listener, meanwhile) = twice(listener).context("the API cannot say why it waits")?;
    let waiting = http::Waiting::new(Code::VaultFailed, Secret::new(closed.claim.token()));
    tell(&waiting, &problem);
    let doors = http::Doors {
        listener: meanwhile,
        certificate: closed.certificate.cloned(),
        local: socket::listen(closed.claim.folder()),
    };
    let _refusing = refuse(waiting.clone(), doors, config.http.clone());
    closed.claim.announce(closed.endpoint)?;
    let secrets = wait_for(begin, problem, &waiting).await;
    closed.claim.withdraw();
    Ok(Opened {
        secrets: secrets.context(failed)?,
        listener,
        vault: health,
    })
}

/// Refuses requests until it is dropped.
fn refuse(waiting: http::Waiting, doors: http::Doors, config: config::Http) -> JoinSet<()> {
    let mut refusing = JoinSet::new();
    refusing.spawn(async move {
        if let Err(error) = waiting
            .serve(doors, &config, CancellationToken::new())
            .await
        {
            tracing::warn!(error = chain(&error), "the API cannot say why it waits");
        }
    });
    refusing
}

/// Tries again and again, until there are keys or no waiting helps.
async fn wait_for<F: Future<Output = Result<Secrets, secrets::Error>>>(
    begin: impl Fn() -> F,
    mut problem: secrets::Error,
    waiting: &http::Waiting,
) -> Result<Secrets, secrets::Error> {
    let mut backoff = BACKOFF;
    loop {
        tokio::time::sleep(backoff.wait_jittered(draw())).await;
        match begin().await {
            Err(error) if error.may_pass() => {
                // One line for each reason: it may take until somebody comes to unseal it.
                if chain(&error) != chain(&problem) {
                    tell(waiting, &error);
                    problem = error;
                }
            }
            begun => return begun,
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
