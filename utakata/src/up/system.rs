//! The boxes put together: inter connect, logic environment, worker execution environment.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use utakata_execution::{Environment, Handle as Execution};
use utakata_interconnect::{
    Events, Tasks,
    events::bus::{self, Bus},
    mqtt::{self, Broker},
    tasks::embedded::{self, Embedded},
};
use utakata_logic::{Handle as Logic, LogicEnvironment, Parts, http, store::sqlite::Sqlite};
use utakata_model::target::Secret;

use super::{bundle, claim::Claim};
use crate::{
    config::{Config, Mqtt},
    folder::Endpoint,
    programs,
};

/// What is under way when the end is asked for may take this long.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// Which ports may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Those of the configuration, or none.
    AsConfigured,
    /// Free ones where those of the configuration are in use: for demonstrations.
    OrFree,
}

/// All boxes, running.
pub struct System {
    logic: Logic,
    execution: Execution,
    broker: Option<Broker>,
    server: JoinHandle<Result<(), http::Error>>,
    /// Ends the API.
    cancel: CancellationToken,
    endpoint: Endpoint,
}

impl System {
    /// Starts everything; when it returns, the API answers.
    pub async fn start(config: Config, claim: &Claim, ports: Ports) -> Result<Self> {
        let folder = claim.folder().path();
        let bus = Bus::new(bus::Config::default());
        let events: Arc<dyn Events> = Arc::new(bus);
        let tasks: Arc<dyn Tasks> = Arc::new(Embedded::new(embedded::Config::default()));
        let listener = listen(config.logic.http.listen, ports).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let broker = start_broker(&config.mqtt, &events, ports).await?;
        let mqtt = broker.as_ref().map(|broker| broker.address().to_string());
        let store = Sqlite::open(folder.join("store.db")).await?;
        let parts = Parts {
            store: Arc::new(store),
            tasks: Arc::clone(&tasks),
            events: Arc::clone(&events),
            mqtt: mqtt.clone(),
        };
        let logic = LogicEnvironment::start(config.logic, parts)
            .await
            .context("the logic environment cannot be started")?;
        let execution = execution_config(config.execution, claim)?;
        let execution = Environment::start(execution, tasks, events)
            .await
            .context("the worker execution environment cannot be started")?;
        let cancel = CancellationToken::new();
        let token = Secret::new(claim.token());
        let serving = http::serve(listener, logic.clone(), token, cancel.clone());
        let pid = std::process::id();
        Ok(Self {
            logic,
            execution,
            broker,
            server: tokio::spawn(serving),
            cancel,
            endpoint: Endpoint { url, mqtt, pid },
        })
    }

    /// How it can be reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Waits until a part of it has ended by itself, which it should not. Cancel safe.
    pub async fn broken(&mut self) -> anyhow::Error {
        tokio::select! {
            served = &mut self.server => match served {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) => anyhow::anyhow!("the HTTP API has ended by itself"),
                Err(error) => anyhow::Error::new(error).context("the HTTP API has failed"),
            },
            () = self.execution.ended() => {
                anyhow::anyhow!("the worker execution environment has ended by itself")
            }
        }
    }

    /// Ends everything, in the order in which nothing is lost: workers, logic, API, broker.
    pub async fn drain(self) {
        match self.execution.drain(DRAIN_WITHIN).await {
            Ok(drained) if drained.given_up > 0 => {
                tracing::warn!(attempts = drained.given_up, "attempts had to be given up");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the workers could not be drained"),
        }
        self.cancel.cancel();
        self.logic.drain(DRAIN_WITHIN).await;
        if !self.server.is_finished()
            && let Err(error) = self.server.await
        {
            tracing::warn!(%error, "the HTTP API did not end well");
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

async fn listen(address: SocketAddr, ports: Ports) -> Result<TcpListener> {
    match http::bind(address).await {
        Err(error) if ports == Ports::OrFree => {
            http::bind(free(address)).await.map_err(|_| error.into())
        }
        bound => Ok(bound?),
    }
}

async fn start_broker(
    config: &Mqtt,
    events: &Arc<dyn Events>,
    ports: Ports,
) -> Result<Option<Broker>> {
    if !config.enabled {
        return Ok(None);
    }
    let started = Broker::start(config.broker(), Arc::clone(events)).await;
    let started = match started {
        Err(mqtt::broker::Error::InUse { address }) if ports == Ports::OrFree => {
            let elsewhere = mqtt::broker::Config {
                listen: free(address),
                ..config.broker()
            };
            Broker::start(elsewhere, Arc::clone(events)).await
        }
        started => started,
    };
    match started {
        Ok(broker) => Ok(Some(broker)),
        Err(error) => bail!(
            "{}; that is --mqtt ADDRESS or mqtt.listen, and --mqtt off leaves it out",
            crate::output::sentence(&error.into())
        ),
    }
}

fn free(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), 0)
}

/// Our own releases and those of the user, our own programs and those of the user.
fn execution_config(
    mut config: utakata_execution::Config,
    claim: &Claim,
) -> Result<utakata_execution::Config> {
    let folder = claim.folder().path();
    let bundled = folder.join("bundled");
    let own = folder.join("releases");
    let unwritable = || format!("{} cannot be written", folder.display());
    bundle::write(&bundled).with_context(unwritable)?;
    std::fs::create_dir_all(&own).with_context(unwritable)?;
    config.releases.splice(0..0, [bundled, own]);
    config.programs.splice(0..0, programs::folders());
    Ok(config)
}
