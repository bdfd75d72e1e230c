//! All the boxes in one process.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use utakata_execution::{Handle as Execution, Identity};

use crate::{
    Links,
    claim::Claim,
    config::Config,
    enrolment::Enrolment,
    execution,
    folder::Endpoint,
    folder_releases,
    logic::{Logic, Ports},
    probes::Subject,
    profiles::Profiles,
};

/// All parts of utakata, running in one process.
pub struct System {
    logic: Logic,
    execution: Execution,
    /// Ends together with the system.
    _following: JoinSet<()>,
}

impl System {
    /// Starts everything; when this returns, the API answers.
    pub async fn start(config: Config, claim: &Claim, ports: Ports) -> Result<Self> {
        let links = Links::embedded();
        let (tasks, events) = (Arc::clone(&links.tasks), Arc::clone(&links.events));
        let profiles = Profiles::of(claim.folder().path());
        let mut of_execution = config.execution.clone();
        of_execution.releases.push(profiles.releases().into());
        let logic = Logic::start(config, claim, ports, links).await?;
        let folder = claim.folder().path();
        let id = of_execution.environment_id().context("set execution.id")?;
        let environments = logic.handle().environments();
        let enrolment = Enrolment::load(folder, &of_execution)?;
        let (zone, key) = (&of_execution.zone, enrolment.keys.public());
        environments.own(&id, zone, key).await?;
        let identity = Identity::build(&of_execution).context("set execution.id")?;
        let identity = enrolment.enrol(identity);
        let keys = enrolment.keys;
        let environment = execution::builder(of_execution, folder, tasks, events, keys)?;
        let environment = environment.identity(identity);
        let execution = execution::start(environment.unmade(profiles.unmade().clone()))?;
        let mut following = JoinSet::new();
        following.spawn(folder_releases::follow(
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

    /// Returns the addresses of this process.
    pub fn endpoint(&self) -> &Endpoint {
        self.logic.endpoint()
    }

    /// Waits until a part has ended by itself, which should not happen. Cancel safe.
    pub async fn broken(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.logic.broken() => error,
            () = self.execution.ended() => {
                anyhow::anyhow!("the worker execution environment has ended by itself")
            }
        }
    }

    /// Returns the boxes that probes ask about.
    pub fn subject(&self) -> Subject {
        Subject {
            logic: Some(self.logic.handle().clone()),
            execution: Some(self.execution.clone()),
            connections: Vec::new(),
        }
    }

    /// Ends everything in the order in which nothing is lost: workers, logic, API, broker. Calls
    /// `closing` when the API is about to close: its port may belong to another server from then
    /// on, long before this process ends.
    pub async fn drain(self, within: Duration, closing: impl FnOnce()) {
        execution::drain(&self.execution, within).await;
        closing();
        self.logic.drain(within).await;
    }
}
