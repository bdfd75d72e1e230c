//! What moves tasks and events between processes: the hub of one machine, or brokers.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use utakata_interconnect::{Events, Tasks, connection::Health, hub::HubClient};
use utakata_interconnect_amqp::{self as amqp, Amqp, DeadLetters};
use utakata_interconnect_conformance::faulty::{Faults, FaultyEvents, FaultyTasks};
use utakata_interconnect_mqtt::{MqttEvents, client as mqtt};
use utakata_model::EnvironmentStatus;

use super::logic::Between;
use crate::exit::Usage;

/// The brokers, and what goes wrong with them on purpose.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// RabbitMQ, for tasks; without `--hub` it must be there for `le` and `wee`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amqp: Option<amqp::Config>,
    /// The MQTT broker, for events; without `--hub` it must be there for `le` and `wee`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<mqtt::Config>,
    /// For drills: what goes wrong with messages, each with its chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<String>,
    /// For drills: where the dice of the faults begin.
    #[serde(skip_serializing_if = "is_zero")]
    pub seed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(seed: &u64) -> bool {
    *seed == 0
}

/// What moves tasks and events.
pub struct InterConnect {
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    by: By,
}

enum By {
    Hub(HubClient),
    Brokers { amqp: Arc<Amqp>, mqtt: MqttEvents },
}

/// Who connects.
pub struct Client<'a> {
    /// Unique among all: `utakata-wee-NAME`.
    pub name: String,
    /// Of an environment: the life of which the broker says that it is gone when it dies.
    pub will: Option<&'a EnvironmentStatus>,
}

impl InterConnect {
    /// Connects to a hub, or begins to connect to the brokers of the configuration: those may be
    /// away.
    ///
    /// # Errors
    /// There is no hub, or the configuration says nothing of brokers, or what it says is wrong.
    pub async fn connect(hub: Option<&Path>, config: Config, client: Client<'_>) -> Result<Self> {
        if let Some(hub) = hub {
            let hub = HubClient::connect(hub).await?;
            return Ok(Self {
                tasks: hub.tasks(),
                events: hub.events(),
                by: By::Hub(hub),
            });
        }
        let (Some(amqp), Some(mqtt)) = (config.amqp, config.mqtt) else {
            return Err(Usage(
                "it is not said how processes are connected: set interconnect.amqp.url and \
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
        let mqtt = MqttEvents::connect(mqtt, client.will.cloned())
            .context("interconnect.mqtt cannot be used")?;
        let amqp = Arc::new(Amqp::connect(amqp));
        let tasks: Arc<dyn Tasks> = Arc::clone(&amqp) as Arc<dyn Tasks>;
        let (tasks, events) = spoil(tasks, mqtt.events(), config.faults, config.seed)?;
        Ok(Self {
            tasks,
            events,
            by: By::Brokers { amqp, mqtt },
        })
    }

    /// The queues of tasks.
    pub fn tasks(&self) -> Arc<dyn Tasks> {
        Arc::clone(&self.tasks)
    }

    /// The events.
    pub fn events(&self) -> Arc<dyn Events> {
        Arc::clone(&self.events)
    }

    /// For a logic environment.
    pub fn between(&self) -> Between {
        Between {
            tasks: self.tasks(),
            events: self.events(),
            connections: self.connections(),
            has_broker: matches!(self.by, By::Brokers { .. }),
        }
    }

    /// How the connections to the hub, or to brokers, are.
    pub fn connections(&self) -> Vec<Health> {
        match &self.by {
            By::Hub(hub) => vec![hub.health()],
            By::Brokers { amqp, mqtt } => vec![amqp.health(), mqtt.health()],
        }
    }

    /// What could not be delivered, where tasks go over RabbitMQ.
    pub fn dead_letters(&self) -> Option<DeadLetters> {
        match &self.by {
            By::Hub(_) => None,
            By::Brokers { amqp, .. } => Some(amqp.dead_letters()),
        }
    }

    /// Says that this client comes back, so that nobody takes its environment for gone when it
    /// hangs up. Errors: nobody would believe it now.
    pub async fn step_aside(&mut self) -> Result<()> {
        match &mut self.by {
            By::Hub(hub) => hub
                .step_aside()
                .await
                .context("the hub does not know of it")?,
            // A goodbye to the broker fires no last will; one that is lost on the way would.
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

    /// Gives back what was fetched, and hangs up.
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

/// For drills.
fn spoil(
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    faults: Option<String>,
    seed: u64,
) -> Result<(Arc<dyn Tasks>, Arc<dyn Events>)> {
    let Some(faults) = faults else {
        return Ok((tasks, events));
    };
    let faults: Faults = faults.parse().context("interconnect.faults is wrong")?;
    let faults = Faults { seed, ..faults };
    Ok((
        Arc::new(FaultyTasks::new(tasks, faults.clone())),
        Arc::new(FaultyEvents::new(events, faults)),
    ))
}
