//! A target, as seen by a user of SNMPv3.
//!
//! The engine that answers, its boots and its time are claims of the device, and devices share
//! engine ids. They are therefore remembered per address and user, by the client that talks to it,
//! and when a device falls silent it is asked again who it is.

use std::{net::SocketAddr, sync::Arc};

use async_snmp::{
    Auth, Client, ClientBuilder, DesSaltState, EngineCache, ErrorKind, ErrorStatus, MessageSize,
    Oid, Retry, Value, VarBind,
    message::{RawV3Message, V3Message},
    v3::parse_discovery_response,
};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Error, LONGEST_EXCHANGE,
    handle::{Handle, Verdict},
    message::{Answer, Bindings, Names, PduKind},
    secrets::Secrets,
};

/// The largest message that we announce to accept.
const MESSAGE_MAX: usize = 65_507;

/// A target as seen by a user of SNMPv3.
pub struct Speaker {
    handle: Handle,
    secrets: Arc<Secrets>,
    salts: Option<DesSaltState>,
    /// The client that was answered last.
    known: Mutex<Option<Arc<Client<Handle>>>>,
}

impl Speaker {
    /// A target as seen by this user.
    pub fn new(handle: Handle, secrets: Arc<Secrets>, salts: Option<DesSaltState>) -> Self {
        Self {
            handle,
            secrets,
            salts,
            known: Mutex::default(),
        }
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Sends the request once. If earlier tries failed, the device is first asked for its identity:
    /// it may have been replaced, or its boot counter may have been reset.
    pub async fn ask(
        &self,
        until: Instant,
        try_: u32,
        operation: &PduKind,
        names: &Names,
    ) -> Result<Answer, Error> {
        let known = self.known.lock().clone().filter(|_| try_ == 0);
        if let Some(client) = known {
            match self.ask_by(&client, operation, names).await {
                // It reported another identity.
                Err(Error::Credential { .. }) => {}
                answer => return answer,
            }
        }
        let client = self.introduce(until).await?;
        let answer = self.ask_by(&client, operation, names).await;
        if !matches!(answer, Err(Error::Credential { .. } | Error::Silent { .. })) {
            *self.known.lock() = Some(client);
        }
        answer
    }

    async fn ask_by(
        &self,
        client: &Client<Handle>,
        operation: &PduKind,
        names: &Names,
    ) -> Result<Answer, Error> {
        let oids = names.oids();
        let number = |count: usize| u32::try_from(count).unwrap_or(1);
        let ask = async {
            match operation {
                PduKind::Get => client.get_many(&oids).await.map(|answer| answer.varbinds),
                PduKind::Next => {
                    let answer = client.get_next_many(&oids).await;
                    answer.map(|answer| answer.varbinds)
                }
                PduKind::Bulk { singles, rows } => {
                    client
                        .get_bulk(&oids, number(*singles), number(*rows))
                        .await
                }
                PduKind::Set(value) => {
                    let pairs = oids.iter().map(|oid| (oid.clone(), value.clone()));
                    let answer = client.set_many(&pairs.collect::<Vec<_>>()).await;
                    answer.map(|answer| answer.varbinds)
                }
            }
        };
        match self.handle.salvaging(ask).await {
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == ErrorKind::OutboundMessageTooLarge => {
                Ok(refusal(ErrorStatus::TooBig, 0, oids))
            }
            // A refusal is an answer: it narrows down the request.
            Err(error) => match Error::from_snmp(error) {
                Error::Refused { status, index, .. } => Ok(refusal(status, index, oids)),
                error => Err(error),
            },
        }
    }

    /// A client that knows the engine currently at the address.
    async fn introduce(&self, until: Instant) -> Result<Arc<Client<Handle>>, Error> {
        let client = |source| Error::Client { source };
        let request = |id| {
            let size = MessageSize::new(MESSAGE_MAX).map_err(|_| Error::silent())?;
            let message = V3Message::discovery_request(id, size);
            let bytes = message.and_then(|message| message.encode());
            bytes.map(|bytes| bytes.to_vec()).map_err(client)
        };
        let judge = |bytes: Bytes, _| {
            let message = RawV3Message::decode(bytes, async_snmp::DecodeConfig::DEFAULT);
            let engine = message
                .ok()
                .and_then(|raw| parse_discovery_response(raw.value.security_params()).ok());
            engine.map_or(Verdict::Other, Verdict::Answer)
        };
        let engine = self.handle.exchange(until, request, judge).await?;
        let engines = EngineCache::new();
        let target: SocketAddr = self.handle.target();
        engines.insert_discovered(target, engine).map_err(client)?;
        let mut builder = ClientBuilder::new(Auth::Usm(self.secrets.config.clone()))
            .retry(Retry::none())
            .request_timeout(LONGEST_EXCHANGE)
            .max_oids_per_request(128)
            .engine_cache(Arc::new(engines));
        if let Some(salts) = &self.salts {
            builder = builder.des_salt_state(salts.clone());
        }
        let built = builder.build_with_transport(self.handle.clone());
        built.map(Arc::new).map_err(client)
    }
}

/// The answer that refuses these objects, naming one by its position.
fn refusal(status: ErrorStatus, index: usize, oids: Vec<Oid>) -> Answer {
    let asked = oids.into_iter().map(|oid| VarBind::new(oid, Value::Null));
    Answer {
        status,
        index,
        bindings: Bindings::Decoded(asked.collect()),
    }
}
