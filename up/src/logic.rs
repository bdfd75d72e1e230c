//! The logic environment with its API and, where wanted, the MQTT broker for other clients.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use utakata_history::History;
use utakata_history_prometheus::Prometheus;
use utakata_interconnect::{
    Events,
    connection::{BACKOFF, draw},
};
use utakata_interconnect_mqtt::{self as mqtt, Broker, broker::Door};
use utakata_logic::{
    Handle, LogicEnvironment, Parts, config, history, http,
    peers::{Addresses, Peers},
    store::{self, Store},
};
use utakata_model::target::Secret;

use crate::{
    Links, bundle,
    claim::Claim,
    config::{Config, Mqtt},
    folder::{Endpoint, began_at},
    keys::{self, Closed},
    mqtt_door::{self, ByToken},
    socket,
};

/// The ports to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Those of the configuration, or fail.
    AsConfigured,
    /// Free ones where the configured ones are in use: for demonstrations.
    OrFree,
}

/// A running logic environment.
pub struct Logic {
    handle: Handle,
    broker: Option<Broker>,
    server: JoinHandle<Result<(), http::Error>>,
    /// Stops the API.
    cancel: CancellationToken,
    endpoint: Endpoint,
}

impl Logic {
    /// Starts it; when this returns, the API answers.
    pub async fn start(config: Config, claim: &Claim, ports: Ports, links: Links) -> Result<Self> {
        let folder = claim.folder().path();
        let listener = listen(config.logic.http.listen, ports).await?;
        let address = listener.local_addr()?;
        let certificate = http::Certificate::read(&config.logic.http.tls)?;
        let url = url(address, certificate.is_some());
        let ca = config.logic.http.tls.ca.clone();
        let by_token = ByToken::default();
        let broker = match links.has_broker {
            true => None,
            false => {
                let door = mqtt_door::door(&config.mqtt, &by_token, certificate.as_ref())?;
                start_broker(&config.mqtt, door, &links.events, ports).await?
            }
        };
        let mqtt = broker.as_ref().map(|broker| broker.address().to_string());
        let store = open(&config.logic.store, &folder.join("store.db")).await?;
        let pid = std::process::id();
        let endpoint = Endpoint {
            url: url.clone(),
            ca,
            mqtt: mqtt.clone(),
            pid,
            began: began_at(pid),
        };
        let closed = Closed {
            claim,
            endpoint: &endpoint,
            certificate: certificate.as_ref(),
        };
        let opened = keys::open(&config.logic, &store, listener, closed).await?;
        let listener = opened.listener;
        let mut connections = links.connections;
        connections.extend(opened.vault);
        let history = history::open(&config.logic.history, &folder.join("history"));
        let engine = config.logic.history.engine.as_deref();
        let secrets = Arc::new(opened.secrets);
        let addresses = Addresses::new(Arc::clone(&secrets), certificate.is_some());
        let parts = Parts {
            engine: engine.map(|url| Arc::new(Prometheus::new(url)) as Arc<dyn History>),
            history,
            peers: join(&config.logic, &store, &url, addresses)?,
            store,
            secrets,
            tasks: links.tasks,
            events: links.events,
            signatures: links.signatures,
            mqtt,
            connections,
            folder: Some(folder.to_owned()),
        };
        let handle = LogicEnvironment::start(config.logic, parts)
            .await
            .context("the logic environment cannot be started")?;
        let catalogue = handle.catalogue();
        catalogue
            .bring(&bundle::shipped()?)
            .await
            .context("the releases shipped with utakata cannot be put into the catalogue")?;
        let cancel = CancellationToken::new();
        let token = Secret::new(claim.token());
        by_token.open(http::Followers::new(handle.clone(), token.clone()));
        let doors = http::Doors {
            listener,
            certificate,
            local: socket::listen(claim.folder()),
        };
        let serving = http::serve(doors, handle.clone(), token, cancel.clone());
        Ok(Self {
            handle,
            broker,
            server: tokio::spawn(serving),
            cancel,
            endpoint,
        })
    }

    /// Returns the addresses of this process.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits until the API has ended by itself, which should not happen. Cancel safe.
    pub async fn broken(&mut self) -> anyhow::Error {
        match (&mut self.server).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) => anyhow::anyhow!("the HTTP API has ended by itself"),
            Err(error) => anyhow::Error::new(error).context("the HTTP API has failed"),
        }
    }

    /// Ends it: requests in progress are answered within this time, and observations are written.
    pub async fn drain(self, within: Duration) {
        self.cancel.cancel();
        self.handle.drain(within).await;
        if !self.server.is_finished()
            && let Err(error) = self.server.await
        {
            tracing::warn!(%error, "the HTTP API did not end cleanly");
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

/// Opens the store. Waits for a database that is away: it may be started after us.
async fn open(config: &config::Store, file: &Path) -> Result<Arc<dyn Store>, store::Error> {
    let mut backoff = BACKOFF;
    loop {
        match store::open(config, file).await {
            Err(error) if error.may_pass() => {
                tracing::warn!(%error, cure = error.cure(), "waiting for the store");
            }
            opened => return opened,
        }
        tokio::time::sleep(backoff.wait_jittered(draw())).await;
    }
}

/// Joins the other logic environments where the store is shared.
fn join(
    config: &utakata_logic::Config,
    store: &Arc<dyn Store>,
    url: &str,
    addresses: Addresses,
) -> Result<Option<Peers>> {
    if config.store.url.is_none() {
        return Ok(None);
    }
    let address = config.http.advertise.clone();
    let address = address.unwrap_or_else(|| url.to_owned());
    let address = address.trim_end_matches('/').to_owned();
    let id = config.name().context("set logic.id")?;
    let peers = Peers::join(store.clone(), &id, (address, addresses), config.lease);
    Ok(Some(peers.context("set logic.id")?))
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
    door: Door,
    events: &Arc<dyn Events>,
    ports: Ports,
) -> Result<Option<Broker>> {
    if !config.enabled {
        return Ok(None);
    }
    let started = Broker::start_behind(door.clone(), config.broker(), Arc::clone(events)).await;
    let started = match started {
        Err(mqtt::broker::Error::InUse { address }) if ports == Ports::OrFree => {
            let elsewhere = mqtt::broker::Config {
                listen: free(address),
                ..config.broker()
            };
            Broker::start_behind(door, elsewhere, Arc::clone(events)).await
        }
        started => started,
    };
    match started {
        Ok(broker) => Ok(Some(broker)),
        Err(error) => bail!(
            "{:#}; that is --mqtt ADDRESS or mqtt.listen, and --mqtt off leaves it out",
            anyhow::Error::from(error)
        ),
    }
}

fn free(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), 0)
}

/// Returns the URL of the API, and warns of one that tells everything to the network.
fn url(address: SocketAddr, has_certificate: bool) -> String {
    if !has_certificate && !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            %address,
            "the API is plain HTTP, as logic.http.insecure says: anybody on the network path can \
             read its tokens"
        );
    }
    match has_certificate {
        true => format!("https://{address}"),
        false => format!("http://{address}"),
    }
}
