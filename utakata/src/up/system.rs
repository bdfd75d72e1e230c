//! The boxes put together in one process.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use utakata_execution::Handle as Execution;
use utakata_interconnect::{
    Events, Tasks,
    events::bus::{self, Bus},
    tasks::embedded::{self, Embedded},
};

use super::{
    claim::Claim,
    execution, folders,
    logic::{Between, Logic},
    profiles::Profiles,
};
use crate::{config::Config, folder::Endpoint};

/// What is under way when the end is asked for may take this long.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(10);

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
    /// Ends with it.
    _following: JoinSet<()>,
}

impl System {
    /// Starts everything; when it returns, the API answers.
    pub async fn start(config: Config, claim: &Claim, ports: Ports) -> Result<Self> {
        let events: Arc<dyn Events> = Arc::new(Bus::new(bus::Config::default()));
        let tasks: Arc<dyn Tasks> = Arc::new(Embedded::new(embedded::Config::default()));
        let profiles = Profiles::of(claim.folder().path());
        let mut of_execution = config.execution.clone();
        of_execution.releases.push(profiles.releases().into());
        let (to_logic, heard) = (Arc::clone(&tasks), Arc::clone(&events));
        let between = Between {
            tasks: to_logic,
            events: heard,
            connections: Vec::new(),
            has_broker: false,
        };
        let logic = Logic::start(config, claim, ports, between).await?;
        let folder = claim.folder().path();
        let id = of_execution.environment_id().context("set execution.id")?;
        let environments = logic.handle().environments();
        environments.own(&id, &of_execution.zone).await?;
        let environment = execution::builder(of_execution, folder, tasks, events)?;
        let execution = execution::start(environment.unmade(profiles.unmade().clone()))?;
        let mut following = JoinSet::new();
        following.spawn(folders::follow(
            execution.releases(),
            folder.join("bundled"),
            logic.handle().clone(),
        ));
        following.spawn(profiles.follow(execution.watch()));
        Ok(Self {
            logic,
            execution,
            _following: following,
        })
    }

    /// How it can be reached.
    pub fn endpoint(&self) -> &Endpoint {
        self.logic.endpoint()
    }

    /// Waits until a part of it has ended by itself, which it should not. Cancel safe.
    pub async fn broken(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.logic.broken() => error,
            () = self.execution.ended() => {
                anyhow::anyhow!("the worker execution environment has ended by itself")
            }
        }
    }

    /// Ends everything, in the order in which nothing is lost: workers, logic, API, broker. Calls
    /// `closing` when the API is about to close: its port may be another server's from then on,
    /// long before this process is over.
    pub async fn drain(self, closing: impl FnOnce()) {
        execution::drain(&self.execution).await;
        closing();
        self.logic.drain().await;
    }
}
