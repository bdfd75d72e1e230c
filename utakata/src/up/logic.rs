//! The logic environment with its API and, where wanted, the MQTT broker for everybody else.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Events, Tasks,
    mqtt::{self, Broker},
};
use utakata_logic::{Handle, LogicEnvironment, Parts, http, store::sqlite::Sqlite};
use utakata_model::target::Secret;

use super::{
    claim::Claim,
    system::{DRAIN_WITHIN, Ports},
};
use crate::{
    config::{Config, Mqtt},
    folder::Endpoint,
};

/// A running logic environment.
pub struct Logic {
    handle: Handle,
    broker: Option<Broker>,
    server: JoinHandle<Result<(), http::Error>>,
    /// Ends the API.
    cancel: CancellationToken,
    endpoint: Endpoint,
}

impl Logic {
    /// Starts it; when it returns, the API answers.
    pub async fn start(
        config: Config,
        claim: &Claim,
        ports: Ports,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
    ) -> Result<Self> {
        let folder = claim.folder().path();
        let listener = listen(config.logic.http.listen, ports).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let broker = start_broker(&config.mqtt, &events, ports).await?;
        let mqtt = broker.as_ref().map(|broker| broker.address().to_string());
        let store = Sqlite::open(folder.join("store.db")).await?;
        let parts = Parts {
            store: Arc::new(store),
            tasks,
            events,
            mqtt: mqtt.clone(),
            connections: Vec::new(),
            id: None,
            duties: utakata_logic::duties::Duties::forever(),
        };
        let handle = LogicEnvironment::start(config.logic, parts)
            .await
            .context("the logic environment cannot be started")?;
        let cancel = CancellationToken::new();
        let token = Secret::new(claim.token());
        let serving = http::serve(listener, handle.clone(), token, cancel.clone());
        let pid = std::process::id();
        Ok(Self {
            handle,
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

    /// Waits until the API has ended by itself, which it should not. Cancel safe.
    pub async fn broken(&mut self) -> anyhow::Error {
        match (&mut self.server).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) => anyhow::anyhow!("the HTTP API has ended by itself"),
            Err(error) => anyhow::Error::new(error).context("the HTTP API has failed"),
        }
    }

    /// Ends it: what was asked for is answered, and what was seen is written.
    pub async fn drain(self) {
        self.cancel.cancel();
        self.handle.drain(DRAIN_WITHIN).await;
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
