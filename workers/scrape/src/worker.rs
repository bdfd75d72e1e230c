//! Carries out tasks.

use std::{error::Error as StdError, time::Duration};

use tokio::time::Instant;
use utakata_profile::{
    Collection, Filter,
    release::{self, Program},
};
use utakata_worker_http::{
    device::Devices,
    place::Usual,
    task::{begin, problem},
};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    model::{Cure, Missing, Problem, Recognition, missing},
};

use crate::{decode, profile::Content};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(200);
/// The largest page, in bytes.
const PAGE_MAX: usize = 16 * 1024 * 1024;
/// The path of a page, unless the address has one.
const PATH: &str = "/metrics";
/// The form that is asked for.
const ACCEPT: &str = "text/plain;version=0.0.4";
/// An address without a scheme: the port of the node exporter.
const USUAL: Usual = Usual {
    is_tls: false,
    port: 9100,
};

/// A worker for exporters of Prometheus.
#[derive(Debug)]
pub struct ScrapeWorker {
    program: Program<Content>,
    devices: Devices,
}

impl ScrapeWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        Ok(Self {
            program: Program::of(&release.folder, &release.manifest, &["read"])?,
            devices: Devices::default(),
        })
    }

    async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        let (place, mut turn) = begin(&self.devices, task, USUAL, deadline).await?;
        let path = place.path.clone();
        let path = path.filter(|path| path != "/");
        let path = path.unwrap_or_else(|| PATH.into());
        let response = turn.device.get(&path, ACCEPT, PAGE_MAX).await;
        let response = response.map_err(|error| Failure::failed(problem(task, &place, &error)))?;
        // The next one need not wait for what is done with the page.
        drop(turn);
        let page = std::str::from_utf8(&response.body)
            .map_err(|error| no_page(task, &path, &error.to_string()))?;
        self.read(task, &path, page)
    }

    fn read(&self, task: &Task, path: &str, page: &str) -> Result<Answer, Failure> {
        let names = decode::names(page).map_err(|error| no_page(task, path, &error.to_string()))?;
        let has = |name: &String| names.contains(name.as_str());
        let found = self
            .program
            .recognise(|profile| profile.content.recognise.iter().any(has));
        let found = found.map_err(|error| {
            let message = format!("{}: {error}", task.target);
            Failure::failed(Problem::new("internal", Cure::Bug, message))
        })?;
        let filter = Filter::of(&task.parameters);
        let is_open = filter.is_open();
        let mut all = Collection::new(filter);
        let wrong = decode::decode(&found.profiles, page, &mut all);
        if all.readings.is_empty() && !is_open {
            let message = format!("{} has nothing of what was asked for", task.target);
            let problem = Problem::new("device-refused", Cure::Operator, message);
            return Err(Failure::failed(problem));
        }
        let wrong = wrong
            .iter()
            .map(|error| Missing::rest(path, missing::UNDECODABLE, &error.to_string()));
        Ok(Answer {
            missing: wrong.chain(all.unread).collect(),
            recognition: Some(Recognition {
                is_understood: !all.readings.is_empty(),
                profiles: found
                    .names
                    .iter()
                    .map(|name| name.as_str().into())
                    .collect(),
                identity: None,
                description: None,
            }),
            readings: all.readings,
            ..Answer::default()
        })
    }
}

fn no_page(task: &Task, path: &str, why: &str) -> Failure {
    let message = format!(
        "{}: {path} is no page of samples: {why}: check the address",
        task.target
    );
    Failure::failed(Problem::new("device-garbage", Cure::Operator, message))
}

impl Worker for ScrapeWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }
}
