//! The inter connect between processes: the hub of one machine, or brokers.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use utakata_interconnect::{
    Events, Signatures, Tasks, clock::Clock, connection::Health, hub::HubClient,
};
use utakata_interconnect_amqp::{Amqp, DeadLetters};
use utakata_interconnect_mqtt::{MqttEvents, client as mqtt};
use utakata_model::EnvironmentStatus;

use crate::{Alteration, Usage, config, links::Links};

/// The inter connect of one process, and the clients beneath it.
pub struct InterConnect {
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    by: By,
}

enum By {
    Hub(HubClient),
    Brokers { amqp: Arc<Amqp>, mqtt: MqttEvents },
}

/// The identity that a client presents.
pub struct Client<'a> {
    /// The unique name of the client: `utakata-wee-NAME`.
    pub name: String,
    /// For an environment: the life that the broker declares gone when this client dies.
    pub will: Option<&'a EnvironmentStatus>,
    /// The signatures of messages over brokers.
    pub signatures: Arc<dyn Signatures>,
}

impl InterConnect {
    /// Connects to a hub, or starts connecting to the configured brokers, which may be away.
    ///
    /// # Errors
    /// There is no hub, or the configuration has no brokers, or their configuration is wrong.
    pub async fn connect(
        hub: Option<&Path>,
        config: config::InterConnect,
        client: Client<'_>,
        alteration: &dyn Alteration,
    ) -> Result<Self> {
        if let Some(hub) = hub {
            // Errors of the brokers occur in the hub.
            let hub = HubClient::connect(hub).await?;
            return Ok(Self {
                tasks: hub.tasks(),
                events: hub.events(),
                by: By::Hub(hub),
            });
        }
        let (Some(amqp), Some(mqtt)) = (config.amqp, config.mqtt) else {
            return Err(Usage(
                "the connection between processes is not configured: set interconnect.amqp.url and \
                 interconnect.mqtt.url (docs/guide/large-sites.md), or give --hub PATH"
                    .into(),
            )
            .into());
        };
        let mqtt = mqtt::Config {
            client: match mqtt.client.is_empty() {
                true => client.name,
                false => mqtt.client.clone(),
            },
            ..mqtt
        };
        let signatures = || Some(Arc::clone(&client.signatures));
        let will = client.will.cloned();
        let mqtt = MqttEvents::connect_with(mqtt, will, Clock::default(), signatures())
            .context("interconnect.mqtt cannot be used")?;
        let amqp = Amqp::connect_with(amqp, Clock::default(), signatures());
        let amqp = Arc::new(amqp);
        let links = alteration.links(Links {
            tasks: Arc::clone(&amqp) as Arc<dyn Tasks>,
            events: mqtt.events(),
            signatures: None,
            connections: Vec::new(),
            has_broker: true,
        });
        Ok(Self {
            tasks: links.tasks,
            events: links.events,
            by: By::Brokers { amqp, mqtt },
        })
    }

    pub fn tasks(&self) -> Arc<dyn Tasks> {
        Arc::clone(&self.tasks)
    }

    pub fn events(&self) -> Arc<dyn Events> {
        Arc::clone(&self.events)
    }

    /// The links of a logic environment.
    pub fn links(&self) -> Links {
        Links {
            tasks: self.tasks(),
            events: self.events(),
            signatures: None,
            connections: self.connections(),
            has_broker: matches!(self.by, By::Brokers { .. }),
        }
    }

    /// Returns the state of the connections to the hub, or to brokers.
    pub fn connections(&self) -> Vec<Health> {
        match &self.by {
            By::Hub(hub) => vec![hub.health()],
            By::Brokers { amqp, mqtt } => vec![amqp.health(), mqtt.health()],
        }
    }

    /// The dead letters, where tasks travel over RabbitMQ.
    pub fn dead_letters(&self) -> Option<DeadLetters> {
        match &self.by {
            By::Hub(_) => None,
            By::Brokers { amqp, .. } => Some(amqp.dead_letters()),
        }
    }

    /// Announces that this client will come back, so that its environment is not declared gone when
    /// the connection closes. An error means that the announcement did not get through.
    pub async fn step_aside(&mut self) -> Result<()> {
        match &mut self.by {
            By::Hub(hub) => hub
                .step_aside()
                .await
                .context("the hub does not know of it")?,
            // A clean disconnect from the broker triggers no last will; one lost on the way would.
            By::Brokers { amqp, mqtt } => {
                let connections = [amqp.health(), mqtt.health()];
                let away = connections
                    .iter()
                    .map(Health::look)
                    .find(|look| look.problem.is_some());
                if let Some(away) = away {
                    bail!("the connection for {} is lost", away.name);
                }
            }
        }
        Ok(())
    }

    /// Gives back what was fetched, and disconnects.
    pub async fn close(self) {
        match self.by {
            By::Hub(hub) => hub.close().await,
            By::Brokers { amqp, mqtt } => {
                amqp.close().await;
                mqtt.close().await;
            }
        }
    }
}
