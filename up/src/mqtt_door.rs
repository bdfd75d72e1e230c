//! The door of the embedded MQTT broker: tokens of utakata, and the certificate of the API.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use utakata_interconnect_mqtt::broker::{Door, Doorkeeper, Follows};
use utakata_logic::http::{Certificate, Followers, Seen};

use crate::config::Mqtt;

/// Asks the logic environment about tokens, from when it has started on. Before, nobody enters.
#[derive(Clone, Default)]
pub struct ByToken(Arc<OnceLock<Followers>>);

impl ByToken {
    /// Begins to admit followers.
    pub fn open(&self, followers: Followers) {
        // It is opened once.
        let _ = self.0.set(followers);
    }
}

#[async_trait]
impl Doorkeeper for ByToken {
    async fn admits(&self, password: &str, from: IpAddr) -> Option<Follows> {
        let followers = self.0.get()?;
        followers.admit(password, from).await.map(follows)
    }

    fn keeps(&self, password: &str) -> Option<Follows> {
        self.0.get()?.keep(password).map(follows)
    }
}

fn follows(seen: Seen) -> Follows {
    match seen {
        Seen::Everything => Follows::Everything,
        Seen::Readings => Follows::Readings,
    }
}

/// Returns the door that the configuration asks for.
pub fn door(config: &Mqtt, by_token: &ByToken, certificate: Option<&Certificate>) -> Result<Door> {
    let tls = match (config.tls, certificate) {
        (true, Some(certificate)) => {
            let tls = certificate.server_config();
            Some(Arc::new(tls.context("TLS cannot be set up")?))
        }
        // Without a certificate the configuration was refused.
        _ => None,
    };
    let keeper = config
        .tokens
        .then(|| Arc::new(by_token.clone()) as Arc<dyn Doorkeeper>);
    Ok(Door { keeper, tls })
}
